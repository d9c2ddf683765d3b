"""`perfkit profile`: what it shows, what it sets on real servers, and that it can be taken back."""

import json
import shutil
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml

from perfkit.backends.redis.settings import RedisSettings
from tests.command import Command
from tests.servers.process import StartServer


@pytest.fixture
def perfkit(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command in an empty folder, where undo files land."""
    monkeypatch.chdir(tmp_path)
    return Command(capfd, tmp_path)


def profile(backend: str, /, **settings: Any) -> str:
    """The path of a profile of the user's own; a plain value is one of the session."""
    full = {
        name.replace("__", "-"): each
        if isinstance(each, dict)
        else {"value": each, "scope": "session", "reason": "because"}
        for name, each in settings.items()
    }
    content = {"backend": backend, "purpose": "a try", "settings": full}
    Path("mine.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return "mine.yml"


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in report["result"]["settings"]}


def undo_file() -> Path:
    (path,) = Path().glob("perfkit-undo-*")
    return path


# -- list and show --------------------------------------------------------------------------------


def test_list_names_every_profile_with_backend_and_purpose(perfkit: Command) -> None:
    outcome, report = perfkit.report("profile", "list")
    assert outcome.status == 0
    assert report["schema"] == "perfkit.profile-list"
    rows = {row["name"]: row for row in report["result"]["profiles"]}
    assert rows["postgres-oltp"]["backend"] == "postgresql"
    assert rows["redis-cache"]["purpose"]
    assert "default" in rows
    assert "sqlite-read-heavy" in outcome.out


def test_show_works_out_every_setting_for_the_machine_that_is_given(perfkit: Command) -> None:
    facts = ["--machine", "ram=64GiB,cores=16", "--machine", "disk=ssd,connections=200"]
    outcome, report = perfkit.report("profile", "show", "postgres-oltp", *facts)
    assert outcome.status == 0
    row = by_name(report)["shared_buffers"]
    assert (row["wanted"], row["scope"], row["restart"]) == ("16GB", "restart", True)
    assert row["reason"]
    assert row["source"]
    assert {fact["name"]: fact["origin"] for fact in report["result"]["machine"]}[
        "ram"
    ] == "--machine"
    assert "[min(ram / 4, 16GiB)]" in " ".join(outcome.out.split())


def test_show_takes_this_machine_unless_told_otherwise(perfkit: Command) -> None:
    _, report = perfkit.report("profile", "show", "sqlite-read-heavy")
    ram = {fact["name"]: fact for fact in report["result"]["machine"]}["ram"]
    assert ram["origin"] == "this machine"
    assert ram["value"] > 2**20


def test_config_is_ready_to_paste(perfkit: Command) -> None:
    machine = "cores=16,connections=200"
    outcome = perfkit("profile", "show", "pgbouncer", "--machine", machine, "--config")
    assert outcome.status == 0
    assert "[pgbouncer]" in outcome.out.splitlines()
    assert "pool_mode = transaction" in outcome.out.splitlines()
    assert not [
        line
        for line in outcome.out.splitlines()
        if line and line[0] not in ";[" and "=" not in line
    ]


def test_the_lines_for_postgresql_conf_start_a_server(
    perfkit: Command, private_postgres: StartServer
) -> None:
    machine = "ram=1GiB,cores=2,disk=ssd,connections=100"
    outcome = perfkit("profile", "show", "postgres-oltp", "--machine", machine, "--config")
    lines = [line for line in outcome.out.splitlines() if line and not line.startswith("#")]
    pairs = (line.split(" = ", 1) for line in lines)
    server = private_postgres(settings={name: value.strip("'") for name, value in pairs})
    _, report = perfkit.report("profile", "diff", "postgres-oltp", server.url, "--machine", machine)
    assert {row["name"] for row in report["result"]["settings"] if row["differs"]} == set()


def test_the_pragmas_are_taken_by_sqlite(perfkit: Command) -> None:
    outcome = perfkit("profile", "show", "sqlite-write-heavy", "--config")
    with sqlite3.connect("new.db") as connection:
        connection.executescript(outcome.out)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_the_schema_takes_every_profile_that_ships(perfkit: Command) -> None:
    schema = json.loads(perfkit("schema", "profile").out)
    ours = list((Path(__file__).parents[1] / "profiles").glob("*.yml"))
    assert ours
    for path in ours:
        content = yaml.load(path.read_text(), yaml.BaseLoader)
        jsonschema.validate({**content, "version": 1}, schema)
    bad = {
        "backend": "redis",
        "purpose": "p",
        "settings": {"a": {"scope": "reload", "reason": "r"}},
    }
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)


# -- diff -----------------------------------------------------------------------------------------


def test_diff_tells_what_differs_first_and_what_to_run(perfkit: Command, postgres_url: str) -> None:
    mine = profile(
        "postgresql",
        work_mem="4096kB",
        shared_buffers={"formula": "ram / 4", "scope": "restart", "reason": "more is kept"},
        jit="off",
    )
    outcome, report = perfkit.report("profile", "diff", mine, postgres_url, "--machine", "ram=1GiB")
    assert outcome.status == 0
    rows = report["result"]["settings"]
    assert [row["name"] for row in rows] == ["shared_buffers", "jit", "work_mem"]
    buffers, jit, work_mem = rows
    assert (buffers["live"], buffers["wanted"], buffers["restart"]) == ("128MB", "256MB", True)
    assert buffers["statement"].startswith("ALTER SYSTEM SET shared_buffers")
    assert (jit["live"], jit["differs"], jit["restart"]) == ("on", True, False)
    assert (work_mem["live"], work_mem["differs"], work_mem["statement"]) == ("4MB", False, None)
    assert "more is kept" in outcome.out
    assert "1 setting has the value already: work_mem." in outcome.out
    assert "s3cret-pw" not in outcome.out + json.dumps(report)


def test_a_setting_that_the_server_does_not_know_is_a_caveat(
    perfkit: Command, postgres_url: str
) -> None:
    mine = profile("postgresql", io_methode="worker", work_mem="lots", jit="off")
    outcome, report = perfkit.report("profile", "diff", mine, postgres_url)
    assert outcome.status == 0
    assert {each["code"] for each in report["caveats"]} == {"setting_unknown", "setting_refused"}
    rows = by_name(report)
    assert rows["io_methode"]["live"] is None
    assert rows["io_methode"]["differs"] is None
    assert "io_methode" in rows["io_methode"]["problem"]
    assert rows["work_mem"]["live"] == "4MB"
    assert report["result"]["due"] == ["jit"]


def test_a_clients_setting_is_not_visible_from_the_server(
    perfkit: Command, postgres_url: str
) -> None:
    outcome, report = perfkit.report("profile", "diff", "pgbouncer", postgres_url)
    assert outcome.status == 0
    assert {row["live"] for row in report["result"]["settings"]} == {None}
    assert {row["differs"] for row in report["result"]["settings"]} == {None}
    assert "Not visible from the server" in outcome.out
    assert [each["code"] for each in report["caveats"]] == ["not_visible"]
    connections = {fact["name"]: fact for fact in report["result"]["machine"]}["connections"]
    assert connections["origin"] == "the server"


def test_the_default_profile_wants_nothing_of_any_server(perfkit: Command, target_url: str) -> None:
    outcome, report = perfkit.report("profile", "diff", "default", target_url)
    assert outcome.status == 0
    assert report["result"]["settings"] == []


def test_the_common_report_options_are_there(perfkit: Command, sqlite_url: str) -> None:
    arguments = [
        "--html",
        "r.html",
        "--markdown",
        "r.md",
        "--quiet",
        "--no-color",
        "--timeout",
        "60s",
    ]
    outcome = perfkit("profile", "diff", "sqlite-durable", sqlite_url, *arguments)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert "synchronous" in Path("r.html").read_text()
    assert "synchronous" in Path("r.md").read_text()


# -- apply ----------------------------------------------------------------------------------------


def test_without_a_yes_nothing_is_changed(perfkit: Command, private_redis: StartServer) -> None:
    url = private_redis().url
    mine = profile("redis", maxmemory__policy="allkeys-lru")
    outcome, report = perfkit.report("profile", "apply", mine, url)
    assert outcome.status == 2
    assert "CONFIG SET maxmemory-policy" in outcome.out
    assert "nothing was changed: applying would set maxmemory-policy" in outcome.err
    assert "--yes" in outcome.err
    assert report["result"]["applied"] == []
    assert not list(Path().glob("perfkit-undo-*"))
    assert (
        by_name(perfkit.report("profile", "diff", mine, url)[1])["maxmemory-policy"]["live"]
        == "noeviction"
    )


def test_redis_is_set_read_back_and_put_back_by_the_undo_file(
    perfkit: Command, private_redis: StartServer
) -> None:
    url = private_redis().url
    mine = profile("redis", maxmemory__policy="allkeys-lru", maxmemory="100mb", databases=32)
    outcome, report = perfkit.report("profile", "apply", mine, url, "--yes")
    assert outcome.status == 0
    assert report["result"]["applied"] == ["maxmemory-policy", "maxmemory"]
    assert by_name(report)["maxmemory-policy"]["live"] == "allkeys-lru"
    assert by_name(report)["databases"]["restart"] is True
    assert report["result"]["undo_file"] == str(undo_file())
    if shutil.which("redis-cli"):
        said = _run(["redis-cli", "-u", url], undo_file())
        assert "ERR" not in said
        assert "Invalid" not in said
        rows = by_name(perfkit.report("profile", "diff", mine, url)[1])
        assert (rows["maxmemory-policy"]["live"], rows["maxmemory"]["differs"]) == (
            "noeviction",
            True,
        )


def test_postgresql_is_set_up_to_what_waits_for_a_restart(
    perfkit: Command, private_postgres: StartServer
) -> None:
    url = private_postgres().url
    mine = profile("postgresql", shared_buffers="64MB", random_page_cost=1.1, work_mem="4MB")
    outcome, report = perfkit.report("profile", "apply", mine, url, "--yes")
    assert outcome.status == 0
    rows = by_name(report)
    assert report["result"]["applied"] == ["shared_buffers", "random_page_cost"]
    assert (rows["random_page_cost"]["live"], rows["random_page_cost"]["differs"]) == ("1.1", False)
    assert (rows["shared_buffers"]["live"], rows["shared_buffers"]["restart"]) == ("128MB", True)
    assert (
        "after a restart of the server, which is left to its operator: shared_buffers"
        in " ".join(outcome.out.split())
    )
    assert stat.S_IMODE(undo_file().stat().st_mode) == 0o600
    assert "s3cret-pw" not in undo_file().read_text()
    _sql(url, undo_file())
    assert _auto_conf(url) == []


def test_sqlite_keeps_what_its_file_can_keep(
    perfkit: Command, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "perfkit.db"
    _sqlite(file, "CREATE TABLE t(a)")
    mine = profile("sqlite", cache_size=-8000, journal_mode="wal")
    outcome, report = perfkit.report("profile", "apply", mine, sqlite_url, "--yes")
    assert outcome.status == 0
    assert report["result"]["applied"] == ["journal_mode"]
    assert by_name(report)["cache_size"]["statement"] == "PRAGMA cache_size = -8000;"
    assert _sqlite(file, "PRAGMA journal_mode") == "wal"
    for line in undo_file().read_text().splitlines():
        _sqlite(file, line)
    assert _sqlite(file, "PRAGMA journal_mode") == "delete"


@pytest.mark.parametrize("order", [("page_size", "journal_mode"), ("journal_mode", "page_size")])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_undo_of_sqlite_holds_in_whatever_order_was_applied(
    perfkit: Command, sqlite_url: str, tmp_path: Path, order: tuple[str, str], mode: str
) -> None:
    file = tmp_path / "perfkit.db"
    _sqlite(file, "CREATE TABLE t(a)")
    _sqlite(file, f"PRAGMA journal_mode = {mode}")
    values = {"page_size": 8192, "journal_mode": "delete" if mode == "wal" else "wal"}
    mine = profile("sqlite", **{name: values[name] for name in order})
    assert perfkit("profile", "apply", mine, sqlite_url, "--yes").status == 0
    assert _sqlite(file, "PRAGMA page_size") == 8192
    connection = sqlite3.connect(file)
    connection.executescript(undo_file().read_text())
    connection.close()
    assert (_sqlite(file, "PRAGMA page_size"), _sqlite(file, "PRAGMA journal_mode")) == (4096, mode)


def test_a_journal_mode_in_the_url_is_told_and_left_to_those_who_use_the_file(
    perfkit: Command, sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "perfkit.db"
    _sqlite(file, "CREATE TABLE t(a)")
    url = f"{sqlite_url}?journal_mode=wal"
    _, report = perfkit.report("profile", "diff", "sqlite-durable", url)
    assert by_name(report)["journal_mode"]["live"] == "wal"
    assert report["target"]["settings"]["journal_mode"] == "wal"
    assert _sqlite(file, "PRAGMA journal_mode") == "delete"


def test_a_file_that_is_not_there_is_told_before_an_undo_file_is_written(
    perfkit: Command, sqlite_url: str
) -> None:
    outcome = perfkit("profile", "apply", "sqlite-durable", sqlite_url, "--yes")
    assert outcome.status == 3
    assert "nothing was changed: there is no database" in outcome.err
    assert not list(Path().iterdir())


def test_mongodb_is_set_and_its_undo_holds_what_was_there(
    perfkit: Command, private_mongo: StartServer
) -> None:
    url = private_mongo().url
    mine = profile("mongodb", ttlMonitorSleepSecs=120, w="majority")
    outcome, report = perfkit.report("profile", "apply", mine, url, "--yes", "--undo", "u.js")
    assert outcome.status == 0
    assert report["result"]["applied"] == ["ttlMonitorSleepSecs"]
    assert by_name(report)["ttlMonitorSleepSecs"]["live"] == "120"
    (statement,) = [line for line in Path("u.js").read_text().splitlines() if line[:2] != "//"]
    assert json.loads(statement.removeprefix("db.adminCommand(").removesuffix(")")) == {
        "setParameter": 1,
        "ttlMonitorSleepSecs": 60,
    }


def test_only_what_is_asked_for_is_set(perfkit: Command, private_redis: StartServer) -> None:
    url = private_redis().url
    mine = profile("redis", maxmemory__policy="allkeys-lru", maxmemory="100mb", hz=50)
    _, report = perfkit.report("profile", "apply", mine, url, "--yes", "--only", "maxmemory, hz")
    assert report["result"]["applied"] == ["maxmemory", "hz"]
    assert by_name(report)["maxmemory-policy"]["live"] == "noeviction"


def test_what_is_as_wanted_needs_no_yes_and_no_undo_file(perfkit: Command, redis_url: str) -> None:
    mine = profile("redis", maxmemory__policy="noeviction")
    outcome = perfkit("profile", "apply", mine, redis_url)
    assert outcome.status == 0
    assert "nothing to set" in outcome.out
    assert not list(Path().glob("perfkit-undo-*"))


def test_an_undo_file_that_is_there_stops_it_before_anything_is_set(
    perfkit: Command, private_redis: StartServer
) -> None:
    url = private_redis().url
    Path("u.txt").write_text("of another day")
    mine = profile("redis", maxmemory="100mb")
    outcome = perfkit("profile", "apply", mine, url, "--yes", "--undo", "u.txt")
    assert outcome.status == 2
    assert "exists already" in outcome.err
    assert Path("u.txt").read_text() == "of another day"
    assert by_name(perfkit.report("profile", "diff", mine, url)[1])["maxmemory"]["live"] == "0"


@pytest.fixture
def limited_url(private_postgres: StartServer) -> str:
    """A user who may set work_mem for good, and nothing else."""
    server = private_postgres()
    with psycopg.connect(server.url, autocommit=True) as connection:
        if connection.info.server_version < 150_000:
            pytest.skip("GRANT ALTER SYSTEM came with PostgreSQL 15")
        connection.execute("CREATE USER limited PASSWORD 'limited-pw' IN ROLE pg_monitor")
        connection.execute("GRANT ALTER SYSTEM ON PARAMETER work_mem TO limited")
        connection.execute("GRANT EXECUTE ON FUNCTION pg_reload_conf TO limited")
    return server.url.replace("perfkit:s3cret-pw", "limited:limited-pw")


def test_an_error_in_the_middle_says_what_was_set_and_how_to_take_it_back(
    perfkit: Command, limited_url: str
) -> None:
    mine = profile("postgresql", work_mem="8MB", random_page_cost=1.1, jit="off")
    outcome = perfkit("profile", "apply", mine, limited_url, "--yes")
    assert outcome.status == 3
    assert "random_page_cost could not be set to 1.1: " in outcome.err
    assert "permission denied" in outcome.err
    assert "before it work_mem had been set" in outcome.err
    assert f"hint: {undo_file()} takes back what was set" in outcome.err
    rows = by_name(perfkit.report("profile", "diff", mine, limited_url)[1])
    assert {name: row["live"] for name, row in rows.items()} == {
        "work_mem": "8MB",
        "random_page_cost": "4",
        "jit": "on",
    }
    assert "limited-pw" not in undo_file().read_text() + outcome.err


def test_what_was_set_and_has_no_effect_is_a_caveat(
    perfkit: Command, private_postgres: StartServer
) -> None:
    url = private_postgres().url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE perfkit SET work_mem = '5MB'")
    outcome, report = perfkit.report(
        "profile", "apply", profile("postgresql", work_mem="8MB"), url, "--yes"
    )
    assert outcome.status == 0
    assert [each["code"] for each in report["caveats"]] == ["no_effect"]
    assert "work_mem was set, and a session of this URL still has 5MB" in outcome.out


def test_interrupted_it_says_what_was_set(
    perfkit: Command, private_redis: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = private_redis().url
    set_on_server = RedisSettings.apply

    def with_ctrl_c(settings: RedisSettings, name: str, value: str) -> None:
        if name == "hz":
            raise KeyboardInterrupt
        set_on_server(settings, name, value)

    monkeypatch.setattr(RedisSettings, "apply", with_ctrl_c)
    mine = profile("redis", maxmemory="100mb", hz=50, timeout=60)
    outcome, report = perfkit.report("profile", "apply", mine, url, "--yes")
    assert outcome.status == 130
    assert report["result"]["applied"] == ["maxmemory"]
    assert {name: row["differs"] for name, row in by_name(report).items()} == {
        "hz": True,
        "timeout": True,
        "maxmemory": False,
    }
    assert undo_file().exists()


def test_interrupted_while_it_reads_back_it_still_tells_what_was_set(
    perfkit: Command, private_postgres: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    url = private_postgres().url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE perfkit SET work_mem = '5MB'")  # so that it waits in vain
    mine = profile("postgresql", work_mem="8MB")
    with monkeypatch.context() as patched:
        patched.setattr("perfkit.tuning.applying.time.sleep", ctrl_c)
        outcome, report = perfkit.report("profile", "apply", mine, url, "--yes")
    assert outcome.status == 130
    assert report["result"]["applied"] == ["work_mem"]
    assert str(undo_file()) in outcome.out


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["show", "postgres-oltq"], 2, "did you mean postgres-oltp?"),
        (["show", "missing.yml"], 2, "missing.yml: no such file"),
        (["show", "postgres-oltp", "--machine", "ram=lots"], 2, "--machine ram=lots"),
        (["show", "redis-cache", "--config", "--json", "-"], 2, "--config prints a configuration"),
        (["diff", "redis-cache", "sqlite:///x.db"], 2, "the profile redis-cache is for redis, and the target is sqlite"),
        (["diff", "redis-cache", "redis://127.0.0.1:1/0"], 3, "127.0.0.1:1"),
        (["diff", "redis-cache", "nonsense"], 2, "is no target URL"),
        (["diff", "redis-cache"], 2, "Missing argument"),
        (["apply", "sqlite-durable", "sqlite:///x.db", "--only", "synchronos"], 2, "did you mean synchronous?"),
        (["list", "--json", "-", "--markdown", "-"], 2, "can't both be written"),
        (["list", "--timeout", "soon"], 2, "--timeout"),
        (["list", "--timeout", "1ns"], 3, "the time limit of 1 ns is over"),
    ],
)  # fmt: skip
def test_bad_input_has_its_sentence_and_status(
    perfkit: Command, arguments: list[str], status: int, sentence: str
) -> None:
    outcome = perfkit("profile", *arguments)
    assert outcome.status == status
    assert sentence in outcome.err


def test_mistakes_in_a_file_are_told_with_their_places(perfkit: Command) -> None:
    Path("bad.yml").write_text(
        "backend: redis\npurpose: p\nsettings:\n  a: {formula: ram /, scope: x, reason: r}\n"
    )
    outcome = perfkit("profile", "show", "bad.yml")
    assert outcome.status == 2
    assert "bad.yml:4:16: settings.a.formula: 'ram /' is no formula" in outcome.err
    assert "bad.yml:4:30: settings.a.scope: 'x' is none of" in outcome.err


def test_a_fact_that_the_server_does_not_tell_is_asked_for(
    perfkit: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a server elsewhere, whose machine can't be seen."""
    monkeypatch.setattr("perfkit.backends.postgres.is_local", lambda host: False)
    mine = profile(
        "postgresql", work_mem={"formula": "ram / 1024", "scope": "session", "reason": "r"}
    )
    outcome = perfkit("profile", "diff", mine, postgres_url)
    assert outcome.status == 2
    assert "the profile mine needs to know ram of 127.0.0.1" in outcome.err
    assert "--machine ram=64GiB" in outcome.err


def _run(command: list[str], typed: Path) -> str:
    with typed.open() as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _sql(url: str, file: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for line in file.read_text().splitlines():
            for statement in line.partition("--")[0].split(";"):
                if statement.strip():
                    connection.execute(statement.encode())


def _auto_conf(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        query = "SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'"
        return connection.execute(query).fetchall()


def _sqlite(file: Path, statement: str) -> Any:
    connection = sqlite3.connect(file)
    try:
        row = connection.execute(statement).fetchone()
        connection.commit()
        return None if row is None else row[0]
    finally:
        connection.close()
