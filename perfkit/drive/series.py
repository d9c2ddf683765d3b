"""Metrics over time in bounded memory: samples in, `results.Series` out.

A counter becomes its growth a second; its mean is over the time, however long each interval was.
`hit_ratio` is made here, from the growth of `cache_lookups` and `cache_misses`: its mean is over the
lookups, so a second with few of them weighs little, and where there were none there is no value.
"""

from array import array
from collections.abc import Iterable, Sequence
from math import inf, isnan, nan
from typing import NamedTuple

from perfkit.backends.base import Metric
from perfkit.results import Series
from perfkit.units import NS_PER_S

MOST_POINTS = 3600

_WORDS = {"": "count", "B": "bytes", "1/s": "per_s", "/s": "per_s", "bytes/s": "bytes_per_s"}
_MEASURES = {"bytes", "ns", "us", "ms", "s"}  # whatever else a counter counts are things
_OF_TIME = {
    "cores",
    "ratio",
}  # a counter in seconds of CPU: its growth a second is so much of a core

HIT_RATIO, LOOKUPS, MISSES = "hit_ratio", "cache_lookups", "cache_misses"

Point = tuple[float, float]  # seconds, value; not a number where there was none


class Recording:
    """One metric: weighed mean, minimum and maximum of all samples, and at most MOST_POINTS points.

    When there are more, neighbours are merged into their means and the resolution halves.
    """

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._unit = unit
        self._weight = 0.0
        self._sum = 0.0
        self._minimum = inf
        self._maximum = -inf
        self._last: float | None = None
        self._times = array("d")
        self._values = array("d")
        self._samples_a_point = 1
        self._pending: list[Point] = []

    def add(self, t_s: float, value: float | None, weight: float = 1.0) -> None:
        """Records a sample, None where there was none; `weight` is its part in the mean."""
        if value is not None:
            self._weight += weight
            self._sum += value * weight
            self._minimum, self._maximum = min(self._minimum, value), max(self._maximum, value)
            self._last = value
        self._pending.append((t_s, nan if value is None else value))
        if len(self._pending) == self._samples_a_point:
            self._put(_merged(self._pending))
            self._pending.clear()
            if len(self._times) == MOST_POINTS:
                self._halve()

    def _put(self, point: Point) -> None:
        self._times.append(point[0])
        self._values.append(point[1])

    def _halve(self) -> None:
        points = list(zip(self._times, self._values, strict=True))
        self._times, self._values = array("d"), array("d")
        for i in range(0, len(points), 2):
            self._put(_merged(points[i : i + 2]))
        self._samples_a_point *= 2

    def series(self) -> Series:
        """What was recorded so far."""
        points = list(zip(self._times, self._values, strict=True))
        if self._pending:
            points.append(_merged(self._pending))
        return Series(
            name=self._name,
            unit=self._unit,
            mean=self._sum / self._weight if self._weight else None,
            minimum=None if self._last is None else self._minimum,
            maximum=None if self._last is None else self._maximum,
            last=self._last,
            points=tuple((t_s, None if isnan(value) else value) for t_s, value in points),
        )


def _merged(points: Sequence[Point]) -> Point:
    values = [value for _, value in points if not isnan(value)]
    t_s = sum(t for t, _ in points) / len(points)
    return t_s, sum(values) / len(values) if values else nan


class Rates:
    """Counters to growth a second."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, float]] = {}

    def rate(self, name: str, now_ns: int, total: float) -> float | None:
        """Growth a second since the last call for this name; None at the first, and after a reset."""
        grown = self.growth(name, now_ns, total)
        return None if grown is None else grown[0] / grown[1]

    def growth(self, name: str, now_ns: int, total: float) -> tuple[float, float] | None:
        """As `rate`, but the growth and the seconds that it took."""
        before_ns, before = self._before.get(name, (now_ns, total))
        self._before[name] = (now_ns, total)
        if total < before or now_ns <= before_ns:
            return None
        return total - before, (now_ns - before_ns) / NS_PER_S


class _Sample(NamedTuple):
    """What one look at a metric gave; `weight` is its part in the mean."""

    value: float | None
    unit: str
    weight: float = 1.0


class Recordings:
    """All metrics of one side, in the order in which they first appeared."""

    def __init__(self) -> None:
        self._all: dict[str, Recording] = {}
        self._absent: dict[str, str] = {}
        self._rates = Rates()

    def take(self, metrics: Iterable[Metric], now_ns: int, t_s: float | None) -> None:
        """Records a sample of each; one that is missing this time gets a point without a value.

        Without a time only the counters are noted, from which the next sample's rates are reckoned.
        """
        seen: dict[str, _Sample] = {}
        for metric in metrics:
            if metric.why is None:
                seen[metric.name] = self._sample(metric, now_ns)
            else:
                self._absent[metric.name] = metric.why
        if {LOOKUPS, MISSES} <= seen.keys():
            seen[HIT_RATIO] = _hit_ratio(seen[LOOKUPS], seen[MISSES])
        if t_s is None:
            return
        for name, (value, unit, weight) in seen.items():
            self._all.setdefault(name, Recording(name, unit)).add(t_s, value, weight)
        for name in self._all.keys() - seen.keys():
            self._all[name].add(t_s, None)

    def _sample(self, metric: Metric, now_ns: int) -> _Sample:
        unit = _WORDS.get(metric.unit, metric.unit)
        if not metric.counter:
            return _Sample(metric.value, unit)
        per_s = unit if unit in _OF_TIME else f"{unit}_per_s" if unit in _MEASURES else "per_s"
        if metric.value is None:
            return _Sample(None, per_s)
        grown = self._rates.growth(metric.name, now_ns, metric.value)
        if grown is None:
            return _Sample(None, per_s)
        return _Sample(grown[0] / grown[1], per_s, weight=grown[1])

    def series(self) -> tuple[Series, ...]:
        """What was recorded so far."""
        return tuple(recording.series() for recording in self._all.values())

    def absent(self) -> dict[str, str]:
        """Why a metric was never there, by its name."""
        return {name: why for name, why in self._absent.items() if name not in self._all}


def _hit_ratio(lookups: _Sample, misses: _Sample) -> _Sample:
    """The part of the lookups that the cache answered; a cache that reads ahead may miss more."""
    if not lookups.value or misses.value is None:
        return _Sample(None, "ratio")
    hits = max(0.0, lookups.value - misses.value)
    return _Sample(hits / lookups.value, "ratio", weight=lookups.value * lookups.weight)
