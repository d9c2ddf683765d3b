"""Sampled metrics: exact statistics, bounded points, counters as rates."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.backends.base import Metric
from perfkit.drive.series import MOST_POINTS, Rates, Recording, Recordings
from perfkit.results import Series
from perfkit.units import NS_PER_S


def recorded(values: list[float | None]) -> Series:
    recording = Recording("cpu", "ratio")
    for t_s, value in enumerate(values):
        recording.add(float(t_s), value)
    return recording.series()


def counter(value: float | None, name: str = "commits", unit: str = "") -> Metric:
    return Metric(name, unit, counter=True, value=value)


def gauge(value: float | None, name: str = "clients", unit: str = "") -> Metric:
    return Metric(name, unit, counter=False, value=value)


def take_each_second(samples: list[list[Metric]]) -> dict[str, Series]:
    recordings = Recordings()
    for second, metrics in enumerate(samples):
        recordings.take(metrics, second * NS_PER_S, float(second))
    return {series.name: series for series in recordings.series()}


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=50))
def test_statistics_are_those_of_the_samples_there_were(values: list[float | None]) -> None:
    there = [value for value in values if value is not None]
    series = recorded(values)
    assert series.minimum == min(there, default=None)
    assert series.maximum == max(there, default=None)
    assert series.last == (there[-1] if there else None)
    assert series.points == tuple((float(t), value) for t, value in enumerate(values))
    if there:
        assert series.mean == pytest.approx(sum(there) / len(there))
    else:
        assert series.mean is None


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 5 * MOST_POINTS))
def test_points_never_outnumber_their_bound(count: int) -> None:
    assert len(recorded([1.0] * count).points) <= MOST_POINTS


def test_a_day_keeps_its_extremes_its_mean_and_its_shape() -> None:
    day = [float(second % 1000) for second in range(86_400)]
    day[40_000] = 9_999.0
    series = recorded([*day])
    assert (series.minimum, series.maximum, series.last) == (0.0, 9_999.0, day[-1])
    assert series.mean == pytest.approx(sum(day) / len(day))
    assert MOST_POINTS / 2 <= len(series.points) <= MOST_POINTS
    times = [t_s for t_s, _ in series.points]
    assert times == sorted(times)
    assert times[0] < 32 < 86_400 - 32 < times[-1]


def test_merged_points_are_the_means_of_their_neighbours() -> None:
    series = recorded([float(n) for n in range(MOST_POINTS)])
    assert series.points[:2] == ((0.5, 0.5), (2.5, 2.5))


def test_merging_passes_over_what_was_not_sampled() -> None:
    values: list[float | None] = [1.0, None] * (MOST_POINTS // 2)
    values[2] = None
    assert recorded(values).points[:2] == ((0.5, 1.0), (2.5, None))


def test_a_counter_becomes_growth_a_second() -> None:
    rates = Rates()
    assert rates.rate("commits", 0, 100) is None
    assert rates.rate("commits", 2 * NS_PER_S, 150) == 25


def test_a_counter_that_went_backwards_skips_the_interval() -> None:
    series = take_each_second([[counter(v)] for v in (10, 20, 5, 8)])["commits"]
    assert series.points == ((0.0, None), (1.0, 10.0), (2.0, None), (3.0, 3.0))
    assert series.minimum == 3


def test_a_counter_missed_once_is_spread_over_the_interval_there_was() -> None:
    series = take_each_second([[counter(10)], [], [counter(30)]])["commits"]
    assert series.points == ((0.0, None), (1.0, None), (2.0, 10.0))


def test_a_metric_that_is_missing_gets_a_point_without_a_value() -> None:
    series = take_each_second([[gauge(3)], [], [gauge(None)], [gauge(5)]])["clients"]
    assert series.points == ((0.0, 3), (1.0, None), (2.0, None), (3.0, 5))


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        (gauge(1), "count"), (gauge(1, unit="B"), "bytes"), (gauge(1, unit="1/s"), "per_s"),
        (gauge(1, unit="ms"), "ms"), (counter(1), "per_s"), (counter(1, unit="B"), "bytes_per_s"),
        (counter(1, unit="bytes"), "bytes_per_s"), (counter(1, unit="rows"), "per_s"), (counter(1, unit="ms"), "ms_per_s"),
    ],
)  # fmt: skip
def test_units_have_one_spelling_in_reports(metric: Metric, unit: str) -> None:
    assert take_each_second([[metric]])[metric.name].unit == unit


def test_a_sample_without_a_time_counts_only_for_the_next_rate() -> None:
    recordings = Recordings()
    recordings.take([counter(10), gauge(7)], 0, None)
    recordings.take([counter(14), gauge(8)], NS_PER_S, 1.0)
    commits, clients = recordings.series()
    assert commits.points == ((1.0, 4.0),)
    assert clients.maximum == clients.minimum == 8


@pytest.mark.parametrize("unit", ["cores", "ratio"])
def test_a_counter_of_cpu_time_keeps_its_unit(unit: str) -> None:
    found = take_each_second([[counter(v, unit=unit)] for v in (1.0, 1.5)])["commits"]
    assert (found.unit, found.mean) == (unit, 0.5)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20))
def test_a_counters_mean_is_its_growth_over_the_time(intervals: list[tuple[int, int]]) -> None:
    recordings, now_ns, total = Recordings(), 0, 0
    recordings.take([counter(0)], 0, 0.0)
    for took_ns, growth in intervals:
        now_ns, total = now_ns + took_ns, total + growth
        recordings.take([counter(total)], now_ns, 1.0)
    (commits,) = recordings.series()
    assert commits.mean == pytest.approx(total * NS_PER_S / now_ns)


def cache(lookups: int, misses: int) -> list[Metric]:
    return [counter(lookups, "cache_lookups"), counter(misses, "cache_misses")]


_SECONDS = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(lambda t: (max(t), min(t))),
    min_size=1,
    max_size=20,
)


@given(_SECONDS)
def test_the_hit_ratio_is_of_all_lookups_of_the_run(seconds: list[tuple[int, int]]) -> None:
    """Of (lookups, misses) in each second, over intervals of unequal length."""
    recordings, lookups, misses, now_ns = Recordings(), 5000, 700, 0  # since the server's start
    recordings.take(cache(lookups, misses), 0, 0.0)
    for number, (looked, missed) in enumerate(seconds, start=1):
        lookups, misses, now_ns = lookups + looked, misses + missed, now_ns + number * NS_PER_S
        recordings.take(cache(lookups, misses), now_ns, float(number))
    found = next(each for each in recordings.series() if each.name == "hit_ratio")
    all_lookups, all_misses = (sum(column) for column in zip(*seconds, strict=True))
    if all_lookups == 0:
        assert found.mean is None
    else:
        assert found.mean == pytest.approx(1 - all_misses / all_lookups)
        assert 0 <= (found.minimum or 0) <= (found.maximum or 0) <= 1


def test_a_cache_that_reads_ahead_has_no_negative_hit_ratio() -> None:
    found = take_each_second([cache(0, 0), cache(10, 15)])
    assert found["hit_ratio"].mean == 0


def test_a_cache_whose_counters_were_reset_skips_the_interval() -> None:
    found = take_each_second([cache(100, 10), cache(5, 5), cache(15, 5)])
    assert found["hit_ratio"].points == ((0.0, None), (1.0, None), (2.0, 1.0))


def test_the_reason_for_a_metric_that_is_not_there_counts_until_it_is() -> None:
    recordings = Recordings()
    recordings.take([Metric("rss", "", counter=False, value=None, why="not in sight")], 0, 0.0)
    assert (recordings.series(), recordings.absent()) == ((), {"rss": "not in sight"})
    recordings.take([gauge(1, "rss")], NS_PER_S, 1.0)
    assert recordings.absent() == {}
