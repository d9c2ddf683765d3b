"""Reports as a load test makes them: every number in them follows from simulated operations."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import numpy as np

from perfkit.load.histogram import Histogram
from perfkit.results import (
    Caveat,
    Check,
    Environment,
    ErrorRow,
    GeneratorResult,
    Latency,
    LoadtestResult,
    OperationResult,
    Report,
    Resources,
    Series,
    StageResult,
    Statement,
    TargetInfo,
    TimelineRow,
    WorkerResult,
)

HOSTILE = (
    "</script><script>alert(1)</script> | `x` @all \x1b[31m \x00 \u202e $$1 **b** 'q' \"d\"\n# h"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """An operation that was sent: times in seconds since the start of the run."""

    operation: str
    due_s: float
    lag_s: float
    service_s: float
    failed: bool = False

    @property
    def end_s(self) -> float:
        return self.due_s + self.lag_s + self.service_s


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage: its rate goes from one value to the other."""

    name: str
    start_s: float
    duration_s: float
    rate_from: float
    rate_to: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s

    def rate_at(self, second: float) -> float:
        return (
            self.rate_from
            + (self.rate_to - self.rate_from) * (second - self.start_s) / self.duration_s
        )


STAGES = (
    StagePlan("ramp", 0, 10, 0, 500),
    StagePlan("steady", 10, 40, 500, 500),
    StagePlan("spike", 50, 5, 2000, 2000),
    StagePlan("recovery", 55, 15, 500, 500),
)


@cache
def passed_report() -> Report[LoadtestResult]:
    """An open load on PostgreSQL with a stall of 0.6 s, a spike and a few errors."""
    samples = _simulated(STAGES)
    checks = (
        Check(
            "read.response.p95 < 50ms",
            "6.81 ms",
            passed=True,
            observed_value=6.81e6,
            limit_value=50e6,
        ),
        Check(
            "total.errors.ratio < 1%", "0.1 %", passed=True, observed_value=0.001, limit_value=0.01
        ),
        Check("read.response.p99 < 700ms", "19.3 ms", passed=True, stage="steady"),
    )
    return report_of(samples, STAGES, checks=checks)


@cache
def failed_report() -> Report[LoadtestResult]:
    """As the passed one, with a threshold that did not hold and one that only warns."""
    good = passed_report()
    failed = Check("read.response.p99 < 100ms", "431 ms", passed=False)
    warned = Check(
        "total.response.p95 <= baseline * 1.1",
        "98.7 ms, baseline 44.2 ms",
        passed=False,
        severity="warn",
    )
    caveats = (Caveat("short-run", "A run of 70.0 s holds few samples above p99.9."),)
    return replace(good, checks=(good.checks[0], failed, good.checks[2], warned), caveats=caveats)


@cache
def invalid_report() -> Report[LoadtestResult]:
    """The generator could not keep up."""
    good = passed_report()
    generator = replace(
        good.result.generator,
        cpu_ratio=0.998,
        delay_p99_ms=183.4,
        delay_max_ms=402.0,
        achieved_ratio=0.871,
        dropped=6_120,
        saturated=True,
        saturated_seconds=17,
    )
    why = "The generator could not keep up in 17 of 70 seconds: it sent 87.1 % of what was asked."
    other = Caveat(
        "no-statements", "pg_stat_statements is not installed, so no statements are listed."
    )
    return replace(
        good,
        result=replace(good.result, valid=False, generator=generator),
        caveats=(other, Caveat("saturated", why, invalidates=True)),
    )


@cache
def interrupted_report() -> Report[LoadtestResult]:
    """Closed load on Redis, stopped after 7.4 s."""
    stage = (StagePlan("steady", 0, 7.4, 900, 900),)
    samples = [replace(each, lag_s=0.0, failed=False) for each in _simulated(stage)]
    report = report_of(samples, stage, model="closed")
    return replace(
        report,
        target=TargetInfo("redis", "redis://127.0.0.1:6379/0", "7.4.1", {"appendonly": "no"}),
        result=replace(report.result, interrupted=True, resources=Resources()),
    )


@cache
def empty_report() -> Report[LoadtestResult]:
    """Nothing was sent: every value that could not be had is None."""
    report = report_of([], (StagePlan("steady", 0, 5, 10, 10),))
    return replace(
        report,
        target=TargetInfo("fake", "fake://", None),
        checks=(Check("read.response.p95 < 50ms", "no samples", passed=False),),
        result=replace(report.result, valid=False, timeline=(), workers=(), resources=Resources()),
    )


@cache
def hostile_report() -> Report[LoadtestResult]:
    """Every text that a user or a server chooses tries to break out of the format."""
    report = failed_report()
    result, total = report.result, report.result.total
    return replace(
        report,
        target=TargetInfo(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
        environment=replace(report.environment, host=HOSTILE, settings={HOSTILE: HOSTILE}),
        checks=tuple(
            replace(check, check=HOSTILE, observed=HOSTILE, stage=HOSTILE)
            for check in report.checks
        ),
        caveats=(Caveat(HOSTILE, HOSTILE),),
        result=replace(
            result,
            scenario=HOSTILE,
            operations=(replace(result.operations[0], name=HOSTILE), total),
            stages=tuple(replace(stage, name=HOSTILE) for stage in result.stages),
            errors=tuple(
                replace(row, operation=HOSTILE, error_class=HOSTILE, message=HOSTILE)
                for row in result.errors
            ),
            resources=replace(
                result.resources,
                host=tuple(
                    replace(series, name=HOSTILE, unit=HOSTILE) for series in result.resources.host
                ),
                statements=(Statement(HOSTILE, 1, 1.0, 1.0, None),),
            ),
        ),
    )


SAMPLES: dict[str, Callable[[], Report[LoadtestResult]]] = {
    "passed": passed_report,
    "failed": failed_report,
    "invalid": invalid_report,
    "interrupted": interrupted_report,
    "empty": empty_report,
    "hostile": hostile_report,
}


def _simulated(stages: Sequence[StagePlan]) -> list[Sample]:
    random = Random(7)
    return [_sample(random, due_s) for stage in stages for due_s in _due_times(stage)]


def _due_times(stage: StagePlan) -> Iterable[float]:
    """The inverse of the area under the rate."""
    slope = (stage.rate_to - stage.rate_from) / stage.duration_s
    area = (stage.rate_from + stage.rate_to) / 2 * stage.duration_s
    for number in range(int(area)):
        if slope:
            root = math.sqrt(stage.rate_from**2 + 2 * slope * number)
            yield stage.start_s + (root - stage.rate_from) / slope
        else:
            yield stage.start_s + number / stage.rate_from


def _sample(random: Random, due_s: float) -> Sample:
    is_read = random.random() < 0.8
    busy = 2.4 if 50 <= due_s < 55 else 1.0
    service_s = random.lognormvariate(math.log(0.0011 if is_read else 0.0042), 0.55) * busy
    lag_s = 25e-6 + random.expovariate(1 / 15e-6)
    if 32.1 <= due_s < 32.7:  # the server stalls, and arrivals pile up behind it
        lag_s += 32.7 - due_s + random.random() * 0.05
    elif busy > 1:
        lag_s += random.expovariate(1 / 0.004)
    return Sample(
        "read" if is_read else "transfer", due_s, lag_s, service_s, random.random() < 0.001
    )


def report_of(
    samples: Sequence[Sample],
    stages: Sequence[StagePlan],
    *,
    model: str = "open",
    checks: tuple[Check, ...] = (),
) -> Report[LoadtestResult]:
    """The report of what was simulated."""
    duration_s = stages[-1].end_s
    names = ("read", "transfer")
    stage_results = tuple(_stage(stage, samples, names) for stage in stages)
    errors = [each for each in samples if each.failed]
    cpu = 0.31 if samples else None
    return Report(
        schema="perfkit.loadtest",
        schema_version=1,
        perfkit_version="0.1.0",
        started_at="2026-03-14T15:09:26.535Z",
        duration_s=duration_s,
        environment=Environment(
            host="ci-runner-7",
            os="Linux 6.8",
            cpu="AMD EPYC 7763",
            cpu_count=4,
            memory_bytes=16 * 2**30,
            python="3.11.9",
            settings={"processes": 2, "connections": 16},
        ),
        target=TargetInfo(
            "postgresql",
            "postgresql://app:***@127.0.0.1:5432/shop",
            "16.4",
            {"shared_buffers": "128MB", "synchronous_commit": "on", "max_connections": 100},
        ),
        result=LoadtestResult(
            scenario="checkout",
            model="open" if model == "open" else "closed",
            seed=42,
            valid=True,
            interrupted=False,
            operations=tuple(_operation(name, samples, duration_s) for name in names),
            total=_operation(None, samples, duration_s),
            stages=stage_results,
            warmup=None,
            timeline=_timeline(samples, stages, is_open=model == "open"),
            errors=_errors(errors),
            generator=GeneratorResult(
                cpu_ratio=cpu,
                delay_p99_ms=0.091 if samples else None,
                delay_max_ms=0.214 if samples else None,
                achieved_ratio=1.0 if samples and model == "open" else None,
                scheduled=len(samples) if model == "open" else None,
                dropped=0,
                saturated=False,
                saturated_seconds=0,
            ),
            workers=(
                WorkerResult(1, 4711, (len(samples) + 1) // 2, cpu, 61 * 2**20),
                WorkerResult(2, 4712, len(samples) // 2, cpu, 60 * 2**20),
            ),
            resources=_resources(duration_s),
        ),
        checks=checks,
    )


def _stage(stage: StagePlan, samples: Sequence[Sample], names: Sequence[str]) -> StageResult:
    inside = [each for each in samples if stage.start_s <= each.due_s < stage.end_s]
    return StageResult(
        name=stage.name,
        start_s=stage.start_s,
        duration_s=stage.duration_s,
        dropped=0,
        operations=tuple(_operation(name, inside, stage.duration_s) for name in names),
        total=_operation(None, inside, stage.duration_s),
    )


def _operation(name: str | None, samples: Sequence[Sample], duration_s: float) -> OperationResult:
    own = [each for each in samples if name in {None, each.operation}]
    errors = sum(each.failed for each in own)
    return OperationResult(
        name=name or "total",
        count=len(own),
        errors=errors,
        error_ratio=errors / len(own) if own else None,
        rate_per_s=len(own) / duration_s,
        tries=len(own) + (7 if name != "read" and own else 0),
        response=_latency(each.lag_s + each.service_s for each in own),
        service=_latency(each.service_s for each in own),
        lag=_latency(each.lag_s for each in own),
    )


def _latency(seconds: Iterable[float]) -> Latency:
    histogram = Histogram()
    histogram.add(np.array([round(value * 1e9) for value in seconds], np.int64))
    return histogram.latency()


def _timeline(
    samples: Sequence[Sample], stages: Sequence[StagePlan], *, is_open: bool
) -> tuple[TimelineRow, ...]:
    by_second = sorted(samples, key=lambda each: each.end_s)
    rows = []
    for second, group in itertools.groupby(by_second, lambda each: int(each.end_s)):
        inside = list(group)
        latency = _latency(each.lag_s + each.service_s for each in inside)
        stage = next((each for each in stages if each.start_s <= second < each.end_s), stages[-1])
        rows.append(
            TimelineRow(
                t_s=float(second),
                users=sum(each.lag_s + each.service_s for each in inside) if is_open else 4.0,
                rate_per_s=float(len(inside)),
                target_rate_per_s=stage.rate_at(second + 0.5) if is_open else None,
                errors=sum(each.failed for each in inside),
                p50_ms=latency.p50_ms,
                p99_ms=latency.p99_ms,
                dropped=0,
            )
        )
    return tuple(rows)


def _errors(failed: Sequence[Sample]) -> tuple[ErrorRow, ...]:
    kinds = (
        (
            "transfer",
            "serialization_failure",
            "could not serialize access due to concurrent update",
        ),
        ("read", "timeout", "no reply within 250 ms"),
    )
    groups = [(kind, [each for each in failed if each.operation == kind[0]]) for kind in kinds]
    return tuple(
        ErrorRow(operation, error_class, message, len(own), min(each.end_s for each in own))
        for (operation, error_class, message), own in groups
        if own
    )


def _resources(duration_s: float) -> Resources:
    def series(name: str, unit: str, value: Callable[[float], float]) -> Series:
        points = tuple((float(second), value(second)) for second in range(int(duration_s)))
        values = [y for _, y in points]
        return Series(
            name, unit, sum(values) / len(values), min(values), max(values), values[-1], points
        )

    def load(second: float) -> float:
        return min(second / 10, 1) * (2.6 if 50 <= second < 55 else 1) + 0.02 * math.sin(second)

    return Resources(
        host=(
            series("cpu", "ratio", lambda second: 0.08 + 0.22 * load(second)),
            series("memory", "bytes", lambda second: 3.1 * 2**30 + second * 2**20),
            series("network_sent", "bytes_per_s", lambda second: 61_000 * load(second)),
        ),
        server=(
            series("cpu", "ratio", lambda second: 0.03 + 0.31 * load(second)),
            series("commits", "per_s", lambda second: 498 * load(second)),
            series("cache_hit_ratio", "ratio", lambda second: 0.991 + 0.004 * math.sin(second / 5)),
            series("deadlocks", "per_s", lambda _: 0.0),
            series("connections", "count", lambda _: 17.0),
        ),
        statements=(
            Statement("SELECT v FROM kv WHERE id = $1", 32_012, 29_411.2, 0.919, 32_012),
            Statement(
                "UPDATE accounts SET balance = balance - $1 WHERE id = $2",
                8_011,
                19_020.0,
                2.374,
                8_011,
            ),
        ),
    )
