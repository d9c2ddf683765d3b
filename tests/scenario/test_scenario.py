"""What a file that is right says."""

from pathlib import Path
from typing import Any

import pytest

from perfkit.scenario import Operation, Retry, Scenario, Stage, load_scenario, parse_scenario
from perfkit.scenario.model import Data, Expect, Statement
from perfkit.scenario.values import (
    Bytes,
    Choice,
    Constant,
    Csv,
    Exponential,
    Hotspot,
    Latest,
    Normal,
    Param,
    Sequential,
    Template,
    Text,
    Timestamp,
    Uniform,
    Uuid,
    Zipfian,
)
from perfkit.units import NS_PER_S

LOAD = "load: { model: open, rate: 5/s, duration: 1s }\n"

CONTRACT = """\
version: 1
target: ${DATABASE_URL}            # or a URL; --target overrides
data:
  use: kv
  rows: 100000
operations:
  - name: read
    weight: 80
    sql: SELECT v FROM kv WHERE id = :id
    params: { id: { zipfian: [1, 100000] } }
    expect: { rows: 1 }
  - name: transfer
    weight: 20
    transaction: [ UPDATE kv SET v = 1, SELECT 1 ]
load:
  model: open
  stages:
    - { name: ramp,   duration: 10s, rate: 0..500/s }
    - { name: steady, duration: 60s, rate: 500/s }
    - { name: spike,  duration: 5s,  rate: 2000/s }
  warmup: 5s
thresholds:
  - read.response.p95 < 50ms
  - total.errors.ratio < 1%
  - total.rate > 450/s
  - { check: read.response.p99 < 100ms, stage: steady, abort: true, after: 10s }
  - { check: total.response.p95 <= baseline * 1.1, severity: warn }
"""


def scenario(text: str, *overrides: str, path: Path = Path("s.yml")) -> Scenario:
    return parse_scenario(text, path, overrides=overrides, environ={"DATABASE_URL": "redis://h"})


def operation(text: str) -> Operation:
    (only,) = scenario(f"{LOAD}operations:\n  - name: read\n    {text}\n").operations
    return only


def param(text: str) -> Param:
    return operation(f"redis: [GET, '{{a}}']\n    params: {{ a: {text} }}").params["a"]


def stages(text: str) -> tuple[Stage, ...]:
    operations = "operations: [{ name: a, redis: [PING] }]\n"
    return scenario(f"{operations}load: {{ model: {text} }}\n").load.stages


def test_the_example_of_the_documentation_is_read_as_it_is_meant() -> None:
    read = scenario(CONTRACT)
    assert (read.name, read.target, read.seed) == ("s", "redis://h", 1)
    assert read.data == Data(use="kv", rows=100_000)
    first, second = read.operations
    assert (first.name, first.weight, first.expect) == ("read", 80, Expect(rows=1))
    assert first.params == {"id": Zipfian(range=(1, 100_000))}
    assert second.transaction == (Statement(sql="UPDATE kv SET v = 1"), Statement(sql="SELECT 1"))
    assert [(stage.name, stage.start, stage.end) for stage in read.load.stages] == [
        ("ramp", 0, 500),
        ("steady", 500, 500),
        ("spike", 2000, 2000),
    ]
    assert [stage.duration_ns for stage in read.load.stages] == [
        10 * NS_PER_S,
        60 * NS_PER_S,
        5 * NS_PER_S,
    ]
    assert read.load.warmup_ns == 5 * NS_PER_S
    assert [(check.stage, check.severity, check.abort) for check in read.thresholds] == [
        (None, "fail", False),
        (None, "fail", False),
        (None, "fail", False),
        ("steady", "fail", True),
        (None, "warn", False),
    ]


def test_a_file_is_read_from_its_path_with_the_environment_given(tmp_path: Path) -> None:
    path = tmp_path / "checkout.yml"
    path.write_text(CONTRACT)
    read = load_scenario(path, environ={"DATABASE_URL": "postgresql://u:hunter2@h/db"})
    assert (read.name, read.path) == ("checkout", path)
    assert read.target == "postgresql://u:hunter2@h/db"
    assert "hunter2" not in repr(read)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", Constant(value=5)),
        ("five", Constant(value="five")),
        ("'5'", Constant(value="5")),
        ("1.5", Constant(value=1.5)),
        ("true", Constant(value=True)),
        ("null", Constant(value=None)),
        ("{ constant: uuid }", Constant(value="uuid")),
        ("uuid", Uuid()),
        ("{ uuid: {} }", Uuid()),
        ("{ uuid: }", Uuid()),
        ("timestamp", Timestamp()),
        ("{ timestamp: now }", Timestamp()),
        (
            "{ timestamp: [2024-01-01, '2024-06-01T12:00:00+02:00'] }",
            Timestamp(start="2024-01-01T00:00:00+00:00", end="2024-06-01T12:00:00+02:00"),
        ),
        ("{ uniform: [1, 100] }", Uniform(range=(1, 100))),
        ("{ uniform: [0.5, 2] }", Uniform(range=(0.5, 2))),
        ("{ uniform: { range: [-5, 5] } }", Uniform(range=(-5, 5))),
        ("{ zipfian: [1, 1e6] }", Zipfian(range=(1, 1_000_000))),
        ("{ zipfian: { range: [1, 9], theta: 1.2 } }", Zipfian(range=(1, 9), theta=1.2)),
        (
            "{ scrambled_zipfian: [1, 9] }",
            Zipfian(kind="scrambled_zipfian", range=(1, 9)),
        ),
        ("{ latest: [1, 9] }", Latest(range=(1, 9))),
        ("{ hotspot: { range: [1, 9], keys: 0.1 } }", Hotspot(range=(1, 9), keys=0.1)),
        ("{ normal: [1, 9] }", Normal(range=(1, 9))),
        ("{ gaussian: { range: [1, 9], mean: 3 } }", Normal(kind="gaussian", range=(1, 9), mean=3)),
        ("{ exponential: [1, 9] }", Exponential(range=(1, 9))),
        ("{ sequential: }", Sequential()),
        ("{ sequential: 5 }", Sequential(start=5)),
        ("{ sequential: [1, 1000] }", Sequential(start=1, end=1000)),
        ("{ sequential: { end: 9 } }", Sequential(end=9)),
        ("{ choice: [a, 1, true, null, yes] }", Choice(values=("a", 1, True, None, "yes"))),
        ("{ choice: { a: 80, b: 20 } }", Choice(values=("a", "b"), weights=(80, 20))),
        (
            "{ choice: { values: [1, 2], weights: [1, 0] } }",
            Choice(values=(1, 2), weights=(1, 0)),
        ),
        ("{ text: 100 }", Text(length=(100, 100))),
        ("{ text: [10, 1KiB] }", Text(length=(10, 1024))),
        ("{ text: { length: 5, alphabet: abc } }", Text(length=(5, 5), alphabet="abc")),
        ("{ bytes: 1KiB }", Bytes(length=(1024, 1024))),
        ("{ template: 'x-{{}}' }", Template(text="x-{{}}")),
    ],
)
def test_a_param_is_a_literal_or_a_generator(text: str, expected: Param) -> None:
    read = param(text)
    assert read == expected
    assert repr(read) == repr(expected)  # types too: 1 is not True


def test_a_csv_file_is_looked_for_next_to_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("\ufeffid,mail\n1,a@b\n", encoding="utf-8")
    text = f"{LOAD}operations:\n  - name: a\n    redis: [GET, '{{id}}']\n"
    text += "    params: { id: { csv: { file: users.csv, column: id, order: random } } }\n"
    read = scenario(text, path=tmp_path / "s.yml").operations[0].params["id"]
    assert read == Csv(file=str(tmp_path / "users.csv"), column="id", order="random")


def test_a_sequence_is_named_in_full_with_that_of_the_same_operation_first() -> None:
    text = f"{LOAD}operations:\n"
    text += "  - { name: a, redis: [SET, '{id}', x], params: { id: { sequential: 1 } } }\n"
    text += "  - { name: b, redis: [SET, '{id}', '{n}'], params: { id: { sequential: 1 }, n: { latest: { range: [1, 9], of: id } } } }\n"
    text += "  - { name: c, redis: [GET, '{n}'], params: { n: { latest: { range: [1, 9], of: a.id } } } }\n"
    _, own, other = scenario(text).operations
    assert own.params["n"] == Latest(range=(1, 9), of="b.id")
    assert other.params["n"] == Latest(range=(1, 9), of="a.id")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis: [GET, 5, 1.5]", (("GET", 5, 1.5),)),
        ("redis: [[GET, a], [PING]]", (("GET", "a"), ("PING",))),
    ],
)
def test_redis_takes_a_command_or_a_pipeline(text: str, expected: Any) -> None:
    assert operation(text).redis == expected


def test_mongo_takes_a_command_as_it_is() -> None:
    text = "mongo: { find: kv, filter: { a: { $gt: 5 }, active: yes, when: 2024-01-01 }, limit: 1 }"
    assert operation(text).mongo == {
        "find": "kv",
        "filter": {"a": {"$gt": 5}, "active": "yes", "when": "2024-01-01"},
        "limit": 1,
    }


def test_a_transaction_has_statements_with_or_without_expectations() -> None:
    read = operation(
        "transaction: [SELECT 1, { sql: SELECT 2, expect: { rows: 1..10, value: 2 } }]\n"
        "    isolation: repeatable read\n    retry: { tries: 5, wait: 2ms }\n    timeout: 3s"
    )
    assert read.transaction == (
        Statement(sql="SELECT 1"),
        Statement(sql="SELECT 2", expect=Expect(rows="1..10", value=2, has_value=True)),
    )
    assert read.isolation == "repeatable read"
    assert read.retry == Retry(tries=5, wait_ns=2_000_000)
    assert read.timeout_ns == 3 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ rows: 1 }", Expect(rows=1)),
        ("{ rows: '>=1' }", Expect(rows=">=1")),
        ("{ value: null }", Expect(has_value=True)),
        ("{ value: no }", Expect(value="no", has_value=True)),
        ("{ error: unique_violation }", Expect(error=("unique_violation",))),
        ("{ error: [a, b] }", Expect(error=("a", "b"))),
    ],
)
def test_expectations(text: str, expected: Expect) -> None:
    assert operation(f"redis: [PING]\n    expect: {text}").expect == expected


def test_a_number_of_tries_is_short_for_a_retry() -> None:
    assert operation("sql: SELECT 1\n    retry: 3").retry == Retry(tries=3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open, rate: 500/s, duration: 1m", [("stage-1", 60 * NS_PER_S, None, 500, 500, 1)]),
        ("open, rate: 30/min, duration: 1s", [("stage-1", NS_PER_S, None, 0.5, 0.5, 1)]),
        ("open, rate: 5, iterations: 1e3", [("stage-1", None, 1000, 5, 5, 1)]),
        ("open, rate: 60..120/min, duration: 1s", [("stage-1", NS_PER_S, None, 1, 2, 1)]),
        ("open, rate: 1/s..60/min, duration: 1s", [("stage-1", NS_PER_S, None, 1, 1, 1)]),
        ("open, rate: 0..10/s, steps: 5, duration: 1s", [("stage-1", NS_PER_S, None, 0, 10, 5)]),
        ("closed, users: 50..0, duration: 1s", [("stage-1", NS_PER_S, None, 50, 0, 1)]),
        (
            "closed, stages: [{ name: warm up, users: 5, duration: 1s }, { users: 0, duration: 1s }, { users: 9, iterations: 5 }]",
            [
                ("warm up", NS_PER_S, None, 5, 5, 1),
                ("stage-2", NS_PER_S, None, 0, 0, 1),
                ("stage-3", None, 5, 9, 9, 1),
            ],
        ),
    ],
)
def test_stages(text: str, expected: list[tuple[Any, ...]]) -> None:
    assert [
        (stage.name, stage.duration_ns, stage.iterations, stage.start, stage.end, stage.steps)
        for stage in stages(text)
    ] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100ms", Constant(value=0.1)),
        ("0", Constant(value=0.0)),
        ("{ uniform: [50ms, 2s] }", Uniform(range=(0.05, 2.0))),
        ("{ normal: [0s, 1s] }", Normal(range=(0.0, 1.0))),
        ("{ choice: [10ms, 1s] }", Choice(values=(0.01, 1.0))),
        ("{ choice: { 10ms: 9, 1s: 1 } }", Choice(values=(0.01, 1.0), weights=(9, 1))),
    ],
)
def test_think_time_is_in_seconds(text: str, expected: Param) -> None:
    file = "operations: [{ name: a, redis: [PING], think: 5ms }]\n"
    read = scenario(f"{file}load: {{ model: closed, users: 5, duration: 1s, think: {text} }}\n")
    assert repr(read.load.think) == repr(expected)
    assert read.operations[0].think == Constant(value=0.005)


def test_an_exponential_think_time_is_given_by_its_mean() -> None:
    from math import log1p

    file = "operations: [{ name: a, redis: [PING] }]\n"
    text = f"{file}load: {{ model: closed, users: 5, duration: 1s, think: {{ exponential: 100ms }} }}\n"
    read = scenario(text).load.think
    assert isinstance(read, Exponential)
    decay_per_s = -log1p(-read.percentile / 100) / (read.fraction * (read.range[1] - read.range[0]))
    assert 1 / decay_per_s == pytest.approx(0.1)
    assert read.range == (0.0, 2.0)


def test_setup_statements_are_of_any_backend() -> None:
    text = f"{LOAD}operations: [{{ name: a, redis: [PING] }}]\n"
    text += "data:\n  setup: [CREATE TABLE t (id int), [SET, a, 1], { drop: kv }]\n  teardown: [DROP TABLE t]\n"
    read = scenario(text).data
    assert read is not None
    assert read.setup == ("CREATE TABLE t (id int)", ["SET", "a", 1], {"drop": "kv"})
    assert read.teardown == ("DROP TABLE t",)


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("seed=7", "seed", 7),
        ("target=redis://u:p=w@h/0", "target", "redis://u:p=w@h/0"),
        ("operations.read.weight=3", "operations.0.weight", 3),
        ("operations.0.weight=3", "operations.0.weight", 3),
        ("operations.read.sql=SELECT ':x' # 1", "operations.0.sql", "SELECT ':x' # 1"),
        ("load.stages.steady.rate=0..9/s", "load.stages.1.end", 9),
        ("load.stages.0.name=first", "load.stages.0.name", "first"),
        ("load.warmup=0", "load.warmup_ns", 0),
        ("load.connections= 16 ", "load.connections", 16),
        ("data.keep=true", "data.keep", True),
        ("data.setup=[DROP TABLE x, 'SELECT 1']", "data.setup.1", "SELECT 1"),
        ("name=${DATABASE_URL}", "name", "redis://h"),
        ('name="5"', "name", "5"),
        ("target=", "target", None),
    ],
)
def test_an_override_changes_the_value_at_its_path(override: str, path: str, expected: Any) -> None:
    text = CONTRACT.replace("    params: { id: { zipfian: [1, 100000] } }\n", "").replace(
        ":id", "1"
    )
    read: Any = scenario(text, override)
    for key in path.split("."):
        read = read[int(key)] if key.isdecimal() else getattr(read, key)
    assert read == expected
    assert type(read) is type(expected) or isinstance(expected, int)


def test_an_override_makes_the_mapping_that_is_not_there() -> None:
    text = f"{LOAD}operations: [{{ name: a, redis: [PING] }}]\n"
    assert scenario(text, "data.use=kv", "data.rows=5").data == Data(use="kv", rows=5)


def test_an_override_of_an_alias_leaves_the_others_as_they_are() -> None:
    text = (
        f"{LOAD}operations:\n"
        "  - { name: a, redis: [PING], retry: &r { tries: 2, wait: 1ms } }\n"
        "  - { name: b, redis: [PING], retry: *r }\n"
    )
    first, second = scenario(text, "operations.b.retry.tries=9").operations
    assert (first.retry.tries, second.retry.tries) == (2, 9)


def test_a_later_override_wins() -> None:
    assert scenario(CONTRACT, "seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("seed", "--set seed: this is no override: write key=value, as in load.warmup=5s"),
        ("=5", "--set =5: this is no override: write key=value, as in load.warmup=5s"),
        ("seed=x", "--set seed: 'x' is no whole number"),
        ("sed=5", "--set sed: unknown key 'sed' (did you mean seed?)"),
        ("load.rat=5/s", "--set load.rat: load: unknown key 'rat' (did you mean rate?)"),
        ("load..x=5", "--set load..x: a key of load is missing between two dots"),
        ("load.model.x=5", "--set load.model.x: load.model is a single value: it has no 'x'"),
        ("operations.raed.weight=5", "--set operations.raed.weight: operations has no item 'raed': it has 2, counted from 0 (did you mean read?)"),
        ("operations.9.weight=5", "--set operations.9.weight: operations has no item '9': it has 2, counted from 0"),
        ("operations.read.weight=-1", "--set operations.read.weight: -1 is too low: at least 0"),
        ("operations.read.params.id={zipfain: [1, 2]}", "--set operations.read.params.id: unknown generator 'zipfain' (did you mean zipfian?)"),
        ("load.stages=[", "--set load.stages: is not YAML: while parsing a flow node did not find expected node content (text with : { } [ ] # or % in it may need quotes)"),
        ("seed=${NOPE}", "--set seed: the environment variable NOPE is not set"),
        ("seed=010", "--set seed: 010 has a leading zero, which readers of YAML take in two ways: drop it, or use quotes"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_override_is_told_with_its_path(override: str, sentence: str) -> None:
    from perfkit.errors import ScenarioError

    with pytest.raises(ScenarioError) as raised:
        scenario(CONTRACT, override)
    assert str(raised.value).splitlines()[-1] == sentence


def test_a_target_that_is_not_wanted_may_have_variables_that_are_not_set() -> None:
    path = Path("s.yml")
    found = parse_scenario(CONTRACT, path, environ={}, own_target=False)
    assert found.target is None
    assert found.operations == scenario(CONTRACT).operations


def test_without_the_target_every_other_mistake_is_still_told() -> None:
    from perfkit.errors import ScenarioError

    text = CONTRACT.replace("rows: 100000", "rows: ${ROWS}")
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(text, Path("s.yml"), environ={}, own_target=False)
    assert [str(problem) for problem in raised.value.problems] == [
        "s.yml:5:9: the environment variable ROWS is not set"
    ]


def test_a_scenario_knows_where_its_operations_stand() -> None:
    found = scenario(CONTRACT, "operations.transfer.transaction=[SELECT 2]").places
    assert found == {
        "read": ("s.yml", 9, 10),
        "transfer": ("--set operations.transfer.transaction", 0, 0),
    }
