"""Commands that wait for each other's reply: of Redis without a pipeline, of MongoDB in turn."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import Bound
from perfkit.backends.redis.compile import compile_operation
from perfkit.backends.redis.connection import pack
from perfkit.errors import ScenarioError
from perfkit.scenario import Expect, Operation, Scenario, parse_scenario
from tests.contract.driving import outcome, workload_of

# -- Redis ----------------------------------------------------------------------------------------


def _redis(*commands: tuple[Any, ...], **more: Any) -> Operation:
    return Operation(name="o", redis=commands, pipeline=False, **more)


def test_all_commands_of_an_operation_have_the_values_of_one_draw() -> None:
    draws = itertools.count(1)
    operation = _redis(("GET", "k:{n}"), ("SET", "k:{n}", "{n}"), ("PING",))
    compiled = compile_operation(Bound(operation, ("n",), lambda: (next(draws),)))
    assert compiled.turns
    for number in (b"1", b"2"):
        assert compiled.make() == [
            pack([b"GET", b"k:" + number]),
            pack([b"SET", b"k:" + number, number]),
            pack([b"PING"]),
        ]


def test_a_command_that_fails_ends_the_operation(redis_url: str) -> None:
    target = open_target(redis_url)
    assert outcome(target, _redis(("SET", "a", "1"), ("INCR", "a"))) is None
    failed = outcome(target, _redis(("LPUSH", "a", "x"), ("SET", "b", "never")))
    assert failed is not None
    assert failed.error_class == "WRONGTYPE"
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        assert redis.mget("a", "b") == ["2", None]


def test_commands_in_turn_can_not_go_in_a_batch(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    batch = _redis(("GET", "a"), ("GET", "b"), batch=5)
    assert workload.problem(batch) == "commands that wait for each other can't go in a batch"


def _scenario(**operation: Any) -> Scenario:
    load = {"model": "closed", "users": 1, "duration": "1s"}
    content = {"version": 1, "operations": [{"name": "o", **operation}], "load": load}
    return parse_scenario(yaml.safe_dump(content), Path("s.yml"))


def test_a_scenario_says_that_commands_wait() -> None:
    (operation,) = _scenario(redis=[["GET", "a"], ["GET", "b"]], pipeline=False).operations
    assert not operation.pipeline
    (operation,) = _scenario(redis=[["GET", "a"], ["GET", "b"]]).operations
    assert operation.pipeline


@pytest.mark.parametrize("what", [{"redis": ["GET", "a"]}, {"sql": "SELECT 1"}])
def test_what_is_no_pipeline_can_not_go_without_one(what: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="pipeline: only several redis commands"):
        _scenario(**what, pipeline=False)


# -- MongoDB --------------------------------------------------------------------------------------


def _mongo(*commands: dict[str, Any]) -> Operation:
    return Operation(name="o", mongo=commands)


def test_mongodbs_commands_are_done_one_after_the_other(mongo_url: str) -> None:
    target = open_target(mongo_url)
    find = {"find": "c", "filter": {"_id": "{n}"}}
    insert = {"insert": "c", "document": {"_id": "{n}"}}
    update = {"update": "c", "filter": {"_id": "{n}"}, "u": {"$set": {"seen": True}}}
    assert outcome(target, _mongo(find, insert, update), 7) is None
    failed = outcome(target, _mongo(insert, {"delete": "c", "filter": {}}), 7)
    assert failed is not None
    assert failed.error_class == "DuplicateKey"
    with MongoClient[dict[str, Any]](mongo_url) as client:
        assert list(client.get_default_database().c.find()) == [{"_id": 7, "seen": True}]


def test_commands_in_turn_write_when_one_of_them_does(mongo_url: str) -> None:
    workload = workload_of(open_target(mongo_url))
    find, insert = {"find": "c"}, {"insert": "c", "document": {}}
    assert not workload.writes(_mongo(find, find))
    assert workload.writes(_mongo(find, insert))


def test_an_expectation_is_that_of_each_command(mongo_url: str) -> None:
    target = open_target(mongo_url)
    find = {"find": "c", "filter": {"_id": 1}}
    insert = {"insert": "c", "document": {"_id": 1}}
    each_one = {"expect": Expect(rows=1)}
    assert outcome(target, _mongo(insert, find).model_copy(update=each_one)) is None
    failed = outcome(
        target, _mongo(find, {"delete": "c", "filter": {"_id": 2}}).model_copy(update=each_one)
    )
    assert failed is not None
    assert failed.message == "expected 1 documents, got 0"
