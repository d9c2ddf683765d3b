"""SQLite's settings: pragmas of connections, and the few that the file keeps."""

import sqlite3
from pathlib import Path

import pytest

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.backends.sqlite.settings import SqliteSettings
from perfkit.errors import TargetError
from tests.command import Command


def settings_of(url: str) -> SqliteSettings:
    found = need(open_target(url).settings)
    assert isinstance(found, SqliteSettings)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perfkit.db"


@pytest.fixture
def made(path: Path) -> Path:
    """A file with a table in it."""
    run(path, "CREATE TABLE t (x)")
    return path


@pytest.fixture
def settings(path: Path) -> SqliteSettings:
    return settings_of(f"sqlite:///{path}")


def run(path: Path, statement: str) -> object:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        row = connection.execute(statement).fetchone()
        return row and row[0]
    finally:
        connection.close()


def test_a_file_yet_to_be_made_has_the_values_that_it_would_have(
    settings: SqliteSettings, path: Path
) -> None:
    live = settings.live(["journal_mode", "synchronous", "page_size", "auto_vacuum"])
    assert live == {
        "journal_mode": "delete", "synchronous": "full", "page_size": "4096", "auto_vacuum": "none",
    }  # fmt: skip
    assert not path.exists()


def test_the_url_s_own_pragmas_are_live(path: Path) -> None:
    live = settings_of(f"sqlite:///{path}?synchronous=off&cache_size=-5000").live(
        ["synchronous", "cache_size", "cache_spill"]
    )
    assert live == {"synchronous": "off", "cache_size": "-5000", "cache_spill": "on"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("page_size", "5000", "SQLite makes 4096 of page_size = 5000"),
        ("mmap_size", "20GiB", "SQLite makes 2147418112"),
        ("synchronous", "maybe", "off, normal, full, extra"),
        ("cache_size", "many", "cache_size"),
    ],
)
def test_a_value_that_sqlite_would_quietly_change_is_a_problem(
    settings: SqliteSettings, name: str, value: str, words: str
) -> None:
    assert words in (settings.problem(name, value) or "")


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("synchronous", "normal", "1"),
        ("mmap_size", "256MiB", "268435456"),
        ("foreign_keys", "on", "TRUE"),
        ("busy_timeout", "5s", "5000"),
        ("secure_delete", "true", "1"),
        ("journal_mode", "WAL", "wal"),
    ],
)
def test_values_are_the_same_however_they_are_written(
    settings: SqliteSettings, name: str, first: str, second: str
) -> None:
    assert settings.same(name, first, second)


def test_a_session_has_every_pragma_that_its_url_asks_for(settings: SqliteSettings) -> None:
    wanted = {"journal_mode": "wal", "synchronous": "normal", "busy_timeout": "7000", "mmap_size": "1048576"}  # fmt: skip
    url = settings.session_url(wanted)
    assert settings_of(url).live(list(wanted)) == wanted


def test_a_session_s_pragma_takes_the_place_of_the_url_s(path: Path) -> None:
    url = settings_of(f"sqlite:///{path}?synchronous=off&temp_store=memory").session_url(
        {"synchronous": "full"}
    )
    assert settings_of(url).live(["synchronous", "temp_store"]) == {
        "synchronous": "full",
        "temp_store": "memory",
    }


def test_the_page_size_is_for_a_file_that_is_not_there_yet(path: Path) -> None:
    settings = settings_of(f"sqlite:///{path}")
    assert settings.why_not_in_session("page_size") is None
    run(path, "CREATE TABLE t (x)")
    assert "VACUUM" in (settings.why_not_in_session("page_size") or "")


def test_a_url_with_a_page_size_that_the_file_does_not_have_is_refused(made: Path) -> None:
    with pytest.raises(TargetError, match="stays 4096"):
        open_target(f"sqlite:///{made}?page_size=8192")
    assert open_target(f"sqlite:///{made}?page_size=4096").info.settings["page_size"] == 4096


def test_only_what_the_file_keeps_can_be_applied(made: Path) -> None:
    settings = settings_of(f"sqlite:///{made}")
    with pytest.raises(TargetError, match="whenever it has connected"):
        settings.apply("cache_size", "-64000")
    settings.apply("journal_mode", "wal")
    assert run(made, "PRAGMA journal_mode") == "wal"


def test_a_connection_s_pragma_does_not_last_and_a_file_s_does(settings: SqliteSettings) -> None:
    assert not settings.change("cache_size", "-64000").lasting
    assert not settings.change("journal_mode", "memory").lasting
    assert settings.change("journal_mode", "wal").lasting
    assert settings.change("page_size", "8192").lasting


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_page_size_changes_by_vacuum_and_the_journal_mode_stays(made: Path, mode: str) -> None:
    run(made, f"PRAGMA journal_mode = {mode}")
    settings = settings_of(f"sqlite:///{made}")
    undo = settings.undo("page_size").statement
    settings.apply("page_size", "8192")
    assert run(made, "PRAGMA page_size") == 8192
    assert run(made, "PRAGMA journal_mode") == mode
    connection = sqlite3.connect(made)
    connection.executescript(undo or "")
    connection.close()
    assert run(made, "PRAGMA page_size") == 4096


def test_the_journal_mode_is_put_back(made: Path) -> None:
    settings = settings_of(f"sqlite:///{made}")
    with settings.restored(["journal_mode", "synchronous"]):
        open_target(settings.session_url({"journal_mode": "wal"}))
        assert run(made, "PRAGMA journal_mode") == "wal"
    assert run(made, "PRAGMA journal_mode") == "delete"


def test_the_journal_mode_is_put_back_after_an_error(made: Path) -> None:
    settings = settings_of(f"sqlite:///{made}")

    def interrupted() -> None:
        with settings.restored(["journal_mode"]):
            open_target(settings.session_url({"journal_mode": "wal"}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert run(made, "PRAGMA journal_mode") == "delete"


def test_a_file_that_others_use_can_t_leave_wal_and_that_is_said(made: Path) -> None:
    settings = settings_of(f"sqlite:///{made}?busy_timeout=10ms")
    other = sqlite3.connect(made)

    def in_use() -> None:
        with settings.restored(["journal_mode"]):
            open_target(settings.session_url({"journal_mode": "wal"}))
            other.execute("SELECT * FROM t").fetchall()

    with pytest.raises(TargetError, match="could not be set to delete") as raised:
        in_use()
    other.close()
    assert "PRAGMA journal_mode = delete" in (raised.value.hint or "")


@pytest.mark.parametrize("kept", [True, False])
def test_a_file_that_comes_and_perhaps_goes_is_no_matter(
    settings: SqliteSettings, path: Path, *, kept: bool
) -> None:
    with settings.restored(["journal_mode"]):
        run(path, "PRAGMA journal_mode = wal")
        run(path, "CREATE TABLE t (x)")
        if not kept:
            path.unlink()
    assert path.exists() == kept
    assert not kept or run(path, "PRAGMA journal_mode") == "delete"


def test_a_file_that_went_away_is_no_matter(made: Path) -> None:
    with settings_of(f"sqlite:///{made}").restored(["journal_mode"]):
        made.unlink()
    assert not made.exists()


def test_a_benchmark_of_journal_modes_leaves_the_file_as_it_was(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = Command(capfd, tmp_path)(
        "bench", f"sqlite:///{made}", "--query", "SELECT * FROM t", "--sweep",
        "journal_mode=delete,wal", "--runs", "1", "--duration", "100ms", "--warmup", "0s",
    )  # fmt: skip
    assert "wal" in ran.out
    assert run(made, "PRAGMA journal_mode") == "delete"
    assert [each.name for each in made.parent.iterdir()] == [made.name]
