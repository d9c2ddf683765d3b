"""The standard workloads that ship: found by name, run as they are, and what their authors define."""

import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis

from perfkit.backends import open_target
from perfkit.errors import UsageError
from perfkit.scenario import Data, Scenario, load_scenario
from perfkit.shipped import workload_file, workloads
from tests.command import Command
from tests.contract.driving import workload_of
from tests.servers.postgres import PASSWORD, USER, postgres_program

WORKLOADS = {each.name: each for each in workloads()}
EVERY = [(name, backend) for name, each in WORKLOADS.items() for backend in each.backends]
FIXTURES = {
    "sqlite": "sqlite_url",
    "postgresql": "postgres_url",
    "mongodb": "mongo_url",
    "redis": "redis_url",
}
# The smallest that still is the workload: pgbench's tables come in branches.
ROWS = {"pgbench": 100_000, "documents": 2_000}
TRANSACTIONS = 200


@pytest.fixture
def perfkit(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capfd, tmp_path)


def _scenario(name: str, backend: str) -> Scenario:
    return load_scenario(workload_file(name, backend))


def _run(perfkit: Command, file: Path, url: str, iterations: int) -> dict[str, Any]:
    """The report of a run by one client."""
    use = (load_scenario(file).data or Data()).use or ""
    small = [f"data.rows={ROWS.get(use, 500)}", "load.users=1", "load.warmup=0"]
    small += [f"load.iterations={iterations}", "load.duration="]
    options = [word for each in small for word in ("--set", each)]
    outcome, report = perfkit.report("loadtest", file, "--target", url, *options)
    assert outcome.status == 0, outcome.err
    return report


# -- every one ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "backend"), EVERY)
def test_a_workload_runs_without_an_error_and_leaves_nothing_behind(
    name: str, backend: str, perfkit: Command, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(FIXTURES[backend])
    report = _run(perfkit, workload_file(name, backend), url, iterations=40)
    total = report["result"]["total"]
    assert (total["count"], total["errors"]) == (40, 0), report["result"]["errors"]
    assert _left(url) == set()


def _left(url: str) -> set[Any]:
    if url.startswith("redis"):
        with Redis.from_url(url) as redis:
            return set(redis.keys())
    if url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            return set(client.get_default_database().list_collection_names())
    if url.startswith("sqlite"):
        return set(Path(urlsplit(url).path.removeprefix("/")).parent.glob("*.db*"))
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        return {name for (name,) in found if not name.startswith("pg_stat_statements")}


@pytest.mark.parametrize(("name", "backend"), EVERY)
def test_a_workload_says_what_it_is_and_is_run_as_it_stands(name: str, backend: str) -> None:
    file = workload_file(name, backend)
    first, second, *_ = file.read_text().splitlines()
    assert first.startswith("# ")
    assert first.endswith(".")
    assert second == "#"
    assert f"perfkit bench URL --workload {name}" in file.read_text()
    scenario = load_scenario(file)
    assert scenario.load.model == "closed"
    assert scenario.data is not None
    assert not scenario.data.keep
    assert scenario.target is not None


def test_all_that_were_promised_are_there() -> None:
    sql, everywhere = ("postgresql", "sqlite"), set(FIXTURES)
    for name in [f"ycsb-{letter}" for letter in "abcdef"] + ["bulk-insert"]:
        assert set(WORKLOADS[name].backends) == everywhere
    for name in ("tpcb-like", "simple-update", "select-only"):
        assert WORKLOADS[name].backends == sql
    for name in ("point_select", "read_only", "write_only", "read_write"):
        assert WORKLOADS[f"oltp_{name}"].backends == sql
    for name in ("set", "get", "incr", "lpush", "rpush", "sadd", "hset", "zadd", "mset"):
        assert WORKLOADS[f"redis-{name}"].backends == ("redis",)
    assert set(WORKLOADS["fulltext-search"].backends) == everywhere - {"redis"}


# -- by name --------------------------------------------------------------------------------------


def test_hyphens_and_underscores_are_one() -> None:
    assert workload_file("oltp-read-only") == workload_file("oltp_read_only", "sqlite")
    assert workload_file("YCSB_A", "redis").name == "ycsb-a.redis.yml"


def test_an_unknown_workload_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="no workload 'ycbs-a'") as refusal:
        workload_file("ycbs-a", "redis")
    assert refusal.value.hint == "did you mean ycsb-a?"
    with pytest.raises(UsageError) as refusal:
        workload_file("something", "redis")
    assert "ycsb-a, " in (refusal.value.hint or "")


def test_a_workload_of_another_backend_is_told_with_those_that_it_has() -> None:
    with pytest.raises(UsageError, match="not for redis, but for postgresql and sqlite") as refusal:
        workload_file("tpcb-like", "redis")
    assert "redis-get" in (refusal.value.hint or "")
    assert "tpcb-like" not in (refusal.value.hint or "")


# -- YCSB -----------------------------------------------------------------------------------------

_YCSB = {  # CoreWorkload's proportions: read, update, insert, scan, read-modify-write
    "a": {"read": 50, "update": 50},
    "b": {"read": 95, "update": 5},
    "c": {"read": 100},
    "d": {"read": 95, "insert": 5},
    "e": {"scan": 95, "insert": 5},
    "f": {"read": 50, "read-modify-write": 50},
}


@pytest.mark.parametrize("letter", _YCSB)
@pytest.mark.parametrize("backend", FIXTURES)
def test_ycsbs_proportions_and_distributions_are_its_own(letter: str, backend: str) -> None:
    scenario = _scenario(f"ycsb-{letter}", backend)
    assert {each.name: each.weight for each in scenario.operations} == _YCSB[letter]
    for operation in scenario.operations:
        key: Any = operation.params["key"]
        wanted = {"insert": "sequential"}.get(
            operation.name, "latest" if letter == "d" else "scrambled_zipfian"
        )
        assert (key.kind, key.number.kind) == ("ycsb_key", wanted)
        if operation.name == "scan":
            count: Any = operation.params["count"]
            assert (count.kind, count.range) == ("uniform", (1, 100))


def test_an_update_changes_one_of_the_ten_fields(perfkit: Command, sqlite_url: str) -> None:
    workload = workload_of(open_target(sqlite_url))
    data = Data(use="ycsb", rows=500, keep=True)
    workload.make_data(data)
    before = _usertable(sqlite_url)
    file = perfkit.folder / "a.yml"
    text = workload_file("ycsb-a", "sqlite").read_text()
    file.write_text(text.replace("  use: ycsb\n", "  use: ycsb\n  keep: true\n"))
    report = _run(perfkit, file, sqlite_url, iterations=300)
    after = _usertable(sqlite_url)
    changed = [
        [old != new for old, new in zip(before[key], after[key], strict=True)] for key in before
    ]
    updates = next(
        each["count"] for each in report["result"]["operations"] if each["name"] == "update"
    )
    assert 0 < sum(map(sum, changed)) <= updates
    assert all(any(row[place] for row in changed) for place in range(10))
    assert {len(field) for fields in after.values() for field in fields} == {100}
    workload.drop_data(data)


def _usertable(url: str) -> dict[str, tuple[str, ...]]:
    with closing(sqlite3.connect(urlsplit(url).path.removeprefix("/"))) as connection:
        return {row[0]: row[1:] for row in connection.execute("SELECT * FROM usertable")}


# -- the statements of the peers ------------------------------------------------------------------

_RESET = (
    "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()"
)
_SEEN = """
SELECT queryid, query, calls FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def _statements(url: str) -> Counter[int]:
    """The calls of each statement since the reset, but for what is said once or frames a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(_SEEN).fetchall()
    return Counter({
        queryid: calls
        for queryid, query, calls in rows
        if calls >= TRANSACTIONS and query.upper() not in {"BEGIN", "COMMIT", "END"}
    })  # fmt: skip


def _reset(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_RESET)


def _ours(perfkit: Command, name: str, url: str) -> Counter[int]:
    """What perfkit's workload sends on a dataset that is there already."""
    file = perfkit.folder / "kept.yml"
    text = workload_file(name, "postgresql").read_text()
    file.write_text(text.replace("data:\n", "data:\n  keep: true\n"))
    _reset(url)
    _run(perfkit, file, url, iterations=TRANSACTIONS)
    return _statements(url)


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("tpcb-like", "tpcb-like"),
        ("simple-update", "simple-update"),
        ("select-only", "select-only"),
    ],
)
def test_the_statements_that_reach_the_server_are_pgbenchs(
    name: str, script: str, perfkit: Command, postgres_url: str
) -> None:
    data = Data(use="pgbench", rows=ROWS["pgbench"], keep=True)
    workload_of(open_target(postgres_url)).make_data(data)
    ours = _ours(perfkit, name, postgres_url)
    _reset(postgres_url)
    options = f"-M prepared -n -b {script} -t {TRANSACTIONS}"
    subprocess.run(
        [str(postgres_program("pgbench")), *options.split(), postgres_url],
        check=True,
        capture_output=True,
    )
    assert ours == _statements(postgres_url)
    assert set(ours.values()) == {TRANSACTIONS}


@pytest.mark.parametrize(
    "name", ["oltp_point_select", "oltp_read_only", "oltp_write_only", "oltp_read_write"]
)
def test_the_statements_that_reach_the_server_are_sysbenchs(
    name: str, perfkit: Command, postgres_url: str
) -> None:
    data = Data(use="sysbench", rows=500, keep=True)
    workload_of(open_target(postgres_url)).make_data(data)
    ours = _ours(perfkit, name, postgres_url)
    _reset(postgres_url)
    _sysbench(name, postgres_url)
    assert ours == _statements(postgres_url)
    assert ours


def _sysbench(name: str, url: str) -> None:
    program = shutil.which("sysbench")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("sysbench is missing: run tests/servers/install.sh")
    parts = urlsplit(url)
    options = {
        "db-driver": "pgsql", "pgsql-host": "127.0.0.1", "pgsql-port": parts.port,
        "pgsql-user": USER, "pgsql-password": PASSWORD, "pgsql-db": parts.path[1:],
        "tables": 1, "table-size": 500, "rand-type": "uniform", "events": TRANSACTIONS, "time": 0,
    }  # fmt: skip
    words = [f"--{key}={value}" for key, value in options.items()]
    done = subprocess.run(
        [program, name, *words, "run"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
