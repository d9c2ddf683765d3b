"""What is measured: queries, workloads and scenario files as scenarios, with options as overrides."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from perfkit.bench.options import Options
from perfkit.bench.subject import described, measured, printed, query_text
from perfkit.errors import UsageError
from perfkit.scenario.values import Constant, Sequential, Uniform, YcsbKey, Zipfian
from perfkit.units import NS_PER_S

SCENARIO = {
    "version": 1,
    "operations": [{"name": "read", "sql": "SELECT 1"}],
    "load": {"model": "closed", "users": 3, "duration": "7s"},
}


def options(**given: Any) -> Options:
    return Options(target="sqlite:///x.db", **given)


def query(text: str, *params: str, backend: str = "sqlite", **given: Any) -> Any:
    asked = options(query=text, params=params, **given)
    return measured(asked, backend).scenario


@pytest.mark.parametrize(
    ("param", "kind"),
    [
        ("id=1..1000", Uniform(range=(1, 1000))),
        ("id=0.5..1.5", Uniform(range=(0.5, 1.5))),
        ("id=-5..5", Uniform(range=(-5, 5))),
        ("id=zipfian:1..10", Zipfian(range=(1, 10))),
        ("id=sequential", Sequential()),
        ("id={sequential: 7}", Sequential(start=7)),
        ("id=5", Constant(value=5)),
        ("id=anna", Constant(value="anna")),
        ("id='5'", Constant(value="5")),
        ("id=007x", Constant(value="007x")),
        ("id=", Constant(value="")),
    ],
)
def test_a_param_is_a_range_a_generator_or_a_value(param: str, kind: object) -> None:
    (operation,) = query("SELECT :id", param).operations
    assert operation.params["id"] == kind


def test_a_param_by_number_fills_the_statement_that_a_server_logged() -> None:
    (operation,) = query("SELECT $1 + $2", "1=1..5", "2=7").operations
    assert operation.sql == "SELECT :p1 + :p2"
    assert set(operation.params) == {"p1", "p2"}


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (("id",), "--param id: write name=value"),
        (("=5",), "--param =5: write name=value"),
        (("id={a",), "--param id={a: "),
        (("id=5..1",), "starts above its end"),
        ((), "uses :id, which params does not define"),
        (("id=1", "name=2"), "name: is never used"),
    ],
)
def test_a_param_that_cannot_be_read_is_told(params: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        query("SELECT :id", *params)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (("{find", "mongodb"), "--query is no JSON"),
        (("[1]", "mongodb"), "a MongoDB command is a JSON object"),
        (('SET "x', "redis"), "--query: No closing quotation"),
        (("  ", "sqlite"), "--query is empty"),
    ],
)
def test_a_query_that_cannot_be_read_is_told(text: tuple[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        query_text(text[0], (), text[1])


def test_a_query_is_in_the_language_of_its_backend() -> None:
    mongo = query('{"find": "kv", "filter": {"_id": "{id}"}}', "id=1..9", backend="mongodb")
    redis = query('SET "key {id}" x', "id=1..9", backend="redis")
    assert mongo.operations[0].mongo == {"find": "kv", "filter": {"_id": "{id}"}}
    assert redis.operations[0].redis == (("SET", "key {id}", "x"),)


def test_exactly_one_thing_is_measured() -> None:
    for given in ({}, {"query": "SELECT 1", "workload": "ycsb-a"}):
        with pytest.raises(UsageError, match="one of --workload, --query and --scenario"):
            measured(options(**given), "sqlite")


def test_options_change_the_load_and_the_data_of_a_workload() -> None:
    asked = options(
        workload="ycsb-a", scale=3, clients=5, duration_ns=2 * NS_PER_S, warmup_ns=0, keep=True
    )
    scenario = measured(asked, "sqlite").scenario
    assert scenario.data is not None
    assert (scenario.data.rows, scenario.data.keep) == (3000, True)
    (stage,) = scenario.load.stages
    assert (stage.end, stage.duration_ns, scenario.load.warmup_ns) == (5, 2 * NS_PER_S, 0)


def test_iterations_take_the_place_of_a_duration() -> None:
    (stage,) = query("SELECT 1", iterations=50).load.stages
    assert (stage.iterations, stage.duration_ns) == (50, None)


def test_a_scenario_file_keeps_its_own_load(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump(SCENARIO))
    scenario = measured(options(scenario=file), "sqlite").scenario
    assert (scenario.load.stages[0].end, scenario.load.stages[0].duration_ns) == (3, 7 * NS_PER_S)
    assert scenario.load.warmup_ns == 0
    changed = measured(options(scenario=file, clients=9), "sqlite").scenario
    assert changed.load.stages[0].end == 9


@pytest.mark.parametrize(
    ("load", "given", "sentence"),
    [
        ({"model": "open", "rate": "5/s", "duration": "1s"}, {"clients": 2}, "belongs to closed load"),
        (
            {"model": "closed", "stages": [{"users": 1, "duration": "1s"}] * 2},
            {"duration_ns": NS_PER_S},
            "has 2 stages",
        ),
        (SCENARIO["load"], {"scale": 2}, "makes no dataset of its own"),
        (SCENARIO["load"], {"keep": True}, "no dataset that could be kept"),
        (SCENARIO["load"], {"batch": 2}, "no operation here takes several items"),
        (SCENARIO["load"], {"true_zipfian": True}, "nothing here is drawn by YCSB's"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_told(
    load: Any, given: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump({**SCENARIO, "load": load}))
    with pytest.raises(UsageError, match=sentence):
        measured(options(scenario=file, **given), "sqlite")


def test_true_zipfian_takes_the_place_of_the_scrambled_one() -> None:
    scenario = measured(options(workload="ycsb-a", true_zipfian=True), "sqlite").scenario
    keys = [operation.params["key"] for operation in scenario.operations]
    assert all(isinstance(key, YcsbKey) and key.number.kind == "zipfian" for key in keys)


def test_a_workload_is_printed_as_it_ships_where_nothing_changes_it() -> None:
    text = printed(options(workload="ycsb-a"), "sqlite")
    assert text.startswith("# YCSB A")
    assert "scrambled_zipfian: usertable" in text


def test_what_is_printed_with_options_is_what_would_run() -> None:
    text = printed(options(workload="ycsb-a", scale=2, clients=3), None)
    content = yaml.safe_load(text)
    assert text.startswith("# YCSB A")
    assert (content["data"]["rows"], content["load"]["users"]) == (2000, 3)


def test_zipfs_own_law_is_printed_where_it_would_run() -> None:
    text = printed(options(workload="ycsb-a", true_zipfian=True), "sqlite")
    (read, update) = yaml.safe_load(text)["operations"]
    assert read["params"]["key"] == {"ycsb_key": {"zipfian": "usertable"}}
    assert update["params"]["key"] == read["params"]["key"]
    with pytest.raises(UsageError, match="nothing here is drawn"):
        printed(options(workload="select-only", true_zipfian=True), "sqlite")


def test_a_batch_is_printed_for_each_operation_that_takes_one(tmp_path: Path) -> None:
    operations = [{"name": n, "redis": ["GET", n]} for n in ("a", "b")]
    file = tmp_path / "two.yml"
    file.write_text(yaml.safe_dump({**SCENARIO, "operations": operations}))
    shown = yaml.safe_load(printed(options(scenario=file, batch=4), "redis"))["operations"]
    assert [each["batch"] for each in shown] == [4, 4]
    with pytest.raises(UsageError, match="no operation here takes several"):
        printed(options(workload="ycsb-a", batch=4), "sqlite")


def test_the_digest_is_of_what_is_done_and_not_of_how_long() -> None:
    one = described(measured(options(query="SELECT 1", duration_ns=NS_PER_S), "sqlite"))
    longer = described(measured(options(query="SELECT 1"), "sqlite"))
    other = described(measured(options(query="SELECT 2"), "sqlite"))
    assert one.digest == longer.digest != other.digest
    assert (one.clients, one.duration_s, longer.duration_s) == (1, 1, 5)


def digest_of(tmp_path: Path, **parts: Any) -> str:
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump({**SCENARIO, **parts}))
    return described(measured(options(scenario=file), "sqlite")).digest


def test_the_digest_is_of_how_the_data_is_made_and_not_of_whether_it_is_kept(
    tmp_path: Path,
) -> None:
    data = {"use": "kv", "rows": 50}
    plain = digest_of(tmp_path, data=data)
    assert plain == digest_of(tmp_path, data={**data, "keep": True})
    assert plain != digest_of(tmp_path, data={**data, "value_size": 5000})
    assert plain != digest_of(tmp_path, data={**data, "setup": ["CREATE INDEX i ON kv (v)"]})


def test_the_digest_is_of_the_lengths_of_several_stages_for_nothing_else_tells_them(
    tmp_path: Path,
) -> None:
    def of(seconds: int) -> str:
        stages = [{"users": 1, "duration": "1s"}, {"users": 9, "duration": f"{seconds}s"}]
        return digest_of(tmp_path, load={"model": "closed", "stages": stages})

    assert of(1) != of(9)


def test_the_rows_expected_of_a_batch_are_those_of_all_its_items() -> None:
    asked = options(workload="redis-get", batch=16)
    (get,) = measured(asked, "redis").scenario.operations
    assert (get.batch, get.expect.rows) == (16, 16)
    (shown,) = yaml.safe_load(printed(asked, "redis"))["operations"]
    assert (shown["batch"], shown["expect"]["rows"]) == (16, 16)
