"""Two reports against each other: what is compared, what is refused, what the gate says."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from perfkit.comparison import compare_reports
from perfkit.errors import ExitStatus, UsageError
from perfkit.results import BenchResult, Caveat, CompareResult, Report, Sweep, TargetInfo
from tests.comparison.samples import Variant, bench_report, with_runs
from tests.report.samples import passed_report

Bench = Report[BenchResult]


def compare(old: Any, new: Any, **options: Any) -> Report[CompareResult]:
    return compare_reports(old, new, files=("old.json", "new.json"), **options)


def codes(report: Report[CompareResult]) -> list[str]:
    return [caveat.code for caveat in report.caveats]


def with_result(report: Bench, **changes: Any) -> Bench:
    return replace(report, result=replace(report.result, **changes))


def with_subject(report: Bench, **changes: Any) -> Bench:
    return with_result(report, subject=replace(report.result.subject, **changes))


def with_target(report: Bench, **changes: Any) -> Bench:
    assert report.target is not None
    return replace(report, target=replace(report.target, **changes))


def with_machine(report: Bench, **changes: Any) -> Bench:
    return replace(report, environment=replace(report.environment, **changes))


# -- the gate ---------------------------------------------------------------------------------------


def test_a_regression_fails_its_checks() -> None:
    report = compare(bench_report(), bench_report(Variant(speed=0.8), seed=2))
    assert report.status == ExitStatus.CHECK_FAILED
    rate = report.checks[0]
    assert (rate.check, rate.passed, rate.variant) == ("total.rate_per_s", False, None)
    assert rate.observed.startswith("-20 % (-2")
    assert rate.observed_value == pytest.approx(-0.2, abs=0.02)


def test_a_gain_passes_and_so_does_a_twin() -> None:
    faster = compare(bench_report(), bench_report(Variant(speed=1.3), seed=2))
    assert faster.result.comparisons[0].verdict == "faster"
    twin = compare(bench_report(), bench_report(seed=2, spread_ratio=0.01))
    assert faster.status == twin.status == ExitStatus.OK
    assert "slower" not in {each.verdict for each in twin.result.comparisons}


def test_every_comparison_is_a_check() -> None:
    report = compare(bench_report(), bench_report(seed=2))
    assert [check.check for check in report.checks] == [
        f"{each.operation}.{each.metric}" for each in report.result.comparisons
    ]


def failing(report: Bench, shares: Sequence[float]) -> Bench:
    """The same report in whose runs these shares of the operations failed."""
    runs = [
        replace(
            run, total=replace(run.total, errors=round(run.total.count * share), error_ratio=share)
        )
        for run, share in zip(report.result.runs, itertools.cycle(shares))
    ]
    return with_runs(report, runs)


def test_a_report_of_which_more_fails_is_no_gain_however_quick_the_errors_are() -> None:
    report = compare(bench_report(), failing(bench_report(Variant(speed=2), seed=2), [0.4, 0.5]))
    assert report.result.comparisons[0].verdict == "faster"
    (failed,) = [check for check in report.checks if not check.passed]
    assert (failed.check, failed.observed) == ("total.error_ratio", "0 % → 45 %")
    assert report.status == ExitStatus.CHECK_FAILED


def test_errors_that_come_and_go_in_both_reports_fail_no_check() -> None:
    old, new = bench_report(), bench_report(seed=2)
    report = compare(failing(old, [0, 0, 0, 0.02]), failing(new, [0, 0.03, 0]))
    assert all(check.passed for check in report.checks)
    fewer = compare(failing(old, [0.5]), new)
    assert all(check.passed for check in fewer.checks)


def test_what_can_not_be_told_passes_and_says_how_many_runs_would_tell() -> None:
    report = compare(bench_report(spread_ratio=0.1), bench_report(seed=2, spread_ratio=0.1))
    assert report.status == ExitStatus.OK
    unknown = [each for each in report.result.comparisons if each.verdict == "unknown"]
    told = next(each.message for each in report.caveats if each.code == "cannot_tell")
    assert told.startswith(f"can't tell {len(unknown)} of {len(report.checks)} comparisons; ")
    assert "runs in each report would probably tell" in told or "1,000 would not tell" in told


def test_a_report_against_itself_is_all_the_same_however_far_its_runs_lie_apart() -> None:
    report = compare(bench_report(spread_ratio=0.3), bench_report(spread_ratio=0.3))
    assert {each.verdict for each in report.result.comparisons} == {"same"}
    assert codes(report) == ["same_measurement"]
    assert report.status == ExitStatus.OK


def test_the_tolerance_and_the_confidence_are_the_users() -> None:
    both = bench_report(), bench_report(Variant(speed=0.9), seed=2)
    assert compare(*both).status == ExitStatus.CHECK_FAILED
    tolerant = compare(*both, tolerance=0.3)
    assert (tolerant.status, tolerant.result.tolerance) == (ExitStatus.OK, 0.3)
    assert compare(*both, confidence=0.9).result.comparisons[0].confidence == 0.9


def test_the_sides_are_told_with_what_they_are() -> None:
    report = compare(bench_report(), bench_report(seed=2, runs=5))
    old, new = report.result.old, report.result.new
    assert (old.file, old.runs, old.server) == ("old.json", 10, "postgresql 16.4")
    assert (new.file, new.runs, new.host) == ("new.json", 5, "ci-runner-7")
    assert (report.schema, report.target) == ("perfkit.compare", bench_report().target)


# -- which variants ---------------------------------------------------------------------------------


def test_variants_are_compared_with_their_namesakes() -> None:
    old = bench_report(Variant(), Variant("read-heavy"))
    new = bench_report(Variant("read-heavy", 0.7), Variant(), seed=2)
    report = compare(old, new)
    slower = {each.candidate for each in report.result.comparisons if each.verdict == "slower"}
    assert slower == {"read-heavy"}
    assert {check.variant for check in report.checks} == {"default", "read-heavy"}


def test_with_other_variants_the_first_of_each_are_compared() -> None:
    report = compare(bench_report(), bench_report(Variant(), Variant("read-heavy"), seed=2))
    assert {(each.baseline, each.candidate) for each in report.result.comparisons} == {
        ("default", "default")
    }
    assert {check.variant for check in report.checks} == {None}


def test_a_variant_with_a_single_run_is_left_out_and_named() -> None:
    old = bench_report(Variant(), Variant("read-heavy"))
    new = bench_report(Variant(), Variant("read-heavy"), seed=2)
    first, second = new.result.variants
    cut = with_result(new, variants=(first, replace(second, runs=1)), interrupted=True)
    report = compare(old, cut)
    assert {each.candidate for each in report.result.comparisons} == {"default"}
    assert {"not_compared", "interrupted"} <= set(codes(report))


# -- what is refused --------------------------------------------------------------------------------

BENCH = bench_report(seed=2)
DIFFERENT = {
    "operations, load or data: ycsb-a (5f2c8a1e9b7d0346) → ycsb-b (0)": with_subject(
        BENCH, digest="0", name="ycsb-b"
    ),
    "sweep: none → clients": with_result(
        BENCH, sweep=Sweep("clients", (), "4", None, None, "use 4 clients")
    ),
    "dataset: ycsb, 100,000 rows → none": with_subject(BENCH, dataset=""),
    "clients: 4 → 8": with_subject(BENCH, clients=8),
    "duration: 5 s → 2.5 s": with_subject(BENCH, duration_s=2.5),
    "iterations: none → 100": with_subject(BENCH, iterations=100),
    "warm-up: 1 s → 0 s": with_subject(BENCH, warmup_s=0.0),
    "backend: postgresql → sqlite": with_target(BENCH, backend="sqlite"),
    "server's host: this machine → db.example": with_target(
        BENCH, url="postgresql://db.example/shop"
    ),
    "server version: 16.4 → 17.0": with_target(BENCH, server_version="17.0"),
    "server's shared_buffers: 128MB → 4GB": with_target(BENCH, settings={"shared_buffers": "4GB"}),
    "server: postgresql → none": replace(BENCH, target=None),
    "host: ci-runner-7 → laptop": with_machine(BENCH, host="laptop"),
    "CPU: AMD EPYC 7763 → Apple M2": with_machine(BENCH, cpu="Apple M2"),
    "cores: 4 → 8": with_machine(BENCH, cpu_count=8),
    "perfkit's workers: 2 → 3": with_machine(BENCH, settings={"workers": 3, "connections": 4}),
    "default's work_mem: none → 64MB": bench_report(Variant(settings={"work_mem": "64MB"}), seed=2),
}


@pytest.mark.parametrize("difference", DIFFERENT)
def test_what_was_not_measured_alike_is_refused_unless_forced(difference: str) -> None:
    new = DIFFERENT[difference]
    with pytest.raises(UsageError) as caught:
        compare(bench_report(), new)
    assert str(caught.value).endswith(f"they differ in {difference}")
    assert "--force" in (caught.value.hint or "")
    forced = compare(bench_report(), new, force=True)
    assert forced.result.differences == (difference,)
    assert forced.result.comparisons
    assert "forced" in codes(forced)


def test_all_differences_are_told_at_once() -> None:
    other = with_machine(with_subject(BENCH, clients=8), host="laptop")
    with pytest.raises(UsageError, match=r"clients: 4 → 8; host: ci-runner-7 → laptop"):
        compare(bench_report(), other)


@pytest.mark.parametrize(
    "alike",
    [
        with_target(BENCH, server_version="16.5"),
        with_target(BENCH, server_version="16.4 (Debian 16.4-1.pgdg120+1)"),
        with_target(BENCH, url="postgresql://app:***@localhost:6432/other"),
        with_target(BENCH, settings={}),
        with_subject(BENCH, name="another name"),
        with_machine(BENCH, memory_bytes=1, python="3.12.1"),
        with_result(BENCH, seed=99, tolerance=0.1),
    ],
)
def test_what_does_not_matter_for_the_numbers_is_no_difference(alike: Bench) -> None:
    assert compare(bench_report(), alike).result.differences == ()


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [("7.4.1", "7.4.2", False), ("7.4.1", "7.5.0", True), ("3.45.1", "3.46.0", True)],
)
def test_a_patch_of_the_server_is_no_difference_and_a_release_is(
    before: str, after: str, *, refused: bool
) -> None:
    def on(version: str, seed: int) -> Bench:
        target = TargetInfo("redis", "redis://127.0.0.1:6379/0", version)
        return replace(bench_report(seed=seed), target=target)

    report = compare(on(before, 1), on(after, 2), force=True)
    assert bool(report.result.differences) == refused


@pytest.mark.parametrize("which", [0, 1])
def test_a_load_test_is_refused_because_it_is_one_run(which: int) -> None:
    both: list[Report[Any]] = [bench_report(), bench_report()]
    both[which] = passed_report()
    with pytest.raises(
        UsageError, match=r"is a report of perfkit loadtest: .* repeated runs"
    ) as no:
        compare(*both)
    assert ("old.json", "new.json")[which] in str(no.value)
    assert "--runs 5" in (no.value.hint or "")


@pytest.mark.parametrize("which", [0, 1])
def test_a_benchmark_of_a_single_run_is_refused(which: int) -> None:
    both = [bench_report(), bench_report()]
    both[which] = bench_report(runs=1)
    with pytest.raises(UsageError, match=r"holds a single run: .* repeated runs") as no:
        compare(*both)
    assert ("old.json", "new.json")[which] in str(no.value)


# -- trust ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
def test_a_verdict_on_an_invalid_report_is_none(which: int) -> None:
    both = [bench_report(), bench_report(Variant(speed=0.5), seed=2)]
    why = Caveat("target_gone", "the target was gone", invalidates=True)
    both[which] = replace(with_result(both[which], valid=False), caveats=(why,))
    report = compare(*both)
    assert report.status == ExitStatus.INVALID
    told = next(each for each in report.caveats if each.invalidates)
    assert told.message == f"what {('old', 'new')[which]}.json holds is not valid: {why.message}"


def test_where_nothing_is_left_to_compare_there_is_no_verdict() -> None:
    made = bench_report(seed=2)
    none = with_result(made, runs=tuple(replace(run, valid=False) for run in made.result.runs))
    report = compare(bench_report(), none)
    assert (report.status, report.result.comparisons) == (ExitStatus.INVALID, ())
    assert "nothing_compared" in codes(report)


def test_what_one_report_lacks_is_said() -> None:
    report = compare(bench_report(), bench_report(operations={"read": 1.0}, seed=2))
    told = [each.message for each in report.caveats if each.code == "not_compared"]
    assert any("of update: not compared, only" in message for message in told)


def test_reports_of_different_versions_of_perfkit_are_compared_with_a_caveat() -> None:
    newer = replace(bench_report(seed=2), perfkit_version="0.2.0")
    assert "perfkit_versions" in codes(compare(bench_report(), newer))
