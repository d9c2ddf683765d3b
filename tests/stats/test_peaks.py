"""Two peaks are seen where there are two, and only there."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.load.histogram import Histogram
from perfkit.stats import two_peaks

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

ONE_PEAK: dict[str, Draw] = {
    "lognormal": lambda random, n: random.lognormal(13, 0.5, n),
    "a long tail": lambda random, n: random.lognormal(13, 2, n),
    "narrow": lambda random, n: random.lognormal(13, 0.03, n),
    "normal": lambda random, n: random.normal(1e6, 5e4, n),
    "exponential": lambda random, n: random.exponential(1e6, n),
    "Pareto": lambda random, n: 1e6 * (1 + random.pareto(1.5, n)),
    "uniform": lambda random, n: random.uniform(1e5, 1e6, n),
    "one value": lambda random, n: np.full(n, 1e6),
}


def buckets(times_ns: Floats) -> list[tuple[float, int]]:
    histogram = Histogram()
    histogram.add(np.maximum(times_ns, 1).astype(np.int64))
    return histogram.buckets()


def mix(random: np.random.Generator, count: int, share: float, apart: float) -> Floats:
    times: Floats = random.lognormal(13, 0.3, count)
    return times * np.where(random.random(count) < share, apart, 1)


@pytest.mark.parametrize("name", ONE_PEAK)
@pytest.mark.parametrize("count", [200, 1000, 20_000])
def test_one_peak_is_one_however_long_its_tail(name: str, count: int) -> None:
    random = np.random.default_rng(7)
    found = [two_peaks(buckets(ONE_PEAK[name](random, count))) for _ in range(20)]
    assert found == [None] * 20


@pytest.mark.parametrize("count", [1000, 20_000])
@pytest.mark.parametrize(("share", "apart"), [(0.2, 10), (0.8, 10), (0.5, 3)])
def test_two_kinds_of_work_make_two_peaks(count: int, share: float, apart: float) -> None:
    peaks = two_peaks(buckets(mix(np.random.default_rng(7), count, share, apart)))
    assert peaks is not None
    assert peaks.first_ns == pytest.approx(np.exp(13), rel=0.15)
    assert peaks.second_ns == pytest.approx(apart * np.exp(13), rel=0.2)
    assert peaks.second_share == pytest.approx(share, abs=0.06)


def test_a_shallow_dip_is_none_however_many_times_show_it() -> None:
    random = np.random.default_rng(7)
    times = random.lognormal(13, 0.2, 50_000) * np.where(random.random(50_000) < 0.5, 2, 1)
    assert two_peaks(buckets(times)) is None


def test_the_peaks_are_told_with_their_times_and_their_share() -> None:
    times = np.concatenate([np.linspace(0.9e6, 1.1e6, 800), np.linspace(9e6, 11e6, 200)])
    peaks = two_peaks(buckets(times))
    assert peaks is not None
    assert "(20 % of them)" in peaks.message
    assert "ms" in peaks.message


def test_a_few_stragglers_are_a_tail_and_no_peak() -> None:
    assert two_peaks(buckets(mix(np.random.default_rng(7), 20_000, 0.02, 10))) is None


def test_too_few_times_tell_nothing() -> None:
    assert two_peaks(buckets(np.array([1e6] * 50 + [1e8] * 50))) is None
    assert two_peaks([]) is None


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 100), st.integers(0, 2**32))
def test_the_unit_changes_nothing_but_the_times(unit: float, seed: int) -> None:
    times = mix(np.random.default_rng(seed), 2000, 0.3, 8)
    peaks, scaled = (
        two_peaks(zip((factor * times).tolist(), [1] * len(times), strict=True))
        for factor in (1.0, unit)
    )
    assert peaks is not None
    assert scaled is not None
    assert scaled.first_ns / peaks.first_ns == pytest.approx(unit, rel=0.05)
    assert scaled.second_share == pytest.approx(peaks.second_share, abs=0.02)


def test_what_was_never_recorded_in_a_bucket_is_no_time() -> None:
    times = [(1e6, 500), (5e6, 0), (0.0, 10)]
    assert two_peaks(times) is None
