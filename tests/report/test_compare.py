"""What is told of two reports that are compared."""

import dataclasses
import io
import json

import jsonschema
import pytest
from rich.console import Console

from perfkit.report import html, jsonfile, junit, markdown, text
from perfkit.report.blocks import Table
from perfkit.report.comparisons import comparisons_table
from perfkit.report.document import describe, verdict
from perfkit.results import CompareResult, Report
from tests.report.compare_samples import (
    COMPARE_SAMPLES,
    FASTER,
    HOPELESS,
    SAME,
    SLOWER,
    UNKNOWN,
    compare_failed_report,
    compare_passed_report,
    compare_report,
    comparison,
)
from tests.report.conftest import Golden

NAMES = sorted(COMPARE_SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_each_format_looks_as_approved(name: str, golden: Golden) -> None:
    report = COMPARE_SAMPLES[name]()
    page = io.StringIO()
    text.render(report, Console(file=page, width=100, force_terminal=False))
    golden(f"{name}.txt", page.getvalue())
    golden(f"{name}.md", markdown.render(report))
    golden(f"{name}.xml", junit.render(report))


@pytest.mark.parametrize("name", NAMES)
def test_the_json_report_can_be_read_again_and_keeps_to_its_schema(name: str) -> None:
    report = COMPARE_SAMPLES[name]()
    written = jsonfile.to_json(report)
    assert jsonfile.from_json(written) == report
    jsonschema.validate(json.loads(written), jsonfile.report_schema("compare"))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_holds_the_table_and_no_text_breaks_out_of_it(name: str) -> None:
    page = html.render(COMPARE_SAMPLES[name]())
    assert "Comparisons" in page
    assert "<script>alert" not in page


def tables(report: Report[CompareResult]) -> list[str]:
    return [block.title for block in describe(report) if isinstance(block, Table)]


def verdicts(table: Table | None) -> list[str]:
    assert table is not None
    return [row[-1].text for row in table.rows]


def test_the_comparisons_are_told_once_and_not_again_as_checks() -> None:
    assert tables(compare_failed_report()) == ["Comparisons"]


def test_the_verdict_says_what_became_slower_or_that_nothing_did() -> None:
    failed, passed = verdict(compare_failed_report()), verdict(compare_passed_report())
    assert (failed.status, failed.reasons) == (
        "failed",
        ("read.p99_ms: was +20 % (+18 % to +22 %)",),
    )
    assert (passed.status, passed.reasons) == (
        "passed",
        ("nothing is slower; 4 comparisons: 2 faster, 2 without a difference that matters",),
    )


def test_a_pass_that_rests_on_what_can_not_be_told_says_so() -> None:
    told = verdict(compare_report(UNKNOWN, SAME))
    (told_reason,) = told.reasons
    assert told_reason.startswith("nothing is slower for certain; 2 comparisons: ")
    assert told_reason.endswith("1 can't be told")


def test_a_slower_variant_is_named_in_the_verdict() -> None:
    slow = comparison("read.p99_ms", "slower", candidate="write-heavy")
    assert verdict(compare_report(slow)).reasons == (
        "read.p99_ms of write-heavy: was +20 % (+18 % to +22 %)",
    )


def test_the_verdicts_are_worded() -> None:
    one_more = comparison("x.p50_ms", "unknown", runs_needed=11)
    assert verdicts(comparisons_table([FASTER, SLOWER, SAME, UNKNOWN, one_more, HOPELESS])) == [
        "faster",
        "slower",
        "no difference that matters",
        "can't tell: 14 more runs would",
        "can't tell: 1 more run would",
        "can't tell, nor would 1,000 runs",
    ]


def test_the_columns_of_one_pair_are_the_variants_and_of_several_their_roles() -> None:
    fast = comparison("total.rate_per_s", "faster", candidate="fast")
    durable = comparison("total.rate_per_s", "slower", candidate="durable")
    one, two = comparisons_table([fast]), comparisons_table([fast, durable])
    assert one is not None
    assert two is not None
    assert [column.title for column in one.columns][2:4] == ["default", "fast"]
    assert [column.title for column in two.columns][3:5] == ["default", "candidate"]
    assert [row[0].text for row in two.rows] == ["fast", "durable"]


def test_the_baseline_stands_in_each_row_where_there_are_several() -> None:
    fast = comparison("total.rate_per_s", "faster", candidate="fast")
    other = dataclasses.replace(fast, baseline="old", candidate="new")
    two = comparisons_table([fast, other])
    assert two is not None
    assert [column.title for column in two.columns][3:5] == ["baseline", "candidate"]
    assert [row[0].text for row in two.rows] == ["fast against default", "new against old"]


def test_without_a_comparison_there_is_no_table() -> None:
    assert comparisons_table([]) is None
