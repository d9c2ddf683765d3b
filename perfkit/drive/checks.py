"""Thresholds against what was measured: a Check for each, and which of them abort a running load.

A metric without samples fails its check, and so does one that the baseline lacks: a gate that
passes because nothing was measured is worse than none.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from perfkit import units
from perfkit.errors import UsageError
from perfkit.load.histogram import Histogram
from perfkit.results import (
    Check,
    GeneratorResult,
    Latency,
    LoadtestResult,
    OperationResult,
    Resources,
    Series,
    StageResult,
)
from perfkit.scenario import Threshold

Path = tuple[str, ...]

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_COMPARABLE = {"ratio": ("ratio", "cores"), "bytes": ("bytes", "bytes_per_s")}  # 70 % of a core
_WEIGHED_BY = {"hit_ratio": "cache_lookups"}
_HALF_A_SAMPLE_S = 0.5
_NS_IN = {"ns": 1, "us": 1_000, "ms": units.NS_PER_MS, "s": units.NS_PER_S}
_SHOW: Mapping[str, Callable[[float], str]] = {
    "ratio": units.show_ratio,
    "bytes": units.show_size,
    "bytes_per_s": lambda value: f"{units.show_size(value)}/s",
    "per_s": lambda value: f"{units.show_count(value)}/s",
    "count": units.show_count,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value; `unit` is ns or one of those of results.Series."""

    value: float
    unit: str = "count"

    def __str__(self) -> str:
        if self.unit in _NS_IN:
            return units.show_duration(self.value * _NS_IN[self.unit])
        if self.unit in _SHOW:
            return _SHOW[self.unit](self.value)
        return f"{units.show_count(self.value)} {self.unit}"

    def in_unit(self, unit: str | None) -> "float | Absent":
        """The value in the unit of a limit; None is the metric's own."""
        if unit is None or self.unit in _COMPARABLE.get(unit, (unit,)):
            return self.value
        if unit == "ns" and self.unit in _NS_IN:
            return self.value * _NS_IN[self.unit]
        return Absent(f"{self}, which does not compare with a limit in {unit}")


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a metric has no value."""

    why: str


NO_SAMPLES = Absent("no samples")


class Readings(Protocol):
    """Where metrics are looked up by the path of a threshold: a finished run or a running one."""

    def reading(self, path: Path, stage: str | None) -> Reading | Absent:
        """The metric over the run, or over one stage of it."""


class Figures(Protocol):
    """What was measured of an operation, finished (OperationResult) or still being recorded."""

    @property
    def count(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def tries(self) -> int: ...
    @property
    def response(self) -> Latency | Histogram: ...
    @property
    def service(self) -> Latency | Histogram: ...
    @property
    def lag(self) -> Latency | Histogram: ...


def evaluate(
    thresholds: Iterable[Threshold], result: LoadtestResult, baseline: LoadtestResult | None = None
) -> tuple[Check, ...]:
    """A check for each threshold, in their order. UsageError when one needs a baseline not given."""
    now = ResultReadings(result)
    then = None if baseline is None else ResultReadings(baseline)
    return tuple(_check(threshold, now, then) for threshold in thresholds)


def violations(
    thresholds: Iterable[Threshold],
    readings: Readings,
    elapsed_ns: Callable[[str | None], int],
    baseline: LoadtestResult | None = None,
) -> tuple[Check, ...]:
    """The failed checks for which a running load is to be aborted now.

    Only those with `abort`, and only when there is something to compare. Their `after` counts from
    the start of their stage, or of the load: `elapsed_ns` tells how long ago that was.
    """
    then = None if baseline is None else ResultReadings(baseline)
    due = [each for each in thresholds if each.abort and elapsed_ns(each.stage) >= each.after_ns]
    checks = [_check(threshold, readings, then) for threshold in due]
    return tuple(
        c for c in checks if not c.passed and None not in {c.observed_value, c.limit_value}
    )


def _check(threshold: Threshold, now: Readings, then: Readings | None) -> Check:
    seen = now.reading(threshold.path, threshold.stage)
    value = _value(seen, threshold)
    limit = _limit(threshold, then)
    observed = value.why if isinstance(value, Absent) else str(seen)
    if isinstance(limit, Absent):
        observed += f"; in the baseline: {limit.why}"
    return Check(
        check=threshold.text,
        observed=observed,
        passed=_holds(value, threshold.operator, limit),
        severity=threshold.severity,
        observed_value=None if isinstance(value, Absent) else value,
        limit_value=None if isinstance(limit, Absent) else limit,
        stage=threshold.stage,
    )


def _holds(value: float | Absent, sign: str, limit: float | Absent) -> bool:
    if isinstance(value, Absent) or isinstance(limit, Absent):
        return False
    return _OPERATORS[sign](value, limit)


def _limit(threshold: Threshold, baseline: Readings | None) -> float | Absent:
    if not threshold.baseline:
        assert threshold.limit is not None, "the parser sets a limit or a baseline"
        return threshold.limit
    if baseline is None:
        raise UsageError(
            f"the check {threshold.text!r} compares with a baseline, and there is none",
            hint="give the report of an earlier run: --baseline report.json",
        )
    before = _value(baseline.reading(threshold.path, threshold.stage), threshold)
    return before if isinstance(before, Absent) else before * threshold.factor + threshold.offset


def _value(seen: Reading | Absent, threshold: Threshold) -> float | Absent:
    return seen if isinstance(seen, Absent) else seen.in_unit(threshold.unit)


class ResultReadings:
    """The metrics of a finished run."""

    def __init__(self, result: LoadtestResult) -> None:
        self._result = result

    def reading(self, path: Path, stage: str | None) -> Reading | Absent:
        """The metric over the run, or over one stage of it."""
        part = self._part(stage)
        if isinstance(part, Absent):
            return part
        match path:
            case ("dropped",):
                return self._dropped(part)
            case ("generator", *rest):
                return generator_reading(self._result.generator, ".".join(rest), stage)
            case ("host" | "server" as side, *metric, statistic):
                span = (part.start_s, part.start_s + part.duration_s) if part else None
                return sampled_reading(
                    self._result.resources, side, ".".join(metric), statistic, span
                )
            case (operation, *measure):
                return self._operation(part or self._result, operation, tuple(measure))
            case _:
                return Absent("no metric")

    def _part(self, stage: str | None) -> StageResult | Absent | None:
        if stage is None:
            return None
        found = [each for each in self._result.stages if each.name == stage]
        return found[0] if found else Absent(f"no samples: the stage {stage!r} did not run")

    def _dropped(self, stage: StageResult | None) -> Reading | Absent:
        dropped = stage.dropped if stage else self._result.generator.dropped
        if not dropped and not (stage or self._result).total.count:
            return NO_SAMPLES
        return Reading(dropped)

    @staticmethod
    def _operation(
        part: LoadtestResult | StageResult, name: str, measure: Path
    ) -> Reading | Absent:
        known = {each.name: each for each in part.operations} | {"total": part.total}
        if name not in known:
            return Absent(f"no samples: no operation {name!r} ran{_nearest(name, known)}")
        figures: OperationResult = known[name]
        return operation_reading(figures, measure, figures.rate_per_s, figures.items_per_s)


def operation_reading(
    figures: Figures, measure: Path, rate_per_s: float, items_per_s: float | None = None
) -> Reading | Absent:
    """A metric of an operation: ("response", "p95"), ("errors", "ratio"), ("rate",) and so on.

    Where no items were counted, each operation that succeeded is one.
    """
    if not figures.count:
        return NO_SAMPLES
    if len(measure) == 2 and measure[0] in {"response", "service", "lag"}:
        return _time_reading(getattr(figures, measure[0]), measure[1])
    if items_per_s is None:
        items_per_s = rate_per_s * (figures.count - figures.errors) / figures.count
    known = {
        "errors.count": Reading(figures.errors),
        "errors.ratio": Reading(figures.errors / figures.count, "ratio"),
        "rate": Reading(rate_per_s, "per_s"),
        "items": Reading(items_per_s, "per_s"),
        "count": Reading(figures.count),
        "tries": Reading(figures.tries),
    }
    metric = ".".join(measure)
    return known.get(metric) or Absent(
        f"no metric {metric!r} of an operation{_nearest(metric, known)}"
    )


def _time_reading(times: Latency | Histogram, statistic: str) -> Reading | Absent:
    value = (
        _in_latency(times, statistic)
        if isinstance(times, Latency)
        else _in_histogram(times, statistic)
    )
    return value if isinstance(value, Absent) else _finite(value, "ns")


def _in_latency(latency: Latency, statistic: str) -> float | Absent | None:
    if latency.max_ms is None:
        return NO_SAMPLES
    field = statistic.replace(".", "_") + "_ms"
    if field in Latency.__dataclass_fields__:
        ms: float | None = getattr(latency, field)
        # What was a whole number of ns becomes one again.
        return None if ms is None else round(ms * units.NS_PER_MS, 3)
    try:
        value = _in_histogram(Histogram.decode(latency.hdr), statistic)
    except ValueError as error:  # of a report that something else wrote
        return Absent(f"no samples: {error}")
    if value is None or isinstance(value, Absent):
        return value
    # The encoding knows the maximum's bucket only, the report knows the maximum.
    return min(value, latency.max_ms * units.NS_PER_MS)


def _in_histogram(times: Histogram, statistic: str) -> float | Absent | None:
    percentile = _PERCENTILE.fullmatch(statistic)
    if percentile and float(percentile[1]) <= 100:
        return times.percentile_ns(float(percentile[1]))
    exact = {
        "min": times.min_ns,
        "mean": times.mean_ns,
        "stddev": times.stddev_ns,
        "max": times.max_ns,
    }
    return (
        exact[statistic]
        if statistic in exact
        else _no_statistic(statistic, (*exact, "p50", "p97.5"))
    )


def generator_reading(
    generator: GeneratorResult, metric: str, stage: str | None = None
) -> Reading | Absent:
    """A metric of the load generator itself; it is known for the whole run only."""
    delay_p99, delay_max = generator.delay_p99_ms, generator.delay_max_ms
    known: dict[str, tuple[float | None, str]] = {
        "cpu": (generator.cpu_ratio, "ratio"),
        "delay.p99": (None if delay_p99 is None else delay_p99 * units.NS_PER_MS, "ns"),
        "delay.max": (None if delay_max is None else delay_max * units.NS_PER_MS, "ns"),
        "achieved": (generator.achieved_ratio, "ratio"),
        "scheduled": (generator.scheduled, "count"),
        "saturated_seconds": (generator.saturated_seconds, "count"),
    }
    if metric not in known:
        return Absent(f"no metric {metric!r} of the generator{_nearest(metric, known)}")
    if stage is not None:
        return Absent("no samples: the generator is judged over the whole run, not by stage")
    return _finite(*known[metric])


def sampled_reading(
    resources: Resources,
    side: Literal["host", "server"],
    metric: str,
    statistic: str,
    span_s: tuple[float, float] | None = None,
) -> Reading | Absent:
    """A sampled metric of host or server: mean, min, max or last, of the run or of a span of it."""
    series = resources.host if side == "host" else resources.server
    known = {each.name: each for each in series}
    if metric in known:
        weights = known.get(_WEIGHED_BY.get(metric, ""))
        return _series_reading(known[metric], statistic, span_s, weights)
    if side == "server" and metric in resources.absent:
        return Absent(f"no samples: {resources.absent[metric]}")
    return Absent(f"no metric {metric!r}{_nearest(metric, known)}") if known else NO_SAMPLES


def _series_reading(
    found: Series, statistic: str, span_s: tuple[float, float] | None, weights: Series | None
) -> Reading | Absent:
    values = _statistics(found) if span_s is None else _statistics_in(found, span_s, weights)
    if statistic not in values:
        return _no_statistic(statistic, values)
    if values[statistic] is None and weights is not None and weights.maximum == 0:
        return Absent(f"no samples: {weights.name} stayed at 0")
    return _finite(values[statistic], found.unit)


def _statistics(series: Series) -> dict[str, float | None]:
    return {"mean": series.mean, "min": series.minimum, "max": series.maximum, "last": series.last}


def _statistics_in(
    series: Series, span_s: tuple[float, float], weights: Series | None
) -> dict[str, float | None]:
    """Of the samples whose second, the one before they were taken, lies in the span."""
    start, end = span_s
    parts = {t: weight or 0.0 for t, weight in weights.points} if weights else {}
    middles = ((t - _HALF_A_SAMPLE_S, value, parts.get(t, 1.0)) for t, value in series.points)
    inside = [(value, w) for t, value, w in middles if value is not None and start <= t < end]
    if not inside:
        return dict.fromkeys(("mean", "min", "max", "last"))
    values = [value for value, _ in inside]
    mean = math.fsum(value * w for value, w in inside) / math.fsum(w for _, w in inside)
    return {"mean": mean, "min": min(values), "max": max(values), "last": values[-1]}


def _finite(value: float | None, unit: str) -> Reading | Absent:
    return NO_SAMPLES if value is None or not math.isfinite(value) else Reading(value, unit)


def _no_statistic(statistic: str, known: Iterable[str]) -> Absent:
    return Absent(f"no statistic {statistic!r}; there are {', '.join(known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"; nearest: {', '.join(near)}" if near else f"; there are {', '.join(names[:12])}"
