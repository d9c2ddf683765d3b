"""Variants of one benchmark against each other: which metrics, which runs, which verdicts."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from perfkit.comparison import caveats_of, change_text, compare_variants
from perfkit.results import Comparison, OperationResult, RunResult
from tests.comparison.samples import OPERATIONS, Variant, bench_runs

SLOW, FAST = Variant("slow", 1 / 1.2), Variant("fast", 1.25)
Runs = tuple[RunResult, ...]


def runs(*candidates: Variant, count: int = 400, number: int = 10, **medians: float) -> Runs:
    variants = (Variant("default"), *(candidates or (FAST,)))
    return bench_runs(variants, number, 1, 0.01, medians or OPERATIONS, count)


def compared(made: Runs, candidate: str = "fast", *, paired: bool = True) -> dict[str, Comparison]:
    found = compare_variants(
        "default", candidate, made, paired=paired, confidence=0.99, tolerance=0.05
    )
    return {f"{each.operation}.{each.metric}": each for each in found}


def doubts(made: Runs) -> list[str]:
    return [each.message for each in caveats_of("default", "fast", made, paired=True)]


def changed(
    made: Runs, operation: str, change: Callable[[OperationResult], OperationResult]
) -> Runs:
    """The runs of "fast" with one of their operations changed."""
    return tuple(
        replace(
            run,
            operations=tuple(change(each) if each.name == operation else each for each in run.operations),
            total=change(run.total) if operation == "total" else run.total,
        )
        if run.variant == "fast"
        else run
        for run in made
    )  # fmt: skip


def test_the_rate_of_all_and_the_response_times_of_each_operation_are_compared() -> None:
    assert list(compared(runs())) == [
        "total.rate_per_s",
        "read.p50_ms", "read.p95_ms", "read.p99_ms",
        "update.p50_ms", "update.p95_ms", "update.p99_ms",
        "total.p50_ms", "total.p95_ms", "total.p99_ms",
    ]  # fmt: skip


def test_of_a_single_operation_the_total_is_not_told_twice() -> None:
    assert list(compared(runs(read=1.0))) == [
        "total.rate_per_s", "read.p50_ms", "read.p95_ms", "read.p99_ms",
    ]  # fmt: skip


def test_faster_is_more_rate_and_less_time() -> None:
    found = compared(runs())
    assert {each.verdict for each in found.values()} <= {"faster", "unknown"}
    assert found["total.rate_per_s"].verdict == found["read.p50_ms"].verdict == "faster"
    assert found["total.rate_per_s"].change_ratio == pytest.approx(0.25, abs=0.02)
    assert found["read.p50_ms"].change_ratio == pytest.approx(-0.2, abs=0.03)


def test_slower_is_less_rate_and_more_time() -> None:
    found = compared(runs(SLOW), "slow")
    assert found["total.rate_per_s"].verdict == found["read.p50_ms"].verdict == "slower"


def test_a_variant_is_the_same_as_itself() -> None:
    twin = tuple(replace(run, variant="fast") for run in runs() if run.variant == "default")
    made = (*runs(), *twin)
    only = tuple(run for run in made if run.variant == "default") + twin
    assert {each.verdict for each in compared(only).values()} == {"same"}


def test_a_comparison_says_between_what_and_by_how_many_runs() -> None:
    rate = compared(runs())["total.rate_per_s"]
    assert (rate.baseline, rate.candidate) == ("default", "fast")
    assert (rate.baseline_runs, rate.candidate_runs, rate.confidence) == (10, 10, 0.99)
    assert rate.change_ratio == pytest.approx(rate.candidate_value / rate.baseline_value - 1)
    assert change_text(rate) == "+24 % (+23 % to +26 %)"


def test_the_confidence_holds_for_all_comparisons_together() -> None:
    alone = compared(tuple(replace(run, operations=()) for run in runs()))
    among_ten = compared(runs())
    assert (len(alone), len(among_ten)) == (1, 10)
    one, of_ten = alone["total.rate_per_s"], among_ten["total.rate_per_s"]
    assert one.change_ratio == of_ten.change_ratio
    assert one.change_low is not None
    assert of_ten.change_low is not None
    assert of_ten.change_low < one.change_low


# -- which runs -------------------------------------------------------------------------------------


def test_a_run_that_is_not_valid_is_left_out_with_its_other_half() -> None:
    made = [replace(run, valid=run.run != 3) for run in runs()]
    rate = compared(tuple(made))["total.rate_per_s"]
    assert (rate.baseline_runs, rate.candidate_runs) == (9, 9)
    apart = compared(tuple(made), paired=False)["total.rate_per_s"]
    assert sorted((apart.baseline_runs, apart.candidate_runs)) == [9, 10]


def test_pairs_are_found_by_their_block_and_not_by_their_order() -> None:
    in_order = compared(runs())
    assert compared(tuple(reversed(runs()))) == in_order


def test_drift_cancels_between_neighbours_in_time() -> None:
    drifting = tuple(
        replace(run, total=replace(run.total, rate_per_s=run.total.rate_per_s * 0.95**run.block))
        for run in runs()
    )
    assert compared(drifting)["total.rate_per_s"].verdict == "faster"
    assert compared(drifting, paired=False)["total.rate_per_s"].verdict == "unknown"


def test_without_a_valid_run_nothing_is_compared_and_that_is_said() -> None:
    made = tuple(replace(run, valid=run.variant != "fast") for run in runs())
    assert compared(made, paired=False) == {}
    caveats = caveats_of("default", "fast", made, paired=False)
    assert [each.message for each in caveats] == ["there is no valid run of fast to compare"]


# -- which metrics ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "metrics"),
    [
        (19, ["p50_ms"]), (20, ["p50_ms", "p95_ms"]), (99, ["p50_ms", "p95_ms"]),
        (100, ["p50_ms", "p95_ms", "p99_ms"]),
    ],
)  # fmt: skip
def test_a_percentile_needs_a_value_above_it_in_each_run(count: int, metrics: list[str]) -> None:
    made = runs(read=1.0, count=count)
    assert [each.metric for each in compared(made).values()][1:] == metrics
    told = doubts(made)
    assert bool(told) == (count < 100)
    if count == 19:
        why = "a run holds only 19 of it (p95_ms takes 20, p99_ms takes 100)"
        assert told == [f"p95_ms, p99_ms of read: not compared, {why}"]


def test_an_operation_that_only_one_has_is_left_out_and_named() -> None:
    made = tuple(
        replace(run, operations=run.operations[:1]) if run.variant == "fast" else run
        for run in runs()
    )
    assert "update.p50_ms" not in compared(made)
    assert doubts(made) == ["p50_ms, p95_ms, p99_ms of update: not compared, only default has it"]


def test_an_operation_that_never_ran_in_some_run_is_left_out() -> None:
    made = changed(runs(), "update", lambda each: replace(each, count=0))
    assert "update.p50_ms" not in compared(made)
    assert "a run holds only 0 of it" in doubts(made)[0]


def test_items_are_compared_where_operations_hold_several() -> None:
    made = tuple(
        replace(run, total=replace(run.total, items_per_s=run.total.rate_per_s * factor))
        for run in runs()
        for factor in [100 if run.variant == "fast" else 1]
    )
    rate = next(iter(compared(made).values()))
    assert (rate.metric, rate.verdict) == ("items_per_s", "faster")
    assert rate.change_ratio == pytest.approx(124, rel=0.02)


def test_items_that_are_the_operations_are_not_told_as_items() -> None:
    made = tuple(
        replace(run, total=replace(run.total, items_per_s=run.total.rate_per_s)) for run in runs()
    )
    assert next(iter(compared(made).values())).metric == "rate_per_s"


def test_errors_are_said_to_count_in_the_numbers() -> None:
    made = changed(runs(), "total", lambda each: replace(each, errors=each.count // 10))
    assert len(doubts(made)) == 1
    assert doubts(made)[0].startswith("0 % of the operations of default failed, 10 % of fast: ")


def test_a_rate_of_nothing_is_not_compared() -> None:
    made = changed(runs(), "total", lambda each: replace(each, rate_per_s=0.0))
    assert "total.rate_per_s" not in compared(made)
    assert "rate_per_s of total: not compared, some run has none" in doubts(made)
