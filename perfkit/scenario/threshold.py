"""Thresholds: the grammar of a check.

    check     = path operator limit                      read.response.p95 < 50ms
    path      = (operation | "total") "." metric | "dropped"
              | "generator." (cpu | achieved | delay.p99 | delay.max | scheduled | saturated_seconds)
              | ("host" | "server") "." name ["." (min | mean | max | last)]       mean unless said
    metric    = (response | service | lag) "." (min | mean | stddev | max | p50 … p99.99)
              | errors.ratio | errors.count | rate | items | count | tries
    operator  = "<" | "<=" | ">" | ">=" | "==" | "!="
    limit     = quantity | "baseline" ["*" number] [("+" | "-") quantity]

`rate` counts what was sent, errors included; `items` counts what succeeded, an operation of a batch
as the items that it holds. The metrics of host and server: perfkit.drive.resources.

Other spellings mean the same: avg, med and p(95); errors for errors.count, error_ratio for
errors.ratio; and the keys of the JSON report, such as p95_ms, whose plain numbers are milliseconds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from perfkit import units
from perfkit.scenario.fields import Frozen, Mistake, duration, nearest, rate

Unit = Literal["ns", "per_s", "ratio", "bytes", "count"]
Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Severity = Literal["fail", "warn"]

RESERVED = ("total", "host", "server", "generator", "dropped", "result")
"""Words that begin a path of their own, and so are no names for operations."""

_CHECK = re.compile(
    r"\s*(?P<path>[^\s<>=!]+)\s*(?P<operator><=|>=|===|==|!=|<|>)\s*(?P<limit>\S.*?)\s*"
)
_BASELINE = re.compile(
    r"baseline(?:\s*\*\s*(?P<factor>\d+(?:\.\d+)?|\.\d+))?(?:\s*(?P<sign>[+-])\s*(?P<offset>\S.*))?"
)
_PERCENTILE = re.compile(r"p\(?(\d{1,2}(?:[._]\d{1,4})?|100(?:[._]0+)?)\)?")
_TIMES = ("response", "service", "lag")
_STATISTICS = {
    "min": "min", "mean": "mean", "avg": "mean", "stddev": "stddev", "max": "max", "med": "p50",
    "median": "p50",
}  # fmt: skip
_OF_OPERATION: dict[str, tuple[tuple[str, ...], Unit]] = {
    "errors": (("errors", "count"), "count"),
    "errors.count": (("errors", "count"), "count"),
    "errors.ratio": (("errors", "ratio"), "ratio"),
    "error_ratio": (("errors", "ratio"), "ratio"),
    "rate": (("rate",), "per_s"),
    "rate_per_s": (("rate",), "per_s"),
    "items": (("items",), "per_s"),
    "items_per_s": (("items",), "per_s"),
    "count": (("count",), "count"),
    "tries": (("tries",), "count"),
}
_OF_GENERATOR: dict[str, tuple[tuple[str, ...], Unit]] = {
    "cpu": (("generator", "cpu"), "ratio"),
    "cpu_ratio": (("generator", "cpu"), "ratio"),
    "achieved": (("generator", "achieved"), "ratio"),
    "achieved_ratio": (("generator", "achieved"), "ratio"),
    "delay.p99": (("generator", "delay", "p99"), "ns"),
    "delay_p99": (("generator", "delay", "p99"), "ns"),
    "delay.max": (("generator", "delay", "max"), "ns"),
    "delay_max": (("generator", "delay", "max"), "ns"),
    "scheduled": (("generator", "scheduled"), "count"),
    "dropped": (("dropped",), "count"),
    "saturated_seconds": (("generator", "saturated_seconds"), "count"),
}
_SAMPLED = ("min", "mean", "max", "last")


class Threshold(Frozen):
    """A check: a metric of the report by its path, an operator and a limit.

    `path` is normalised: ("read", "response", "p95"), ("total", "errors", "ratio"),
    ("total", "errors", "count"), ("total", "rate"), ("generator", "delay", "p99"),
    ("host", "cpu", "max"), ("server", "name.with.dots", "mean"), ("dropped",).
    The limit is `limit` in the base unit of the metric (ns, per second, ratio, count, bytes), or,
    with `baseline`, baseline value × `factor` + `offset`. `unit` is that base unit; None is a plain
    number for a metric of host or server, which is in the metric's own unit. `text` is the check as
    it was written.
    """

    text: str
    path: tuple[str, ...]
    operator: Operator
    limit: float | None = None
    baseline: bool = False
    factor: float = 1.0
    offset: float = 0.0
    unit: Unit | None = None
    stage: str | None = None
    severity: Severity = "fail"
    abort: bool = False
    after_ns: int = 0


@dataclass(frozen=True, slots=True)
class Metric:
    """A path with the unit of what it leads to; `in_ms` where plain numbers are milliseconds."""

    path: tuple[str, ...]
    unit: Unit | None
    in_ms: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """What a metric is compared with, in base units."""

    limit: float | None = None
    baseline: bool = False
    factor: float = 1.0
    offset: float = 0.0
    unit: Unit | None = None


def parse_check(text: str) -> Threshold:
    """The threshold that a text such as `read.response.p95 < 50ms` asks for. Mistake otherwise."""
    match = _CHECK.fullmatch(text)
    if not match:
        raise Mistake(
            f"{text!r} is no check: write a metric, a comparison and a limit, as in total.response.p95 < 50ms"
        )
    metric = read_metric(match["path"])
    limit = read_limit(match["limit"], metric)
    return threshold(text, metric, match["operator"], limit)


def threshold(text: str, metric: Metric, operator: str, limit: Limit) -> Threshold:
    """The threshold of these parts; `===` is k6's for `==`."""
    return Threshold(
        text=" ".join(text.split()),
        path=metric.path,
        operator="==" if operator == "===" else operator,
        limit=limit.limit,
        baseline=limit.baseline,
        factor=limit.factor,
        offset=limit.offset,
        unit=limit.unit,
    )


def render(check: Threshold) -> str:
    """The check in the one spelling that parses to the same path, operator and limit."""
    unit = _SUFFIXES.get(check.unit, "")
    if not check.baseline:
        return f"{'.'.join(check.path)} {check.operator} {_plain(check.limit or 0.0)}{unit}"
    factor = "" if check.factor == 1 else f" * {_plain(check.factor)}"
    sign = "-" if check.offset < 0 else "+"
    offset = f" {sign} {_plain(abs(check.offset))}{unit}" if check.offset else ""
    return f"{'.'.join(check.path)} {check.operator} baseline{factor}{offset}"


def read_metric(path: str) -> Metric:
    """The metric of a path, normalised. Mistake with the nearest known one otherwise."""
    head, _, rest = path.removeprefix("result.").partition(".")
    if head == "dropped" and not rest:
        return Metric(("dropped",), "count")
    if head == "generator":
        return _generator_metric(rest)
    if head in {"host", "server"}:
        return _sampled_metric(head, rest)
    if not rest:
        raise Mistake(
            f"{path!r} is no metric: write an operation and its metric, as in total.response.p95"
        )
    return operation_metric(head, rest)


def operation_metric(operation: str, metric: str) -> Metric:
    """A metric of an operation or of `total`. Mistake with the nearest known one otherwise."""
    if metric in _OF_OPERATION:
        path, unit = _OF_OPERATION[metric]
        return Metric((operation, *path), unit)
    kind, _, statistic = metric.partition(".")
    if kind in _TIMES:
        return _time_metric(operation, kind, statistic)
    raise _unknown(metric, [*_OF_OPERATION, *(f"{time}.p95" for time in _TIMES)])


def _time_metric(operation: str, kind: str, statistic: str) -> Metric:
    word = statistic.removesuffix("_ms")
    if word in _STATISTICS:
        name = _STATISTICS[word]
    elif match := _PERCENTILE.fullmatch(word):
        name = _percentile(match[1].replace("_", "."))
    else:
        raise _unknown(
            f"{kind}.{statistic}".rstrip("."),
            [f"{kind}.{name}" for name in (*_STATISTICS, "p50", "p95", "p99", "p99.9")],
        )
    return Metric((operation, kind, name), "ns", in_ms=word != statistic)


def _percentile(digits: str) -> str:
    value = float(digits)
    return "max" if value == 100 else "min" if value == 0 else f"p{value:g}"


def _generator_metric(rest: str) -> Metric:
    word = rest.removesuffix("_ms")
    if word not in _OF_GENERATOR:
        raise _unknown(f"generator.{rest}", [f"generator.{name}" for name in _OF_GENERATOR])
    path, unit = _OF_GENERATOR[word]
    return Metric(path, unit, in_ms=word != rest)


def _sampled_metric(side: str, rest: str) -> Metric:
    name, _, statistic = rest.rpartition(".")
    if statistic in _SAMPLED:
        return Metric((side, _sampled_name(side, name), statistic), None)
    if statistic in _STATISTICS or _PERCENTILE.fullmatch(statistic):
        raise Mistake(f"{side}.{name} has no {statistic}: it has min, mean, max and last")
    return Metric((side, _sampled_name(side, rest), "mean"), None)


def _sampled_name(side: str, name: str) -> str:
    if not all(name.split(".")):
        raise Mistake(f"a metric of the {side} is missing, as in {side}.cpu.max")
    return name


def _unknown(metric: str, known: list[str]) -> Mistake:
    return Mistake(f"unknown metric {metric!r}", hint=nearest(metric, known))


def read_limit(text: str, metric: Metric) -> Limit:
    """The limit in the metric's base unit. Mistake where the unit does not fit or is missing."""
    match = _BASELINE.fullmatch(text)
    if not match and text.startswith("baseline"):
        raise Mistake(f"{text!r} is no limit: write baseline, baseline * 1.1 or baseline + 5ms")
    if not match:
        value, unit = read_quantity(text, metric)
        return Limit(limit=value, unit=unit)
    factor = float(match["factor"] or 1)
    if factor == 0:
        raise Mistake("baseline * 0 compares with nothing")
    if not match["offset"]:
        return Limit(baseline=True, factor=factor, unit=metric.unit)
    offset, unit = read_quantity(match["offset"], metric)
    return Limit(
        baseline=True, factor=factor, offset=-offset if match["sign"] == "-" else offset, unit=unit
    )


def read_quantity(text: str, metric: Metric) -> tuple[float, Unit | None]:
    """A quantity in the base unit of the metric, and that unit."""
    try:
        if metric.unit is None:
            return _of_any_unit(text)
        if metric.unit == "ns":
            return _time_ns(text, in_ms=metric.in_ms), "ns"
        return _READERS[metric.unit](text), metric.unit
    except (ValueError, OverflowError) as error:
        raise Mistake(str(error)) from None


def _time_ns(text: str, *, in_ms: bool) -> float:
    if _NUMBER.fullmatch(text):
        if in_ms:
            return float(text) * units.NS_PER_MS
        raise ValueError(f"{text!r} has no unit: write {text}ms or {text}s")
    return duration(text)


def _ratio(text: str) -> float:
    value = units.ratio(text)
    if value > 1:
        raise ValueError(
            f"{text!r} is more than all: write {text.rstrip('%')}% or a number up to 1"
        )
    return value


def _count(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no count: write a number without a unit")
    return float(text.replace("_", ""))


def _of_any_unit(text: str) -> tuple[float, Unit | None]:
    """A quantity whose unit alone tells what it is of; a plain number is in the metric's own unit."""
    if _NUMBER.fullmatch(text):
        return float(text.replace("_", "")), None
    for unit, read in _READERS.items():
        try:
            return read(text), unit
        except (ValueError, OverflowError):
            continue
    raise ValueError(f"{text!r} is no limit: write a number, or 50ms, 80%, 64MiB, 100/s")


def _bytes(text: str) -> float:
    return float(units.size_bytes(text))


_NUMBER = re.compile(r"\d+(?:_\d+)*(?:\.\d+)?|\.\d+")
_READERS: dict[Unit, Callable[[str], float]] = {
    "ns": duration,
    "ratio": _ratio,
    "per_s": rate,
    "bytes": _bytes,
    "count": _count,
}


def _plain(value: float) -> str:
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SUFFIXES: dict[Unit | None, str] = {"ns": "ns", "per_s": "/s", "bytes": "B"}
