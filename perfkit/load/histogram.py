"""Histograms of times: fixed relative precision, small, merged exactly, readable by other tools.

The buckets are those of HdrHistogram for values from 1 ns to 1 hour with 3 significant digits: one
bucket a nanosecond below 2,048 ns, and 1,024 buckets for each doubling above, so that no bucket is
wider than 0.1 % of its values. See https://hdrhistogram.github.io/HdrHistogram/.
"""

# ruff: noqa: SLF001  merging reads another histogram of the same class
import binascii
import math
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

from perfkit.results import Latency
from perfkit.units import NS_PER_MS

HIGHEST_NS = 3_600_000_000_000
DIGITS = 3

Values = npt.NDArray[np.int64]

_HALF = 1024  # buckets for each doubling
_HALF_BITS = 10
_EXPONENT_OF_HALF = (1023 + _HALF_BITS - 1) << _HALF_BITS
_BLOCK = 8192  # stays in the cache, and below the size at which BLAS would start threads
_TICKS_PER_HALF_DISTANCE = 5  # of the spectrum, as other HdrHistogram tools print it

_LATENCY_PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)


class Histogram:
    """Counts of times in ns, with exact count, minimum, maximum, mean and standard deviation.

    A value below 0 or above one hour is recorded as that bound and counted in `clamped`.
    """

    __slots__ = ("_counts", "_max", "_min", "_squares", "_sum", "clamped", "count")

    def __init__(self) -> None:
        self.count = 0
        self.clamped = 0
        self._counts: Values = np.zeros(0, np.int64)
        self._sum = 0
        self._squares = 0.0  # of the deviations from the mean
        self._min = HIGHEST_NS
        self._max = 0

    def add(self, values: Values) -> None:
        """Records times in ns."""
        for start in range(0, len(values), _BLOCK):
            self._add_block(values[start : start + _BLOCK])

    def _add_block(self, values: Values) -> None:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > HIGHEST_NS:
            self.clamped += int(np.count_nonzero((values < 0) | (values > HIGHEST_NS)))
            values = np.clip(values, 0, HIGHEST_NS)
            low, high = int(values.min()), int(values.max())
        floats = values.astype(np.float64)
        self._reserve(high)
        np.add.at(self._counts, _indices(values, floats), 1)
        self._min, self._max = min(self._min, low), max(self._max, high)
        total = int(values.sum())
        floats -= total / len(values)
        self._add_moments(len(values), total, float(floats @ floats))

    def merge(self, other: "Histogram") -> None:
        """Adds what another histogram recorded."""
        if not other.count:
            return
        self._reserve(other._max)
        size = min(len(self._counts), len(other._counts))
        self._counts[:size] += other._counts[:size]
        self._min, self._max = min(self._min, other._min), max(self._max, other._max)
        self.clamped += other.clamped
        self._add_moments(other.count, other._sum, other._squares)

    def _reserve(self, highest: int) -> None:
        """Makes room for a value; whole doublings, so that it seldom has to grow."""
        needed = (_index(highest) // _HALF + 1) * _HALF
        if needed > len(self._counts):
            self._counts = np.pad(self._counts, (0, needed - len(self._counts)))

    def _add_moments(self, count: int, total: int, squares: float) -> None:
        """Chan, Golub and LeVeque (1979): stable where a sum of squares would cancel."""
        if self.count:
            apart = total / count - self._sum / self.count
            squares += apart * apart * (self.count * count / (self.count + count))
        self._squares += squares
        self._sum += total
        self.count += count

    @property
    def min_ns(self) -> int | None:
        return self._min if self.count else None

    @property
    def max_ns(self) -> int | None:
        return self._max if self.count else None

    @property
    def mean_ns(self) -> float | None:
        return self._sum / self.count if self.count else None

    @property
    def stddev_ns(self) -> float | None:
        """The standard deviation of what was recorded (division by n), as HdrHistogram has it."""
        return math.sqrt(self._squares / self.count) if self.count else None

    def percentile_ns(self, percentile: float) -> int | None:
        """The smallest time that `percentile` % of the values do not exceed; None when empty.

        As HdrHistogram defines it: the highest value of the bucket in which the value of rank
        ceil(percentile / 100 * count) lies, here never above the exact maximum. 0 is the minimum.
        """
        return self.percentiles_ns((percentile,))[0] if self.count else None

    def percentiles_ns(self, percentiles: Iterable[float]) -> list[int]:
        """Several percentiles for the price of one; empty when nothing was recorded."""
        if not self.count:
            return []
        ranks = [_rank(percentile, self.count) for percentile in percentiles]
        buckets = np.searchsorted(np.cumsum(self._counts), ranks).tolist()
        highest = [min(_highest_value(bucket), self._max) for bucket in buckets]
        return [value if rank else self._min for value, rank in zip(highest, ranks, strict=True)]

    def spectrum(self) -> list[tuple[float, int]]:
        """(percentile, ns) from 0 to 100, ever denser towards 100, for the percentile spectrum.

        Five steps for each halving of the distance to 100 %, down to one value in `count`.
        """
        levels = [0.0]
        while levels[-1] < 100 * (1 - 1 / max(self.count, 1)):
            halvings = math.floor(math.log2(100 / (100 - levels[-1]))) + 1
            levels.append(levels[-1] + 100 / (_TICKS_PER_HALF_DISTANCE * 2**halvings))
        levels.append(100.0)
        return list(zip(levels, self.percentiles_ns(levels), strict=True)) if self.count else []

    def buckets(self) -> list[tuple[float, int]]:
        """(middle of its values in ns, count) of every bucket that holds some, in rising order."""
        used = np.flatnonzero(self._counts)
        middles = _middles(used).astype(np.float64)
        return list(zip(middles.tolist(), self._counts[used].tolist(), strict=True))

    def encode(self) -> str:
        """The V2 compressed encoding, base64, that every HdrHistogram tool reads."""
        hdr = HdrHistogram(1, HIGHEST_NS, DIGITS)
        if self.count:
            size = min(len(self._counts), hdr.counts_len)
            np.frombuffer(hdr.counts, np.uint64)[:size] = self._counts[:size]
            hdr.set_internal_tacking_values(_index(self._min), _index(self._max), self.count)
        return str(hdr.encode(), "ascii")

    @classmethod
    def decode(cls, text: str) -> "Histogram":
        """What `encode`, or another tool with 3 digits from 1 ns, wrote. ValueError otherwise.

        Minimum and maximum are those of their buckets, mean and deviation those of bucket middles.
        """
        hdr = _decoded(text)
        self = cls()
        counts = np.frombuffer(hdr.counts, np.uint64).astype(np.int64)
        used = np.flatnonzero(counts)
        if not len(used):
            return self
        self._min, self._max = _lowest_value(int(used[0])), _highest_value(int(used[-1]))
        self._reserve(self._max)
        self._counts[: used[-1] + 1] = counts[: used[-1] + 1]
        middles = _middles(used)
        self.count = int(counts.sum())
        self._sum = round(float(middles @ counts[used]))
        self._squares = float((middles - self._sum / self.count) ** 2 @ counts[used])
        return self

    def latency(self) -> Latency:
        """The distribution as the report carries it; every number None when nothing was recorded."""
        percentiles = self.percentiles_ns(_LATENCY_PERCENTILES) if self.count else [None] * 7
        p50, p75, p90, p95, p99, p99_9, p99_99 = map(_ms, percentiles)
        return Latency(
            min_ms=_ms(self.min_ns),
            mean_ms=_ms(self.mean_ns),
            stddev_ms=_ms(self.stddev_ns),
            p50_ms=p50,
            p75_ms=p75,
            p90_ms=p90,
            p95_ms=p95,
            p99_ms=p99,
            p99_9_ms=p99_9,
            p99_99_ms=p99_99,
            max_ms=_ms(self.max_ns),
            hdr=self.encode(),
            clamped=self.clamped,
        )


def _indices(values: Values, floats: npt.NDArray[np.float64]) -> Values:
    """The bucket of each value.

    Exponent and leading mantissa bits of a float64 are the number of the doubling and the place in
    it, side by side: from 1,024 on that is the index but for a constant. Below, the index is the
    value, and the constant makes the expression smaller than that.
    """
    indices: Values = (floats.view(np.int64) >> (52 - _HALF_BITS)) - _EXPONENT_OF_HALF
    return np.maximum(indices, np.minimum(values, _HALF), out=indices)


def _index(value: int) -> int:
    shift = max(value.bit_length() - _HALF_BITS - 1, 0)
    return (shift << _HALF_BITS) + (value >> shift)


def _lowest_value(index: int) -> int:
    shift = max((index >> _HALF_BITS) - 1, 0)
    return (index - (shift << _HALF_BITS)) << shift


def _highest_value(index: int) -> int:
    return _lowest_value(index + 1) - 1


def _middles(indices: Values) -> Values:
    """The middle of each bucket's values, rounded up, as HdrHistogram takes it for its mean."""
    shifts = np.maximum((indices >> _HALF_BITS) - 1, 0)
    middles: Values = ((indices - (shifts << _HALF_BITS)) << shifts) + (1 << shifts >> 1)
    return middles


def _rank(percentile: float, count: int) -> int:
    """One ulp off first, as HdrHistogram does, so that 99.9 % of 1,000 is 999 and never 1,000."""
    if not 0 <= percentile <= 100:
        raise ValueError(f"{percentile} is no percentile: it goes from 0 to 100")
    return math.ceil(math.nextafter(percentile, 0) * count / 100)


def _decoded(text: str) -> Any:
    try:
        hdr = HdrHistogram.decode(text)
    except (HdrCookieException, HdrLengthException, binascii.Error, zlib.error) as error:
        raise ValueError(f"no HdrHistogram in V2 encoding: {error!r}") from error
    if (hdr.significant_figures, hdr.unit_magnitude) != (DIGITS, 0):
        raise ValueError(
            f"a histogram with {hdr.significant_figures} digits from {hdr.lowest_trackable_value} "
            f"up can't be read: {DIGITS} digits from 1 ns are needed"
        )
    return hdr


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS
