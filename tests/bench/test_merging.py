"""Runs merged into one result: as if all samples had been recorded together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.bench.merging import merged, merged_latency, merged_operation
from perfkit.load.histogram import Histogram
from perfkit.results import Latency, OperationResult
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
    if whole.mean_ms is not None and whole.stddev_ms is not None:
        assert together.mean_ms == pytest.approx(whole.mean_ms)
        assert together.stddev_ms == pytest.approx(whole.stddev_ms, abs=1e-6 * whole.mean_ms)


def test_a_rate_is_over_the_time_of_all_runs() -> None:
    whole = merged_operation([operation([1] * 100, 1.0), operation([1] * 300, 2.0)])
    assert whole.count == 400
    assert whole.rate_per_s == pytest.approx(400 / 3)


def test_items_are_over_the_time_of_all_runs_too() -> None:
    whole = merged_operation([operation([1] * 10, 1.0, 1000), operation([1] * 10, 1.0, 3000)])
    assert whole.items_per_s == pytest.approx(2000)


def test_a_run_without_samples_leaves_the_others_as_they_are() -> None:
    empty = operation([], 1.0)
    assert merged_operation([operation([5, 6], 1.0), empty]).response.max_ms == 6e-6
    assert merged_operation([empty, empty]).response.p50_ms is None


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
