from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from perfkit.scenario.document import parse
from perfkit.scenario.parse import parse_scenario
from perfkit.scenario.schema import scenario_schema
from perfkit.scenario.template import BACKENDS, starter

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yml"))
BASE = "load: { model: open, rate: 5/s, duration: 1s }\n"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def plain(text: str) -> Any:
    return parse(text, "s.yml", {}).plain()


def test_every_shipped_scenario_is_there() -> None:
    assert "quickstart.yml" in {path.name for path in SCENARIOS}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_a_shipped_scenario_is_right_by_the_schema_and_by_perfkit(
    validator: jsonschema.Draft202012Validator, path: Path
) -> None:
    text = path.read_text()
    validator.validate(plain(text))
    assert parse_scenario(text, path).operations


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_starter_is_right_by_the_schema_and_by_perfkit(
    validator: jsonschema.Draft202012Validator, backend: str
) -> None:
    validator.validate(plain(starter(backend)))
    read = parse_scenario(starter(backend), Path("s.yml"))
    assert (read.target or "").startswith(f"{backend}://")


RIGHT = [
    "params: { a: 5, b: uuid, c: { uuid: }, d: { timestamp: now } }",
    "params: { a: { zipfian: { range: [1, 9], theta: 1.2 } }, b: { gaussian: [1, 9] } }",
    "params: { a: { choice: { x: 1, y: 2 } }, b: { choice: { values: [1, 2], weights: [1, 2] } } }",
    "params: { a: { text: [1, 1KiB] }, b: { bytes: 5 }, c: { template: 'x{a}' } }",
    "params: { a: { csv: { file: x.csv, column: a } }, b: { sequential: [1, 9] } }",
    "params: { a: { uniform: kv }, b: { latest: { range: kv } }, c: { sequential: { after: kv } } }",
    "params: { a: { ycsb_key: { uniform: kv } }, b: { ycsb_key: { latest: { range: kv, of: c.d } } } }",
    "params: { a: { shifted: { of: b, by: 99 } }, b: { padded: { of: c, width: 12 } } }",
    "statements: [SELECT 1, { sql: SELECT 2, expect: { rows: 1 } }]",
    "mongo: [{ find: kv }, { update: kv, filter: {}, u: {} }]",
    "batch: 100",
    "retry: 3",
    "retry: { tries: 3, wait: 5ms }",
    "expect: { rows: '>=1', value: null, error: [x] }",
    "weight: 0.5",
    "weight: $${WEIGHT}",  # what an editor sees
    "timeout: 5s",
    "think: { uniform: [1ms, 2ms] }",
]
WRONG = [
    "wieght: 5",
    "weight: abc",
    "weight: true",
    "params: { a: { zipfain: [1, 9] } }",
    "params: { a: { zipfian: { range: [1, 9], thetaa: 1 } } }",
    "params: { a: { uniform: [1, 2], normal: [1, 2] } }",
    "params: { a: { ycsb_key: { choice: [1] } } }",
    "params: { a: { ycsb_key: 5 } }",
    "params: { a: { shifted: { of: b } } }",
    "params: { a: { sequential: { aftr: kv } } }",
    "statements: []",
    "mongo: []",
    "batch: 0",
    "retry: { try: 3 }",
    "expect: { row: 1 }",
    "isolation: serialisable",
    "think: { zipfian: [1, 2] }",
    "transaction: [{ sqll: x }]",
]


@pytest.mark.parametrize("keys", RIGHT)
def test_the_schema_takes_every_spelling(
    validator: jsonschema.Draft202012Validator, keys: str
) -> None:
    validator.validate(plain(f"{BASE}operations:\n  - name: a\n    redis: [PING]\n    {keys}\n"))


@pytest.mark.parametrize("keys", WRONG)
def test_the_schema_refuses_unknown_keys_and_wrong_types(
    validator: jsonschema.Draft202012Validator, keys: str
) -> None:
    content = plain(f"{BASE}operations:\n  - name: a\n    redis: [PING]\n    {keys}\n")
    assert not validator.is_valid(content)


@pytest.mark.parametrize(
    ("thresholds", "valid"),
    [
        ("[total.rate > 5, { check: total.rate > 5, stage: x, severity: warn }]", True),
        ("{ http_req_duration: [p(95)<500, { threshold: avg<5, abortOnFail: true }] }", True),
        ("[{ http_req_failed: rate<0.01 }]", True),
        ("[{ check: total.rate > 5, stge: x }]", False),
        ("[5]", False),
        ("{ check: total.rate > 5 }", False),
    ],
)
def test_the_schema_knows_the_forms_of_a_threshold(
    validator: jsonschema.Draft202012Validator, thresholds: str, *, valid: bool
) -> None:
    operations = "operations: [{ name: a, redis: [PING] }]\n"
    assert validator.is_valid(plain(f"{BASE}{operations}thresholds: {thresholds}\n")) is valid


@pytest.mark.parametrize("key", ["tarket: x", "version: 2"])
def test_the_schema_refuses_unknown_keys_at_the_top(
    validator: jsonschema.Draft202012Validator, key: str
) -> None:
    operations = "operations: [{ name: a, redis: [PING] }]\n"
    assert not validator.is_valid(plain(f"{BASE}{operations}{key}\n"))


def test_every_key_has_a_description() -> None:
    bare = [
        name for name, schema in _properties(scenario_schema()) if not schema.get("description")
    ]
    assert bare == []


def test_every_default_is_right_by_its_own_schema() -> None:
    schema = scenario_schema()
    for _, part in _properties(schema):
        if "default" in part:
            jsonschema.Draft202012Validator({**part, "$defs": schema["$defs"]}).validate(
                part["default"]
            )


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        yield from properties.items()
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)
