"""A report as blocks: what a person is told, in the order in which it is read.

describe(report) decides what is said, in words and scaled numbers; the formats only lay it out. What
is told of each command's result stands in a module of its own.
"""

from typing import Any, cast

from perfkit.report import bench, compare, loadtest, tuning
from perfkit.report.blocks import Block, Status, Verdict
from perfkit.report.cells import (
    Telling,
    caveat_remarks,
    checks_table,
    counted,
    finding_remarks,
    missed,
)
from perfkit.report.wording import show_span
from perfkit.results import (
    BenchResult,
    CompareResult,
    LoadtestResult,
    ProfileList,
    ProfileResult,
    Report,
    Result,
)

AnyReport = Report[Any]


def describe(report: Report[Result]) -> tuple[Block, ...]:
    """What to tell: the verdict first, the result in a table, and then what explains it."""
    told = _told(report)
    first, *rest = told.blocks
    blocks: list[Block | None] = [
        _verdict(report, told),
        first,
        None if told.shows_checks else checks_table(report.checks),
        caveat_remarks(report.caveats),
        finding_remarks(report.findings),
        *rest,
    ]
    return tuple(block for block in blocks if block is not None)


def verdict(report: Report[Result]) -> Verdict:
    """How the run ended. Interrupted goes before invalid, and invalid before failed."""
    return _verdict(report, _told(report))


def subject(report: Report[Result]) -> str:
    """A name for what the report is about."""
    return _told(report).subject


def _told(report: Report[Result]) -> Telling:
    match report.result:
        case BenchResult():  # before the load test's, which it is too
            return bench.tell(cast("Report[BenchResult]", report))
        case LoadtestResult():
            return loadtest.tell(cast("Report[LoadtestResult]", report))
        case CompareResult():
            return compare.tell(cast("Report[CompareResult]", report))
        case ProfileList():
            return tuning.tell_list(cast("Report[ProfileList]", report))
        case ProfileResult():
            return tuning.tell(cast("Report[ProfileResult]", report))
        case other:
            raise TypeError(f"nothing is told of {type(other).__name__}")


def _verdict(report: Report[Result], told: Telling) -> Verdict:
    status, reasons = _outcome(report, told)
    return Verdict(
        status=status,
        reasons=reasons,
        warnings=tuple(
            missed(check) for check in report.checks if not (check.passed or check.failed)
        ),
        context=told.context,
        figures=told.figures,
    )


def _outcome(report: Report[Result], told: Telling) -> tuple[Status, tuple[str, ...]]:
    failed = tuple(missed(check) for check in report.checks if check.failed)
    if report.result.interrupted and isinstance(report.result, ProfileResult):
        return "interrupted", told.conclusion
    if report.result.interrupted:
        first = f"after {show_span(report.duration_s)}; this is what was measured up to then"
        return "interrupted", (first, *failed)
    if not report.result.valid:
        return "invalid", _why_invalid(report)
    if failed:
        return "failed", failed
    if told.shows_checks or not report.checks:
        return "passed" if report.checks else "done", told.conclusion
    passed = sum(check.passed for check in report.checks)
    return "passed", (f"{passed} of {counted(len(report.checks), 'check')} passed",)


def _why_invalid(report: Report[Result]) -> tuple[str, ...]:
    known = tuple(caveat.message for caveat in report.caveats if caveat.invalidates)
    if known:
        return known
    if isinstance(report.result, LoadtestResult):
        total = report.result.total
        if not total.count:
            return ("no operation was sent",)
        if total.errors == total.count:
            return ("every operation failed",)
    return tuple(caveat.message for caveat in report.caveats) or ("the measurement is not valid",)
