"""Several runs of one variant as one result: counts and histograms added, nothing averaged twice."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from perfkit.load.histogram import Histogram
from perfkit.results import (
    ErrorRow,
    GeneratorResult,
    Latency,
    LoadtestResult,
    OperationResult,
    Resources,
    Series,
    StageResult,
    Statement,
    TimelineRow,
    WorkerResult,
)

_PERCENTILES = ("p50_ms", "p75_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "p99_99_ms")


def merged(results: Sequence[LoadtestResult], starts_s: Sequence[float]) -> LoadtestResult:
    """All runs together, which began at these times: rates are over the time that they took."""
    first = results[0]
    elapsed_s = [
        _elapsed_s(each.total, sum(stage.duration_s for stage in each.stages)) for each in results
    ]
    return replace(
        first,
        valid=all(each.valid for each in results),
        interrupted=any(each.interrupted for each in results),
        operations=merged_operations([each.operations for each in results], elapsed_s),
        total=merged_operation([each.total for each in results], elapsed_s),
        stages=_stages([each.stages for each in results]),
        warmup=_warmup([each.warmup for each in results if each.warmup is not None]),
        timeline=_timeline(results, starts_s),
        errors=_errors([row for each in results for row in each.errors]),
        generator=_generator([each.generator for each in results]),
        workers=_workers([row for each in results for row in each.workers]),
        resources=_resources([each.resources for each in results], starts_s),
    )


def merged_operations(
    runs: Sequence[Sequence[OperationResult]], elapsed_s: Sequence[float]
) -> tuple[OperationResult, ...]:
    """Operation by operation; every run has the same ones."""
    return tuple(merged_operation(each, elapsed_s) for each in zip(*runs, strict=True))


def merged_operation(
    parts: Sequence[OperationResult], elapsed_s: Sequence[float]
) -> OperationResult:
    """One operation in all its runs, which took so long: also those in which it never ran."""
    first = parts[0]
    if len(parts) == 1:
        return first
    count, errors = sum(each.count for each in parts), sum(each.errors for each in parts)
    items = [(each.items_per_s, s) for each, s in zip(parts, elapsed_s, strict=True)]
    return OperationResult(
        name=first.name,
        count=count,
        errors=errors,
        error_ratio=errors / count if count else None,
        rate_per_s=count / sum(elapsed_s) if any(elapsed_s) else 0.0,
        tries=sum(each.tries for each in parts),
        response=merged_latency([each.response for each in parts]),
        service=merged_latency([each.service for each in parts]),
        lag=merged_latency([each.lag for each in parts]),
        items_per_s=(
            sum((rate or 0) * s for rate, s in items) / sum(elapsed_s)
            if first.items_per_s is not None and any(elapsed_s)
            else None
        ),
    )


def _elapsed_s(total: OperationResult, planned_s: float) -> float:
    """The time that a run's rates are over; without any operation, the time that was planned."""
    return total.count / total.rate_per_s if total.rate_per_s else planned_s


def merged_latency(parts: Sequence[Latency]) -> Latency:
    """Percentiles from the histograms added up; least, most, mean and deviation from the exact ones."""
    histograms = [Histogram.decode(each.hdr) for each in parts if each.hdr]
    known = [
        (histogram.count, part)
        for histogram, part in zip(histograms, (p for p in parts if p.hdr), strict=True)
        if histogram.count
    ]
    if not known:
        return parts[0]
    whole = Histogram()
    for histogram in histograms:
        whole.merge(histogram)
    mean_ms = sum(count * (part.mean_ms or 0) for count, part in known) / whole.count
    # The variance of all is the mean of the variances and the variance of the means.
    squares = sum(
        count * ((part.stddev_ms or 0) ** 2 + ((part.mean_ms or 0) - mean_ms) ** 2)
        for count, part in known
    )
    max_ms = max(part.max_ms for _, part in known if part.max_ms is not None)
    merged = whole.latency()
    # A percentile is the end of its bucket, which may lie beyond the exact maximum.
    capped: dict[str, Any] = {
        name: min(getattr(merged, name) or 0.0, max_ms) for name in _PERCENTILES
    }
    return replace(
        merged,
        **capped,
        min_ms=min(part.min_ms for _, part in known if part.min_ms is not None),
        max_ms=max_ms,
        mean_ms=mean_ms,
        stddev_ms=math.sqrt(squares / whole.count),
        clamped=sum(part.clamped for part in parts),
    )


def _stages(runs: Sequence[Sequence[StageResult]]) -> tuple[StageResult, ...]:
    return tuple(_stage(each) for each in zip(*runs, strict=True))


def _stage(parts: Sequence[StageResult]) -> StageResult:
    elapsed_s = [_elapsed_s(each.total, each.duration_s) for each in parts]
    return replace(
        parts[0],
        duration_s=sum(each.duration_s for each in parts),
        dropped=sum(each.dropped for each in parts),
        operations=merged_operations([each.operations for each in parts], elapsed_s),
        total=merged_operation([each.total for each in parts], elapsed_s),
    )


def _warmup(parts: Sequence[StageResult]) -> StageResult | None:
    return _stage(parts) if parts else None


def _timeline(
    results: Sequence[LoadtestResult], starts_s: Sequence[float]
) -> tuple[TimelineRow, ...]:
    return tuple(
        replace(row, t_s=start_s + row.t_s)
        for result, start_s in zip(results, starts_s, strict=True)
        for row in result.timeline
    )


def _errors(rows: Sequence[ErrorRow]) -> tuple[ErrorRow, ...]:
    kinds: dict[tuple[str | None, str], ErrorRow] = {}
    for row in rows:
        kind = (row.operation, row.error_class)
        known = kinds.get(kind)
        kinds[kind] = row if known is None else replace(known, count=known.count + row.count)
    return tuple(sorted(kinds.values(), key=lambda row: -row.count))


def _generator(parts: Sequence[GeneratorResult]) -> GeneratorResult:
    """The worst of all runs: a generator must never have been the limit."""

    def of(name: str, choose: Callable[[list[float]], float]) -> float | None:
        values = [getattr(each, name) for each in parts]
        return (
            choose([value for value in values if value is not None])
            if any(value is not None for value in values)
            else None
        )

    scheduled = [each.scheduled for each in parts if each.scheduled is not None]
    return GeneratorResult(
        cpu_ratio=of("cpu_ratio", max),
        delay_p99_ms=of("delay_p99_ms", max),
        delay_max_ms=of("delay_max_ms", max),
        achieved_ratio=of("achieved_ratio", min),
        scheduled=sum(scheduled) if scheduled else None,
        dropped=sum(each.dropped for each in parts),
        saturated=any(each.saturated for each in parts),
        saturated_seconds=sum(each.saturated_seconds for each in parts),
    )


def _workers(rows: Sequence[WorkerResult]) -> tuple[WorkerResult, ...]:
    """Each run has worker processes of its own: they are numbered on."""
    return tuple(replace(row, number=number) for number, row in enumerate(rows))


def _resources(parts: Sequence[Resources], starts_s: Sequence[float]) -> Resources:
    return Resources(
        host=_series([each.host for each in parts], starts_s),
        server=_series([each.server for each in parts], starts_s),
        statements=_statements([row for each in parts for row in each.statements]),
        absent=parts[0].absent,
    )


def _statements(rows: Sequence[Statement]) -> tuple[Statement, ...]:
    """Each with its calls in all runs, the one that took longest first."""
    found: dict[str, Statement] = {}
    for row in rows:
        known = found.get(row.statement)
        found[row.statement] = row if known is None else _both(known, row)
    return tuple(sorted(found.values(), key=lambda row: -row.total_ms))


def _both(one: Statement, other: Statement) -> Statement:
    calls, total_ms = one.calls + other.calls, one.total_ms + other.total_ms
    rows = None if one.rows is None or other.rows is None else one.rows + other.rows
    return Statement(one.statement, calls, total_ms, total_ms / calls if calls else 0.0, rows)


def _series(runs: Sequence[Sequence[Series]], starts_s: Sequence[float]) -> tuple[Series, ...]:
    names = dict.fromkeys(series.name for run in runs for series in run)
    return tuple(_one_series(name, runs, starts_s) for name in names)


def _one_series(name: str, runs: Sequence[Sequence[Series]], starts_s: Sequence[float]) -> Series:
    found = [
        (series, start_s)
        for run, start_s in zip(runs, starts_s, strict=True)
        for series in run
        if series.name == name
    ]
    means = [(s.mean, max(1, len(s.points))) for s, _ in found if s.mean is not None]
    return Series(
        name=name,
        unit=found[0][0].unit,
        mean=sum(m * n for m, n in means) / sum(n for _, n in means) if means else None,
        minimum=min((s.minimum for s, _ in found if s.minimum is not None), default=None),
        maximum=max((s.maximum for s, _ in found if s.maximum is not None), default=None),
        last=found[-1][0].last,
        points=tuple((start_s + t_s, value) for s, start_s in found for t_s, value in s.points),
    )
