"""Metrics over time in bounded memory: samples in, `results.Series` out."""

from array import array
from collections.abc import Iterable, Sequence
from math import inf, isnan, nan

from perfkit.backends.base import Metric
from perfkit.results import Series
from perfkit.units import NS_PER_S

MOST_POINTS = 3600

_WORDS = {"": "count", "B": "bytes", "1/s": "per_s", "/s": "per_s", "bytes/s": "bytes_per_s"}
_MEASURES = {"bytes", "ns", "us", "ms", "s"}  # whatever else a counter counts are things

Point = tuple[float, float]  # seconds, value; not a number where there was none


class Recording:
    """One metric: mean, minimum and maximum of all its samples, and at most MOST_POINTS points.

    When there are more, neighbours are merged into their means and the resolution halves.
    """

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._unit = unit
        self._count = 0
        self._sum = 0.0
        self._minimum = inf
        self._maximum = -inf
        self._last: float | None = None
        self._times = array("d")
        self._values = array("d")
        self._samples_a_point = 1
        self._pending: list[Point] = []

    def add(self, t_s: float, value: float | None) -> None:
        """Records a sample, None where there was none."""
        if value is not None:
            self._count += 1
            self._sum += value
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
            mean=self._sum / self._count if self._count else None,
            minimum=self._minimum if self._count else None,
            maximum=self._maximum if self._count else None,
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
        """Growth since the last call for this name; None at the first, and after a reset."""
        before_ns, before = self._before.get(name, (now_ns, total))
        self._before[name] = (now_ns, total)
        if total < before or now_ns <= before_ns:
            return None
        return (total - before) * NS_PER_S / (now_ns - before_ns)


class Recordings:
    """All metrics of one side, in the order in which they first appeared."""

    def __init__(self) -> None:
        self._all: dict[str, Recording] = {}
        self._rates = Rates()

    def take(self, metrics: Iterable[Metric], now_ns: int, t_s: float | None) -> None:
        """Records a sample of each; one that is missing this time gets a point without a value.

        Without a time only the counters are noted, from which the next sample's rates are reckoned.
        """
        seen = {metric.name: self._value(metric, now_ns) for metric in metrics}
        if t_s is None:
            return
        for name, (value, unit) in seen.items():
            self._all.setdefault(name, Recording(name, unit)).add(t_s, value)
        for name in self._all.keys() - seen.keys():
            self._all[name].add(t_s, None)

    def _value(self, metric: Metric, now_ns: int) -> tuple[float | None, str]:
        unit = _WORDS.get(metric.unit, metric.unit)
        if not metric.counter:
            return metric.value, unit
        rate = None if metric.value is None else self._rates.rate(metric.name, now_ns, metric.value)
        return rate, f"{unit}_per_s" if unit in _MEASURES else "per_s"

    def series(self) -> tuple[Series, ...]:
        """What was recorded so far."""
        return tuple(recording.series() for recording in self._all.values())
