"""Benchmarks as `perfkit bench` reports them, made of drawn response times."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from perfkit.load.histogram import Histogram
from perfkit.results import (
    BenchResult,
    Environment,
    GeneratorResult,
    Latency,
    OperationResult,
    Report,
    Resources,
    RunResult,
    StageResult,
    Subject,
    TargetInfo,
    VariantResult,
)
from perfkit.stats import mean_interval, spread

OPERATIONS = {"read": 1.0, "update": 3.0}  # median response time in ms


@dataclass(frozen=True, slots=True)
class Variant:
    """How a variant fares: `speed` 1.1 is a rate of 1.1 and response times of 1/1.1."""

    name: str = "default"
    speed: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)


def bench_report(
    *variants: Variant,
    runs: int = 10,
    seed: int = 1,
    spread_ratio: float = 0.02,
    operations: Mapping[str, float] | None = None,
    count: int = 400,
) -> Report[BenchResult]:
    """A benchmark with so many runs of each variant, which spread by `spread_ratio`.

    `count` is that of each operation in each run.
    """
    variants = variants or (Variant(),)
    medians = OPERATIONS if operations is None else operations
    made = bench_runs(variants, runs, seed, spread_ratio, medians, count)
    return Report(
        schema="perfkit.bench",
        schema_version=1,
        perfkit_version="0.1.0",
        started_at="2026-03-14T15:09:26.535+00:00",
        duration_s=6.0 * len(made),
        environment=Environment(
            host="ci-runner-7",
            os="Linux 6.8",
            cpu="AMD EPYC 7763",
            cpu_count=4,
            memory_bytes=16 * 2**30,
            python="3.11.9",
            settings={"workers": 2, "connections": 4},
        ),
        target=TargetInfo(
            "postgresql",
            "postgresql://app:***@127.0.0.1:5432/shop",
            "16.4",
            {"shared_buffers": "128MB", "synchronous_commit": "on"},
        ),
        result=bench_result(variants, made),
    )


def bench_runs(
    variants: Sequence[Variant],
    runs: int,
    seed: int,
    spread_ratio: float,
    medians: Mapping[str, float],
    count: int,
) -> tuple[RunResult, ...]:
    """The runs, in blocks."""
    random = np.random.default_rng(seed)
    made: list[RunResult] = []
    for block in range(1, runs + 1):
        for variant in variants:
            luck = math.exp(spread_ratio * float(random.standard_normal()))
            slowness = luck / variant.speed
            parts = {
                name: random.lognormal(math.log(median * slowness * 1e6), 0.4, count)
                for name, median in medians.items()
            }
            operations = tuple(operation(name, ns, slowness) for name, ns in parts.items())
            everything = np.concatenate(list(parts.values()) or [np.zeros(0)])
            made.append(
                RunResult(
                    run=len(made) + 1,
                    block=block,
                    variant=variant.name,
                    started_s=6.0 * len(made),
                    duration_s=5.0,
                    valid=True,
                    cpu_ratio=0.4,
                    server_cpu_ratio=0.8,
                    operations=operations,
                    total=operation("total", everything, slowness),
                )
            )
    return tuple(made)


def bench_result(variants: Sequence[Variant], runs: Sequence[RunResult]) -> BenchResult:
    """The result of these runs; the load-test part is of the first variant's last run."""
    first = [run for run in runs if run.variant == variants[0].name][-1]
    stage = StageResult("load", 0.0, 5.0, 0, first.operations, first.total)
    return BenchResult(
        scenario="ycsb-a",
        model="closed",
        seed=1,
        valid=True,
        interrupted=False,
        operations=first.operations,
        total=first.total,
        stages=(stage,),
        warmup=None,
        timeline=(),
        errors=(),
        generator=GeneratorResult(
            0.4, 0.01, 0.02, None, None, 0, saturated=False, saturated_seconds=0
        ),
        workers=(),
        resources=Resources(),
        subject=Subject(
            "workload", "ycsb-a", "5f2c8a1e9b7d0346", "ycsb, 100,000 rows", 4, 5.0, None, 1.0
        ),
        tolerance=0.05,
        variants=tuple(_variant(variant, runs) for variant in variants),
        runs=tuple(runs),
    )


def _variant(variant: Variant, runs: Sequence[RunResult]) -> VariantResult:
    own = [run for run in runs if run.variant == variant.name]
    rates = [run.total.rate_per_s for run in own]
    interval = mean_interval(rates, 0.99)
    return VariantResult(
        name=variant.name,
        settings=dict(variant.settings),
        runs=len(own),
        rate_low=interval.low,
        rate_high=interval.high,
        confidence=0.99,
        spread_ratio=spread(rates),
        operations=own[-1].operations,
        total=own[-1].total,
    )


def operation(
    name: str, times_ns: "np.typing.NDArray[np.float64]", slowness: float
) -> OperationResult:
    """An operation with these response times, at 100 a second for each of them when slowness is 1."""
    response = latency(times_ns)
    return OperationResult(
        name=name,
        count=len(times_ns),
        errors=0,
        error_ratio=0.0 if len(times_ns) else None,
        rate_per_s=2.5 * len(times_ns) / slowness,
        tries=len(times_ns),
        response=response,
        service=response,
        lag=latency(np.full(len(times_ns), 1e4)),
    )


def latency(times_ns: "np.typing.NDArray[np.float64]") -> Latency:
    """As the recorder makes it."""
    histogram = Histogram()
    histogram.add(times_ns.astype(np.int64))
    return histogram.latency()


def with_runs(report: Report[BenchResult], runs: Sequence[RunResult]) -> Report[BenchResult]:
    """The same report of other runs."""
    return replace(report, result=replace(report.result, runs=tuple(runs)))
