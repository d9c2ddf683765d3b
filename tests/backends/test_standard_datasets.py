"""The datasets of the standard workloads are those that their authors' own tools make and use."""

import contextlib
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis

from perfkit.backends import datasets, open_target
from perfkit.backends.base import Workload
from perfkit.errors import ScenarioError, TargetError, UsageError
from perfkit.scenario import Data, parse_scenario
from tests.contract.driving import workload_of
from tests.servers.postgres import empty_postgres, postgres_program
from tests.servers.process import Server

PGBENCH = Data(use="pgbench", rows=100_000)
SYSBENCH = Data(use="sysbench", rows=200)
YCSB = Data(use="ycsb", rows=300)
REDIS_BENCHMARK = Data(use="redis-benchmark", rows=50, value_size=3)
PGBENCH_TABLES = ["branches", "tellers", "accounts", "history"]


@contextmanager
def _made(url: str, data: Data) -> Iterator[Workload]:
    """The dataset for as long as the block runs."""
    workload = workload_of(open_target(url))
    assert workload.make_data(data)
    try:
        yield workload
    finally:
        workload.drop_data(data)


def _postgres(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def _sqlite(url: str, query: str) -> list[tuple[Any, ...]]:
    path = urlsplit(url).path.removeprefix("/")
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(query).fetchall()


def _pgbench(*options: str) -> str:
    command = [str(postgres_program("pgbench")), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# -- pgbench --------------------------------------------------------------------------------------

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, c.reloptions
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relname LIKE 'pgbench%' AND c.relkind = 'r' AND a.attnum > 0 ORDER BY 1, a.attnum
"""
_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'pgbench%' ORDER BY 1
"""


def _pgbench_content(url: str) -> list[Any]:
    rows = [
        _postgres(url, f"SELECT md5(string_agg(t::text, ' ' ORDER BY t)) FROM pgbench_{table} t")
        for table in PGBENCH_TABLES
    ]
    return [_postgres(url, _COLUMNS), _postgres(url, _KEYS), rows]


def test_pgbenchs_tables_are_to_the_last_byte_what_pgbench_makes(
    postgres: Server, postgres_url: str
) -> None:
    with empty_postgres(postgres) as its_own:
        _pgbench("-i", "-q", "-s", "1", its_own)
        theirs = _pgbench_content(its_own)
    with _made(postgres_url, PGBENCH):
        ours = _pgbench_content(postgres_url)
    assert ours == theirs


def test_pgbench_itself_runs_on_what_perfkit_made(postgres_url: str) -> None:
    with _made(postgres_url, PGBENCH):
        assert "number of failed transactions: 0" in _pgbench("-n", "-S", "-t", "20", postgres_url)
        _pgbench("-b", "tpcb-like", "-t", "20", postgres_url)  # vacuums before
        assert _postgres(postgres_url, "SELECT count(*) FROM pgbench_history") == [(20,)]


def test_pgbenchs_tables_are_vacuumed_when_they_are_made(postgres_url: str) -> None:
    with _made(postgres_url, PGBENCH):
        unseen = _postgres(
            postgres_url,
            "SELECT count(*) FROM pg_class WHERE relname ~ '^pgbench_(branches|tellers|accounts)$'"
            " AND (relallvisible < relpages OR reltuples < 1)",
        )
    assert unseen == [(0,)]


def test_pgbenchs_tables_exist_in_sqlite_too(sqlite_url: str) -> None:
    with _made(sqlite_url, PGBENCH):
        for table, count in zip(PGBENCH_TABLES, [1, 10, 100_000, 0], strict=True):
            assert _sqlite(sqlite_url, f"SELECT count(*) FROM pgbench_{table}") == [(count,)]
        plan = _sqlite(
            sqlite_url, "EXPLAIN QUERY PLAN SELECT * FROM pgbench_accounts WHERE aid = 1"
        )
        assert "INTEGER PRIMARY KEY" in str(plan)
        last = _sqlite(sqlite_url, "SELECT *, length(filler) FROM pgbench_accounts WHERE aid = 1e5")
        assert last == [(100_000, 1, 0, " " * 84, 84)]


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
def test_before_each_run_the_history_is_emptied_and_nothing_else(
    backend: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{backend}_url")
    ask = {"postgres": _postgres, "sqlite": _sqlite}[backend]
    with _made(url, PGBENCH) as workload:
        ask(url, "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (1, 1, 1, 1)")
        ask(url, "UPDATE pgbench_accounts SET abalance = 7 WHERE aid = 1")
        workload.freshen_data(PGBENCH)
        assert ask(url, "SELECT count(*) FROM pgbench_history") == [(0,)]
        assert ask(url, "SELECT abalance FROM pgbench_accounts WHERE aid = 1") == [(7,)]


def test_before_each_run_the_small_tables_are_vacuumed(postgres_url: str) -> None:
    with _made(postgres_url, PGBENCH) as workload:
        _postgres(postgres_url, "UPDATE pgbench_tellers SET tbalance = 7")
        _postgres(postgres_url, "UPDATE pgbench_branches SET bbalance = 7")
        workload.freshen_data(PGBENCH)
        visible = _postgres(
            postgres_url,
            "SELECT relallvisible > 0 FROM pg_class WHERE relname ~ '^pgbench_(branches|tellers)$'",
        )
    assert visible == [(True,), (True,)]


def test_other_datasets_need_nothing_before_a_run(target_url: str) -> None:
    data = Data(use="kv", rows=10)
    with _made(target_url, data) as workload:
        workload.freshen_data(data)
        workload.freshen_data(Data())
        workload.drop_data(data)
        assert workload.make_data(data)


def test_pgbenchs_own_tables_are_left_alone(postgres_url: str) -> None:
    _pgbench("-i", "-q", "-s", "1", postgres_url)
    workload = workload_of(open_target(postgres_url))
    with pytest.raises(TargetError, match="perfkit did not make"):
        workload.make_data(PGBENCH)
    workload.drop_data(PGBENCH)
    assert _postgres(postgres_url, "SELECT count(*) FROM pgbench_accounts") == [(100_000,)]


# -- sysbench -------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
def test_sysbenchs_rows_are_groups_of_digits(backend: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{backend}_url")
    ask = {"postgres": _postgres, "sqlite": _sqlite}[backend]
    with _made(url, SYSBENCH):
        rows = ask(url, "SELECT id, k, c, pad FROM sbtest1 ORDER BY id")
    assert [row[0] for row in rows] == list(range(1, 201))
    assert all(1 <= row[1] <= 200 for row in rows)
    assert len({row[1] for row in rows}) > 100
    for row in rows:
        assert [len(group) for group in row[2].rstrip().split("-")] == [11] * 10
        assert [len(group) for group in row[3].rstrip().split("-")] == [11] * 5
        assert set(row[2] + row[3]) <= set("0123456789- ")


def test_sysbenchs_table_is_declared_as_sysbench_does(postgres_url: str) -> None:
    with _made(postgres_url, SYSBENCH):
        _postgres(postgres_url, "INSERT INTO sbtest1 (k, c, pad) VALUES (1, 'c', 'pad')")
        columns = _postgres(
            postgres_url,
            "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_name = 'sbtest1' ORDER BY ordinal_position",
        )
        indexes = _postgres(
            postgres_url,
            "SELECT indexname FROM pg_indexes WHERE tablename = 'sbtest1' ORDER BY 1",
        )
    assert columns == [
        ("id", "integer", None, "NO", "nextval('sbtest1_id_seq'::regclass)"),
        ("k", "integer", None, "NO", "0"),
        ("c", "character", 120, "NO", "''::bpchar"),
        ("pad", "character", 60, "NO", "''::bpchar"),
    ]
    assert indexes == [("k_1",), ("sbtest1_pkey",)]


# -- YCSB -----------------------------------------------------------------------------------------


def _ycsb_rows(url: str) -> dict[str, tuple[str, ...]]:
    """The fields under each key, as the backend's own client sees them."""
    names = [f"field{number}" for number in range(10)]
    if url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            found = list(client.get_default_database().usertable.find())
        return {each["_id"]: tuple(each[name] for name in names) for each in found}
    if url.startswith("redis"):
        with Redis.from_url(url, decode_responses=True) as redis:
            keys = redis.zrange("usertable:_indices", 0, -1)
            return {key: tuple(redis.hmget(f"usertable:{key}", names)) for key in keys}
    ask = _sqlite if url.startswith("sqlite") else _postgres
    return {row[0]: row[1:] for row in ask(url, "SELECT * FROM usertable")}


def test_usertable_is_the_same_everywhere(target_url: str) -> None:
    (table,) = datasets.tables(YCSB)
    expected = {row[0]: row[1:] for block in table.rows() for row in block}
    with _made(target_url, YCSB):
        assert _ycsb_rows(target_url) == expected
    assert len(expected) == 300
    assert all(key.removeprefix("user").isdecimal() for key in expected)
    assert {len(field) for fields in expected.values() for field in fields} == {100}


# -- Redis ----------------------------------------------------------------------------------------


def test_what_redis_benchmark_writes_is_dropped_with_its_keys(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        with _made(redis_url, REDIS_BENCHMARK):
            assert len(redis.get("key:000000000050")) == 3
            redis.incr("counter:000000000001")
            redis.lpush("mylist", "VXK")
            redis.sadd("myset", "element:000000000001")
            redis.hset("myhash", "element:000000000001", "VXK")
            redis.zadd("myzset", {"element:000000000001": 1})
        assert redis.dbsize() == 0


@pytest.mark.parametrize(
    "taken", ["key:mine", "key:000000000001", "counter:1", "mylist", "myset", "myhash", "myzset"]
)
def test_names_of_redis_benchmark_that_the_user_has_are_refused(redis_url: str, taken: str) -> None:
    workload = workload_of(open_target(redis_url))
    with Redis.from_url(redis_url) as redis:
        redis.set(taken, "precious")
        with pytest.raises(TargetError, match=taken):
            workload.make_data(REDIS_BENCHMARK)
        workload.drop_data(REDIS_BENCHMARK)
        assert redis.keys() == [taken.encode()]


@pytest.mark.parametrize("data", [YCSB, REDIS_BENCHMARK])
def test_a_load_on_redis_that_was_killed_is_made_anew(redis_url: str, data: Data) -> None:
    workload_of(open_target(redis_url)).make_data(data)
    with _made(redis_url, data.model_copy(update={"rows": 20})):
        pass
    with Redis.from_url(redis_url) as redis:
        assert redis.dbsize() == 0


# -- where they fit -------------------------------------------------------------------------------


_HELD_BY = {
    "pgbench": ("postgresql", "sqlite"),
    "sysbench": ("postgresql", "sqlite"),
    "redis-benchmark": ("redis",),
}


@pytest.mark.parametrize("data", [PGBENCH, SYSBENCH, REDIS_BENCHMARK])
def test_a_dataset_that_does_not_fit_is_refused_with_those_that_do(
    target_url: str, data: Data
) -> None:
    assert data.use is not None
    workload = workload_of(open_target(target_url))
    if target_url.partition(":")[0] in _HELD_BY[data.use]:
        assert workload.describe_data(data).startswith("make ")
        return
    for asked in (workload.describe_data, workload.make_data):
        with pytest.raises(UsageError, match=f"can't hold the dataset '{data.use}'") as refusal:
            asked(data)
        assert "kv" in (refusal.value.hint or "")


@pytest.mark.parametrize("use", ["pgbench", "sysbench"])
def test_a_size_of_values_that_would_be_ignored_is_refused(use: str) -> None:
    text = f"""
version: 1
data: {{ use: {use}, rows: 100000, value_size: 20 }}
operations: [{{ name: a, sql: SELECT 1 }}]
load: {{ model: closed, users: 1, duration: 1s }}
"""
    with pytest.raises(ScenarioError, match=f"value_size: {use}'s values have the sizes"):
        parse_scenario(text, Path("s.yml"))


_INSERTS = {
    "kv": "INSERT INTO kv (id, v) VALUES (999, 'new')",
    "pgbench": "INSERT INTO pgbench_history (tid, bid, aid, delta) VALUES (1, 1, 1, 1)",
    "sysbench": "INSERT INTO sbtest1 (id, k, c, pad) VALUES (999, 1, 'c', 'pad')",
    "ycsb": f"INSERT INTO usertable VALUES ('user1'{', 1' * 10})",
}
_KEYS_ADDED = {
    "kv": ["kv:999"],
    "ycsb": ["usertable:user1"],
    "redis-benchmark": ["counter:000000000999", "mylist"],
}


def _insert(url: str, use: str) -> None:
    """What a load adds to the dataset."""
    if url.startswith("redis"):
        with Redis.from_url(url) as redis:
            redis.mset(dict.fromkeys(_KEYS_ADDED[use], "new"))
    elif url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            collection = {"kv": "kv", "ycsb": "usertable"}[use]
            client.get_default_database()[collection].insert_one({"_id": "user1"})
    else:
        ask = _sqlite if url.startswith("sqlite") else _postgres
        ask(url, _INSERTS[use])


@pytest.mark.parametrize(
    "data", [PGBENCH, SYSBENCH, YCSB, REDIS_BENCHMARK, Data(use="kv", rows=10)]
)
def test_a_kept_dataset_is_dropped_with_what_a_load_inserted(target_url: str, data: Data) -> None:
    kept = data.model_copy(update={"keep": True})
    workload = workload_of(open_target(target_url))
    with contextlib.suppress(UsageError):  # one that this backend can't hold
        workload.make_data(kept)
        _insert(target_url, data.use or "")
        workload_of(open_target(target_url)).drop_data(kept)
        assert workload.make_data(kept)
        workload.drop_data(kept)
    _assert_empty(target_url)


def _assert_empty(url: str) -> None:
    if url.startswith("redis"):
        with Redis.from_url(url) as redis:
            assert redis.dbsize() == 0
    elif url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            assert client.get_default_database().list_collection_names() == []
    elif url.startswith("sqlite"):
        assert not Path(urlsplit(url).path.removeprefix("/")).exists() or not _sqlite(
            url, "SELECT name FROM sqlite_schema"
        )
    else:
        public = "relnamespace = 'public'::regnamespace AND relname !~ '^pg_stat'"
        assert _postgres(url, f"SELECT relname FROM pg_class WHERE {public}") == []
