"""From the text of a scenario to what a real server has afterwards: the values, and who gets which."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import Failure
from perfkit.load.generate import bind_all
from perfkit.scenario import Scenario, parse_scenario
from tests.contract.driving import channel_of, perform, session_of, workload_of

GENERATORS = [
    {"scrambled_zipfian": "usertable"},
    {"zipfian": {"range": "usertable", "theta": 0.5}},
    {"uniform": "usertable"},
    {"hotspot": "usertable"},
    {"normal": "usertable"},
    {"exponential": "usertable"},
    {"latest": "usertable"},
]
_SQL_READ = {"sql": "SELECT field0 FROM usertable WHERE ycsb_key = :key"}
READ: dict[str, dict[str, Any]] = {
    "sqlite": _SQL_READ,
    "postgresql": _SQL_READ,
    "mongodb": {"mongo": {"find": "usertable", "filter": {"_id": "{key}"}}},
    "redis": {"redis": ["HGET", "usertable:{key}", "field0"]},
}
_FIELDS = [f"field{number}" for number in range(10)]
_SQL_INSERT = {
    "sql": f"INSERT INTO usertable (ycsb_key, {', '.join(_FIELDS)}) "
    f"VALUES (:key{', :text' * len(_FIELDS)})"
}
INSERT: dict[str, dict[str, Any]] = {
    "sqlite": _SQL_INSERT,
    "postgresql": _SQL_INSERT,
    "mongodb": {"mongo": {"insert": "usertable", "document": {"_id": "{key}", "field0": "{text}"}}},
    "redis": {"redis": ["HSET", "usertable:{key}", "field0", "{text}"]},
}
ROWS = 50


def _scenario(*operations: dict[str, Any], data: dict[str, Any] | None = None) -> Scenario:
    named = [{"name": f"op{number}", **each} for number, each in enumerate(operations)]
    load = {"model": "closed", "users": 1, "duration": "1s"}
    content = {"operations": named, "load": load, **({"data": data} if data else {})}
    return parse_scenario(json.dumps(content), Path("s.yml"), environ={})


def _ycsb(*operations: dict[str, Any]) -> Scenario:
    return _scenario(*operations, data={"use": "ycsb", "rows": ROWS, "value_size": 5})


def _run(url: str, scenario: Scenario, times: int, workers: int = 1) -> list[Failure]:
    """What failed when each worker in turn did the operations so many times."""
    target = open_target(url)
    workload = workload_of(target)
    if scenario.data:
        workload.make_data(scenario.data)
    assert [workload.problem(each) for each in scenario.operations] == [None] * len(
        scenario.operations
    )
    assert workload.check(scenario.operations) == []
    outcomes = []
    for worker in range(workers):
        bound = bind_all(scenario, seed=1, worker=worker, workers=workers)
        with session_of(target, *bound) as session, channel_of(session) as channel:
            for _ in range(times):
                outcomes += [perform(session, channel, each) for each in session.operations]
    assert len(outcomes) == times * workers * len(scenario.operations)
    return [failure for failure in outcomes if failure]


def _count(url: str) -> int:
    """The records in usertable."""
    if url.startswith("redis"):
        with Redis.from_url(url, decode_responses=True) as redis:
            return len(redis.keys("usertable:user*"))
    if url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            return client.get_default_database().usertable.count_documents({})
    asked = "SELECT count(*) FROM usertable"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path.removeprefix("/"))) as connection:
            return int(connection.execute(asked).fetchone()[0])
    with psycopg.connect(url) as connection:
        return int(connection.execute(asked).fetchall()[0][0])


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: next(iter(generator)))
def test_every_key_that_is_drawn_from_the_rows_of_a_table_is_there(
    target_url: str, generator: dict[str, Any]
) -> None:
    read = {
        **READ[target_url.partition(":")[0]],
        "params": {"key": {"ycsb_key": generator}},
        "expect": {"rows": 1},
    }
    assert _run(target_url, _ycsb(read), times=40) == []


def test_batches_of_two_workers_never_insert_the_same_key_and_the_latest_are_found(
    target_url: str,
) -> None:
    scheme = target_url.partition(":")[0]
    insert = {
        **INSERT[scheme],
        "batch": 3,
        "params": {"key": {"ycsb_key": {"sequential": {"after": "usertable"}}}, "text": "x"},
    }
    latest = {"latest": {"range": "usertable", "of": "op0.key"}}
    read = {**READ[scheme], "params": {"key": {"ycsb_key": latest}}, "expect": {"rows": 1}}
    assert _run(target_url, _ycsb(insert, read), times=20, workers=2) == []
    assert _count(target_url) == ROWS + 3 * 20 * 2


@pytest.mark.parametrize("fixture", ["sqlite_url", "postgres_url"])
def test_a_shifted_value_belongs_to_its_draw_wherever_it_stands(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    between = {
        "sql": "SELECT c FROM sbtest1 WHERE id BETWEEN :low AND :high",
        "params": {"high": {"shifted": {"of": "low", "by": 99}}, "low": {"uniform": [1, 101]}},
        "expect": {"rows": 100},
    }
    scenario = _scenario(between, data={"use": "sysbench", "rows": 200})
    assert _run(request.getfixturevalue(fixture), scenario, times=20) == []


def test_redis_has_padded_numbers_under_their_names(redis_url: str) -> None:
    put = {
        "redis": ["SET", "key:{id}", "{number}"],
        "batch": 16,
        "params": {"number": {"sequential": 7}, "id": {"padded": {"of": "number", "width": 12}}},
        "expect": {"rows": 16},
    }
    assert _run(redis_url, _scenario(put), times=2) == []
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        assert {key: redis.get(key) for key in redis.scan_iter()} == {
            f"key:{number:012}": str(number) for number in range(7, 39)
        }


def test_braces_in_the_texts_of_a_statement_are_no_words(postgres_url: str) -> None:
    path = {
        "sql": """SELECT '{"name": "a b"}'::jsonb #>> '{name}' = :name /* {name} */""",
        "params": {"name": {"choice": ["a b"]}},
        "expect": {"value": True},
    }
    assert _run(postgres_url, _scenario(path), times=2) == []


def test_a_word_may_stand_in_a_quoted_name(sqlite_url: str) -> None:
    named = {
        "sql": 'SELECT 5 AS "a b {word}" WHERE 1 = :one',
        "params": {"word": {"choice": ["x", "y"]}, "one": 1},
        "expect": {"rows": 1, "value": 5},
    }
    assert _run(sqlite_url, _scenario(named, data={"use": "kv", "rows": 1}), times=4) == []
