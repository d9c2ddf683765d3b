"""Operations that are more than one request, or one request for many items, as files write them."""

from pathlib import Path
from typing import Any

import pytest

from perfkit.errors import ScenarioError
from perfkit.scenario import Operation, Scenario, parse_scenario

HEAD = "load: { model: open, rate: 5/s, duration: 1s }\noperations:\n  - name: read\n"


def _parsed(*keys: str) -> Scenario:
    text = HEAD + "".join(f"    {key}\n" for key in keys)
    return parse_scenario(text, Path("s.yml"), environ={})


def _operation(*keys: str) -> Operation:
    return _parsed(*keys).operations[0]


def _said(*keys: str) -> str:
    with pytest.raises(ScenarioError) as raised:
        _parsed(*keys)
    return str(raised.value)


def test_mongo_takes_a_command_or_several_in_turn() -> None:
    assert _operation("mongo: { find: kv }").mongo == {"find": "kv"}
    several: Any = _operation("mongo: [{ find: kv }, { count: kv }]").mongo
    assert several == ({"find": "kv"}, {"count": "kv"})


def test_values_are_looked_for_in_each_of_several_commands() -> None:
    mongo = (
        'mongo: [{ find: kv, filter: { _id: "{id}" } }, { delete: kv, filter: { _id: "{no}" } }]'
    )
    params = "params: { id: { uniform: [1, 5] }, extra: 5 }"
    said = _said(mongo, params)
    assert "operations.read.mongo.1.filter._id: uses {no}, which params does not define" in said
    assert "operations.read.params.extra: is never used" in said


def test_several_redis_commands_go_together_unless_it_says_otherwise() -> None:
    assert _operation("redis: [[PING], [PING]]").pipeline
    assert not _operation("redis: [[PING], [PING]]", "pipeline: false").pipeline


def test_words_in_the_braces_of_sql_are_used() -> None:
    sql = "sql: \"SELECT {field}, '{other}' FROM t\""
    assert _operation(sql, "params: { field: { choice: [a, b] } }").sql
    said = _said(sql, "params: { field: { uniform: [1, 5] } }")
    assert "{field} is part of the statement, so it must be a choice of words, not uniform" in said


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["redis: [PING]", "pipeline: false"], "pipeline: only several redis commands"),
        (["sql: SELECT 1", "pipeline: false"], "pipeline: only several redis commands"),
        (["redis: [[PING], [PING]]", "pipeline: false", "batch: 2"], "batch: a batch is one request"),
        (["statements: [SELECT 1, SELECT 2]", "batch: 2"], "batch: a batch is one request"),
        (["transaction: [SELECT 1]", "batch: 2"], "batch: a batch is one request"),
        (["mongo: [{ find: kv }]", "batch: 2"], "batch: a batch is one request"),
        (["mongo: [{ find: kv }, 5]"], "mongo.1: 5 is no command"),
        (["mongo: []"], "mongo: a list is no command"),
        (["statements: [SELECT 1]", "isolation: serializable"], "isolation: only a transaction"),
        (["sql: INSERT INTO t VALUES (1)", "batch: 0"], "batch: 0 is too low"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_told_with_its_place(keys: list[str], sentence: str) -> None:
    assert f"operations.read.{sentence}" in _said(*keys)
