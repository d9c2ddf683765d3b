"""What is told of a benchmark: runs of one thing, variants against each other, a sweep."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import jsonschema
import pytest
from rich.console import Console

from perfkit import comparison
from perfkit.bench import scaling
from perfkit.report import html, jsonfile, junit, markdown, text
from perfkit.report.blocks import Chart, Table
from perfkit.report.document import describe, verdict
from perfkit.results import BenchResult, Caveat, Check, NotMeasured, Report
from tests.comparison.samples import Variant, bench_report
from tests.report.conftest import Golden

HOSTILE = "<script>alert('x')</script>\x1b[31m|`*"


def single() -> Report[BenchResult]:
    report = bench_report(runs=5)
    doubt = Caveat("wide_spread", "runs spread by 12 % (standard deviation over mean)")
    return replace(report, caveats=(doubt,))


def compared(name: str = "durable") -> Report[BenchResult]:
    settings = {"synchronous_commit": "off"}
    report = bench_report(Variant(), Variant(name, 1.25, settings), runs=6)
    result = report.result
    comparisons = comparison.compare_variants(
        "default", name, result.runs, paired=True, confidence=0.99, tolerance=0.05
    )
    left = (NotMeasured(name, "shared_buffers", "4GB", "the server takes it only when it starts"),)
    check = Check("total.rate > 1/s", "21,900/s", passed=True, variant=name)
    result = replace(result, comparisons=comparisons, not_measured=left)
    return replace(report, result=result, checks=(check,))


def swept() -> Report[BenchResult]:
    speeds = {"1": 1.0, "2": 1.9, "4": 3.3, "8": 3.4, "16": 3.2}
    report = bench_report(*(Variant(name, speed) for name, speed in speeds.items()), runs=3)
    result = report.result
    points = [
        scaling.Point(
            each.name, each.total, tuple(r for r in result.runs if r.variant == each.name)
        )
        for each in result.variants
    ]
    return replace(report, result=replace(result, sweep=scaling.sweep("clients", points)))


SAMPLES: dict[str, Callable[[], Report[BenchResult]]] = {
    "bench-single": single,
    "bench-compared": compared,
    "bench-hostile": lambda: compared(HOSTILE),
    "bench-swept": swept,
}
NAMES = sorted(SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_each_format_looks_as_approved(name: str, golden: Golden) -> None:
    report = SAMPLES[name]()
    page = io.StringIO()
    text.render(report, Console(file=page, width=100, force_terminal=False))
    golden(f"{name}.txt", page.getvalue())
    golden(f"{name}.md", markdown.render(report))
    golden(f"{name}.xml", junit.render(report))


@pytest.mark.parametrize("name", NAMES)
def test_the_json_report_can_be_read_again_and_keeps_to_its_schema(name: str) -> None:
    report = SAMPLES[name]()
    written = jsonfile.to_json(report)
    assert jsonfile.from_json(written) == report
    jsonschema.validate(json.loads(written), jsonfile.report_schema("bench"))


@pytest.mark.parametrize("name", NAMES)
def test_no_text_breaks_out_of_the_page(name: str) -> None:
    page = html.render(SAMPLES[name]())
    assert "<title>ycsb-a: perfkit benchmark</title>" in page
    assert "<script>alert" not in page


def test_without_checks_the_verdict_is_what_was_learnt() -> None:
    assert verdict(swept()).reasons == (swept().result.sweep.advice,)  # type: ignore[union-attr]  # it is one
    (told,) = verdict(replace(compared(), checks=())).reasons
    assert told.startswith("durable is faster than default: rate +2")


def test_a_sweep_has_a_chart_where_its_values_are_numbers() -> None:
    report = swept()
    assert report.result.sweep is not None
    points = tuple(replace(each, value="wal") for each in report.result.sweep.points)
    named = replace(report.result, sweep=replace(report.result.sweep, points=points))
    for told, charts in ((report, 2), (replace(report, result=named), 0)):
        found = [each for each in describe(told) if isinstance(each, Chart) and each.x == "number"]
        assert len(found) == charts


def test_the_number_of_clients_is_not_told_where_it_is_swept() -> None:
    assert "4 clients" in verdict(single()).context
    assert "clients" not in verdict(swept()).context


def test_checks_name_their_variant() -> None:
    (table,) = [
        each for each in describe(compared()) if isinstance(each, Table) and each.title == "Checks"
    ]
    assert [cell.text for cell in table.rows[0]][-1] == "durable"
