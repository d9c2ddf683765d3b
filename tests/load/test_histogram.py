"""The histogram of times: against HdrHistogram's own record_value, and against exact arithmetic."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.load.histogram import HIGHEST_NS, Histogram

times = st.one_of(
    st.integers(0, 5_000),
    st.integers(0, HIGHEST_NS),
    st.sampled_from([0, 1, 1023, 1024, 2047, 2048]),
)
some_times = st.lists(times, min_size=1, max_size=200)
unhurried = settings(deadline=None, max_examples=60)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.add(np.array(values, np.int64))
    return histogram


def reference_of(values: list[int]) -> HdrHistogram:
    reference = HdrHistogram(1, HIGHEST_NS, 3)
    for value in values:
        assert reference.record_value(value)
    return reference


def counts_of(hdr: HdrHistogram) -> dict[int, int]:
    counts = np.frombuffer(hdr.counts, np.uint64)
    return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}


def facts(histogram: Histogram) -> tuple[object, ...]:
    exact = (histogram.count, histogram.min_ns, histogram.max_ns, histogram.mean_ns)
    return (*exact, histogram.clamped, histogram.encode())


@unhurried
@given(some_times)
def test_counts_are_those_of_hdrhistogram(values: list[int]) -> None:
    ours = HdrHistogram.decode(histogram_of(values).encode())
    assert counts_of(ours) == counts_of(reference_of(values))


@unhurried
@given(some_times)
def test_encoding_is_that_of_hdrhistogram_to_the_byte(values: list[int]) -> None:
    assert histogram_of(values).encode() == reference_of(values).encode().decode()


@unhurried
@given(some_times, st.floats(0, 100))
def test_a_percentile_is_the_highest_equivalent_of_the_value_at_its_rank(
    values: list[int], percentile: float
) -> None:
    rank = math.ceil(Fraction(math.nextafter(percentile, 0)) * len(values) / 100)
    exact = sorted(values)[max(rank, 1) - 1]
    highest = reference_of(values).get_highest_equivalent_value(exact)
    expected = min(highest, max(values)) if rank else min(values)
    assert histogram_of(values).percentile_ns(percentile) == expected


@unhurried
@given(some_times, st.data())
def test_percentiles_that_fall_on_a_value_are_those_of_hdrhistogram(
    values: list[int], data: st.DataObject
) -> None:
    percentile = 100 * data.draw(st.integers(1, len(values))) / len(values)
    theirs = reference_of(values).get_value_at_percentile(percentile)
    assert histogram_of(values).percentile_ns(percentile) == min(theirs, max(values))


@unhurried
@given(some_times)
def test_minimum_maximum_mean_and_deviation_are_exact(values: list[int]) -> None:
    histogram = histogram_of(values)
    assert (histogram.min_ns, histogram.max_ns) == (min(values), max(values))
    assert histogram.mean_ns == float(Fraction(sum(values), len(values)))
    assert histogram.stddev_ns == pytest.approx(statistics.pstdev(values), rel=1e-9)


@unhurried
@given(some_times, some_times, some_times)
def test_merging_is_associative_and_the_same_as_recording_together(
    first: list[int], second: list[int], third: list[int]
) -> None:
    left = histogram_of(first)
    left.merge(histogram_of(second))
    left.merge(histogram_of(third))
    tail = histogram_of(second)
    tail.merge(histogram_of(third))
    right = histogram_of(first)
    right.merge(tail)
    together = histogram_of(first + second + third)
    assert facts(left) == facts(right) == facts(together)
    assert left.stddev_ns == pytest.approx(together.stddev_ns, rel=1e-9)
    assert right.stddev_ns == pytest.approx(together.stddev_ns, rel=1e-9)


@unhurried
@given(some_times)
def test_merging_an_empty_histogram_changes_nothing(values: list[int]) -> None:
    histogram = histogram_of(values)
    before = facts(histogram)
    histogram.merge(Histogram())
    assert facts(histogram) == before


def test_equal_times_have_no_deviation_however_they_arrive() -> None:
    histogram = Histogram()
    for size in (1, 3, 20_000):
        histogram.add(np.full(size, 1_000_000_007))
    assert histogram.stddev_ns == 0
    assert histogram.count == 20_004


def test_a_small_deviation_survives_a_large_mean() -> None:
    values = [10**12 + offset for offset in (-30, -10, 10, 30)] * 25_000
    assert histogram_of(values).stddev_ns == pytest.approx(statistics.pstdev([-30, -10, 10, 30]))


def test_values_outside_the_range_are_clamped_and_counted() -> None:
    histogram = histogram_of([-5, 7, HIGHEST_NS, HIGHEST_NS + 1, 2**62])
    assert histogram.clamped == 3
    assert histogram.count == 5
    assert (histogram.min_ns, histogram.max_ns) == (0, HIGHEST_NS)
    assert histogram.percentile_ns(40) == 7


def test_clamped_values_are_counted_across_a_merge_and_in_the_latency() -> None:
    histogram = histogram_of([-1])
    histogram.merge(histogram_of([-1, 3]))
    assert histogram.latency().clamped == 2


def test_the_rank_does_not_slip_over_a_rounding_error() -> None:
    assert histogram_of(list(range(1, 1001))).percentile_ns(99.9) == 999


@pytest.mark.parametrize("percentile", [-0.1, 100.1, math.nan])
def test_a_percentile_outside_0_to_100_is_refused(percentile: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        histogram_of([1]).percentile_ns(percentile)


@unhurried
@given(some_times)
def test_what_was_encoded_is_decoded(values: list[int]) -> None:
    histogram = histogram_of(values)
    again = Histogram.decode(histogram.encode())
    assert again.encode() == histogram.encode()
    assert again.count == histogram.count
    assert again.mean_ns == pytest.approx(histogram.mean_ns, rel=0.001)
    assert again.percentile_ns(50) == pytest.approx(histogram.percentile_ns(50), rel=0.001)


@settings(unhurried, max_examples=8)  # their iterators are slow
@given(some_times)
def test_a_decoded_mean_and_deviation_are_those_of_hdrhistogram(values: list[int]) -> None:
    theirs, ours = reference_of(values), Histogram.decode(histogram_of(values).encode())
    assert ours.mean_ns == pytest.approx(theirs.get_mean_value(), abs=1)
    assert ours.stddev_ns == pytest.approx(theirs.get_stddev(), rel=1e-6, abs=1)


def test_an_empty_histogram_is_decoded_as_empty() -> None:
    again = Histogram.decode(Histogram().encode())
    assert (again.count, again.max_ns, again.percentile_ns(99)) == (0, None, None)


@pytest.mark.parametrize("text", ["", "nonsense", "HISTFAAAAB14", "ä", "AAAAAAAAAAAAAAAAAAAA"])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Histogram.decode(text)


@unhurried
@given(some_times, st.data())
def test_a_damaged_encoding_never_escapes_as_another_error(
    values: list[int], data: st.DataObject
) -> None:
    text = histogram_of(values).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + data.draw(st.sampled_from("AQgw5/+=*")) + text[place + 1 :]
    try:
        assert Histogram.decode(damaged).count >= 0
    except ValueError:
        assert damaged != text


def test_a_histogram_of_other_precision_is_refused() -> None:
    other = HdrHistogram(1, HIGHEST_NS, 2)
    other.record_value(5)
    with pytest.raises(ValueError, match="2 digits"):
        Histogram.decode(other.encode().decode())


def test_a_histogram_of_another_range_is_read() -> None:
    other = HdrHistogram(1, 24 * HIGHEST_NS, 3)
    other.record_value(20 * HIGHEST_NS)
    assert Histogram.decode(other.encode().decode()).max_ns == pytest.approx(
        20 * HIGHEST_NS, rel=0.001
    )


def test_the_latency_of_nothing_is_none_throughout() -> None:
    latency = Histogram().latency()
    assert {latency.min_ms, latency.mean_ms, latency.stddev_ms, latency.max_ms} == {None}
    assert {latency.p50_ms, latency.p99_ms, latency.p99_99_ms} == {None}
    assert Histogram.decode(latency.hdr).count == 0


def test_the_latency_is_in_milliseconds() -> None:
    latency = histogram_of([1_000_000, 3_000_000]).latency()
    assert (latency.min_ms, latency.mean_ms, latency.stddev_ms, latency.max_ms) == (1, 2, 1, 3)
    assert latency.p50_ms == pytest.approx(1, rel=0.001)
    assert latency.p99_9_ms == 3


@unhurried
@given(some_times)
def test_the_spectrum_rises_from_the_minimum_to_the_maximum(values: list[int]) -> None:
    spectrum = histogram_of(values).spectrum()
    assert spectrum == sorted(spectrum)
    assert spectrum[0] == (0.0, min(values))
    assert spectrum[-1] == (100.0, max(values))


def test_the_spectrum_reaches_as_far_as_its_values_do() -> None:
    spectrum = histogram_of(list(range(1_000_000))).spectrum()
    assert 99.9999 <= spectrum[-2][0] < 100
    assert len(spectrum) < 120
    assert histogram_of([]).spectrum() == []


def test_a_histogram_of_short_times_is_small() -> None:
    assert histogram_of([900_000])._counts.nbytes < 100_000


def test_more_values_than_a_sum_of_int64_holds_in_one_go_are_added_exactly() -> None:
    histogram = Histogram()
    histogram.add(np.full(3_000_000, HIGHEST_NS))
    assert histogram.mean_ns == HIGHEST_NS
