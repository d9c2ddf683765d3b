"""The undo file: what it says, and that it is written whole, for its owner, and over nothing."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perfkit.backends.base import Change
from perfkit.errors import UsageError
from perfkit.results import TargetInfo
from perfkit.tuning.undo import undo_path, undo_text, write_undo

UNDONE = [
    ("a", "1\n; DROP TABLE t", Change("SET a = 1;", note="for this database")),
    ("b", "2", Change("SET b = 2;", restart=True)),
    ("c", "3", Change(None, note="c = 3 in its file")),
]


def text(backend: str) -> list[str]:
    target = TargetInfo(backend, f"{backend}://host/db", None)
    return undo_text("mine", target, "undo.sql", UNDONE).splitlines()


def test_what_was_applied_last_is_taken_back_first_and_all_else_is_a_comment() -> None:
    assert text("postgresql") == [
        "-- Takes back what perfkit applied of the profile mine to postgresql://host/db.",
        "-- Run it with: psql URL -f undo.sql",
        "-- c was 3",
        "-- c = 3 in its file",
        "-- b was 2",
        "SET b = 2;",
        "-- then restart the server",
        "-- a was 1 ; DROP TABLE t",
        "SET a = 1;",
        "-- for this database",
    ]


@pytest.mark.parametrize(
    ("backend", "mark"), [("sqlite", "--"), ("mongodb", "//"), ("redis", 'ECHO "')]
)
def test_comments_are_those_of_the_servers_client(backend: str, mark: str) -> None:
    lines = [line for line in text(backend) if not line.startswith("SET ")]
    assert len(lines) == 8
    assert all(line.startswith(mark) for line in lines)


def test_its_name_tells_the_profile_and_the_moment_and_stays_in_the_folder() -> None:
    now = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    assert (
        str(undo_path("redis-cache", "redis", now))
        == "perfkit-undo-redis-cache-20260504-030201.txt"
    )
    assert undo_path("../../etc/x y", "mongodb", now).parent == Path()
    assert undo_path("p", "sqlite", now).suffix == ".sql"


def test_only_its_owner_may_read_it_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "undo.sql"
    write_undo(path, "SELECT 1;\n")
    assert path.read_text() == "SELECT 1;\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "undo.sql"
    path.write_text("another's")
    with pytest.raises(UsageError, match="exists already"):
        write_undo(path, "SELECT 1;\n")
    assert path.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "undo.sql"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        write_undo(path, "SELECT 1;\n")
    assert not (tmp_path / "elsewhere").exists()


def test_where_it_can_not_be_written_nothing_is_changed_and_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="so nothing was changed: No such file or directory"):
        write_undo(tmp_path / "missing" / "undo.sql", "")
