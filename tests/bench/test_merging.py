"""Runs merged into one result: as if all samples had been recorded together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.bench.merging import merged, merged_latency, merged_operation
from perfkit.load.histogram import Histogram
from perfkit.results import Latency, OperationResult, Resources, Statement
from tests.report.samples import passed_report

SAMPLES = st.lists(st.integers(1, 10**10), max_size=40)


def latency_of(values: list[int]) -> Latency:
    histogram = Histogram()
    histogram.add(np.asarray(values, np.int64))
    return histogram.latency()


def operation(values: list[int], elapsed_s: float, items: float | None = None) -> OperationResult:
    times = latency_of(values)
    rate = len(values) / elapsed_s
    return OperationResult(
        "read", len(values), 0, None, rate, len(values), times, times, times, items
    )


@settings(deadline=None)
@given(st.lists(SAMPLES, min_size=1, max_size=4))
def test_merged_times_are_those_of_all_samples_together(parts: list[list[int]]) -> None:
    together = merged_latency([latency_of(part) for part in parts])
    whole = latency_of([value for part in parts for value in part])
    names = ("min_ms", "max_ms", "p50_ms", "p75_ms", "p90_ms", "p95_ms", "p99_ms")
    for name in names:
        seen, true = getattr(together, name), getattr(whole, name)
        assert (seen is None) == (true is None)
        if true is not None:
            assert seen == pytest.approx(true, rel=1e-3)
    if together.max_ms is not None:
        assert (together.p99_99_ms or 0) <= together.max_ms
    if whole.mean_ms is not None and whole.stddev_ms is not None:
        assert together.mean_ms == pytest.approx(whole.mean_ms)
        assert together.stddev_ms == pytest.approx(whole.stddev_ms, abs=1e-6 * whole.mean_ms)


def test_a_rate_is_over_the_time_of_all_runs() -> None:
    whole = merged_operation([operation([1] * 100, 1.0), operation([1] * 300, 2.0)], [1.0, 2.0])
    assert whole.count == 400
    assert whole.rate_per_s == pytest.approx(400 / 3)


def test_items_are_over_the_time_of_all_runs_too() -> None:
    parts = [operation([1] * 10, 1.0, 1000), operation([1] * 10, 1.0, 3000)]
    whole = merged_operation(parts, [1.0, 1.0])
    assert whole.items_per_s == pytest.approx(2000)


def test_a_run_without_samples_leaves_the_others_as_they_are() -> None:
    empty = operation([], 1.0)
    assert merged_operation([operation([5, 6], 1.0), empty], [1.0, 1.0]).response.max_ms == 6e-6
    assert merged_operation([empty, empty], [1.0, 1.0]).response.p50_ms is None


def test_the_rates_of_operations_that_some_run_never_made_add_up_to_the_total() -> None:
    """What is rare may not come up in a short run: that run's time counts nevertheless."""
    result = passed_report().result
    often, seldom = operation([1] * 90, 1.0), replace(operation([1] * 10, 1.0), name="seldom")
    never = replace(operation([], 1.0), name="seldom")
    runs = [
        replace(
            result,
            operations=(often, each),
            total=operation([1] * (90 + each.count), 1.0),
            stages=(),
        )
        for each in (seldom, never)
    ]
    whole = merged(runs, [0.0, 2.0])
    assert [each.rate_per_s for each in whole.operations] == pytest.approx([90, 5])
    assert whole.total.rate_per_s == pytest.approx(95)


def test_a_run_that_got_nothing_done_counts_with_the_time_that_it_was_given() -> None:
    result = passed_report().result
    stage = replace(result.stages[0], duration_s=3.0)
    empty = operation([], 1.0)
    runs = [
        replace(result, operations=(each,), total=each, stages=(stage,))
        for each in (operation([1] * 100, 1.0), empty)
    ]
    assert merged(runs, [0.0, 2.0]).total.rate_per_s == pytest.approx(100 / 4)


def test_statements_have_their_calls_in_all_runs() -> None:
    result = passed_report().result
    runs = [
        replace(result, resources=Resources(statements=statements))
        for statements in (
            (Statement("SELECT 1", 10, 20.0, 2.0, 10), Statement("COMMIT", 1, 30.0, 30.0, None)),
            (Statement("SELECT 1", 30, 40.0, 4 / 3, 30),),
        )
    ]
    select, commit = merged(runs, [0.0, 2.0]).resources.statements
    assert select == Statement("SELECT 1", 40, 60.0, 1.5, 40)
    assert commit.calls == 1


def test_a_whole_result_merged_with_itself_has_twice_of_all_that_is_counted() -> None:
    result = passed_report().result
    twice = merged([result, result], [0.0, 100.0])
    assert twice.total.count == 2 * result.total.count
    assert twice.total.rate_per_s == pytest.approx(result.total.rate_per_s)
    assert [stage.total.count for stage in twice.stages] == [
        2 * stage.total.count for stage in result.stages
    ]
    assert len(twice.timeline) == 2 * len(result.timeline)
    assert twice.timeline[-1].t_s == result.timeline[-1].t_s + 100
    assert twice.generator.dropped == 2 * result.generator.dropped
    assert {row.count for row in twice.errors} == {2 * row.count for row in result.errors}
