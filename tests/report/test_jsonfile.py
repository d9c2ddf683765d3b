"""The JSON report: true to the result, readable again, and described by its schema."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfkit.errors import UsageError
from perfkit.report.jsonfile import from_json, report_schema, to_json
from perfkit.results import (
    BenchResult,
    CompareResult,
    Latency,
    LoadtestResult,
    ProfileList,
    ProfileResult,
    Report,
)
from tests.report.samples import SAMPLES, empty_report, failed_report, passed_report

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SIMPLE: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**60), 2**60),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of which results consist."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Literal:
            strategy = st.sampled_from(arguments)
        case origin if origin is tuple and arguments[-1] is Ellipsis:
            strategy = st.lists(values(arguments[0]), max_size=2).map(tuple)
        case origin if origin is tuple:
            strategy = st.tuples(*map(values, arguments))
        case origin if origin is Mapping:
            strategy = st.dictionaries(*map(values, arguments), max_size=2)
        case origin if origin is UnionType:
            strategy = st.one_of([values(each) for each in arguments])
        case _:
            strategy = SIMPLE[kind]
    return strategy


RESULTS = {
    "loadtest": LoadtestResult,
    "bench": BenchResult,
    "compare": CompareResult,
    "profile-list": ProfileList,
    "profile": ProfileResult,
}


def reports(name: str) -> st.SearchStrategy[Report[Any]]:
    """Reports of a command whose result is anything of its type."""
    hints = {each: hint for each, hint in get_type_hints(Report).items() if each != "result"}
    parts = {each: values(hint) for each, hint in hints.items()}
    built = st.builds(Report, **parts, result=values(RESULTS[name]))
    return built.map(lambda each: replace(each, schema=f"perfkit.{name}", schema_version=1))


REPORTS = st.sampled_from(sorted(RESULTS)).flatmap(reports)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(REPORTS)
def test_any_report_reads_back_as_what_was_written(report: Report[LoadtestResult]) -> None:
    assert from_json(to_json(report)) == report


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_measured_report_reads_back_as_what_was_written(name: str) -> None:
    assert from_json(to_json(SAMPLES[name]())) == SAMPLES[name]()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_is_written_is_valid_by_the_schema(name: str) -> None:
    jsonschema.validate(json.loads(to_json(SAMPLES[name]())), report_schema("loadtest"))


def test_the_schema_refuses_a_report_that_lacks_a_percentile() -> None:
    report = json.loads(to_json(passed_report()))
    del report["result"]["total"]["response"]["p99_9_ms"]
    with pytest.raises(jsonschema.ValidationError, match="p99_9_ms"):
        jsonschema.validate(report, report_schema("loadtest"))


def test_the_schema_has_a_name_and_is_a_schema() -> None:
    schema = report_schema("loadtest")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:perfkit:report:loadtest:1"


def test_an_unknown_schema_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        report_schema("load-test")
    assert caught.value.hint == "did you mean loadtest?"


def test_the_keys_are_those_that_scripts_rely_on() -> None:
    report = json.loads(to_json(passed_report()))
    assert list(report)[:3] == ["schema", "schema_version", "perfkit_version"]
    result = report["result"]
    assert set(result["errors"][0]) == {
        "operation", "class", "message", "count", "first_seen_s",
    }  # fmt: skip
    assert {"name", "count", "errors", "error_ratio", "rate_per_s", "response"} <= set(
        result["operations"][0]
    )
    assert set(result["total"]["lag"]) == {each.name for each in fields(Latency)}
    assert {"cpu_ratio", "delay_p99_ms", "achieved_ratio", "saturated"} <= set(result["generator"])
    assert {"host", "server"} <= set(result["resources"])


def test_numbers_are_raw_and_what_was_not_measured_is_null() -> None:
    report = passed_report()
    total = json.loads(to_json(report))["result"]["total"]
    assert total["response"]["p99_ms"] == report.result.total.response.p99_ms
    total = json.loads(to_json(empty_report()))["result"]["total"]
    assert total["response"]["p99_ms"] is None
    assert total["error_ratio"] is None


def test_a_number_that_json_does_not_have_becomes_null() -> None:
    text = to_json(replace(passed_report(), duration_s=float("inf")))
    assert json.loads(text, parse_constant=pytest.fail)["duration_s"] is None


def test_a_name_that_is_no_unicode_does_not_lose_the_report() -> None:
    report = passed_report()
    text = to_json(replace(report, result=replace(report.result, scenario="caf\udce9")))
    assert from_json(text).result.scenario == "caf?"


def test_keys_of_a_later_version_are_passed_over() -> None:
    raw = json.loads(to_json(failed_report()))
    raw["invented_later"] = raw["result"]["total"]["p42_ms"] = 1
    assert from_json(json.dumps(raw)) == failed_report()


@given(st.floats(0.0, 0.999))
def test_a_part_of_a_report_is_refused(part: float) -> None:
    text = to_json(empty_report())
    with pytest.raises(UsageError, match="not a perfkit report, or only a part of one"):
        from_json(text[: int(len(text.rstrip()) * part)])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"schema": "perfkit.elsewhere"},
            "not a report that can be read here: .* 'perfkit.elsewhere'",
        ),
        ({"schema": ["x"]}, "not a report that can be read here"),
        ({"schema_version": 2}, "written by a newer perfkit: schema_version 2"),
        ({"schema_version": "1"}, "its schema_version is '1'"),
        ({"schema_version": True}, "its schema_version is True"),
        ({"duration_s": "70"}, "not a whole perfkit report: duration_s"),
        ({"result": {}}, r"not a whole perfkit report: result\.scenario: Field required"),
    ],
)
def test_what_is_no_report_of_a_load_test_is_refused_with_a_reason(
    changes: dict[str, object], why: str
) -> None:
    raw = json.loads(to_json(empty_report())) | changes
    with pytest.raises(UsageError, match=why):
        from_json(json.dumps(raw))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "NaN", "<html>", "[" * 100_000])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a perfkit report"):
        from_json(text)
