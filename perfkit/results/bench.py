"""What benchmarks and comparisons measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from perfkit.results.load import LoadtestResult, OperationResult

Verdict = Literal["faster", "slower", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured, so that two reports can tell whether they measured the same.

    `digest` is of the operations, the load and how the data is made (not of target, name or, in a
    load of one stage, length), `dataset` describes the data in a line, "" where it was the user's own.
    """

    kind: Literal["workload", "query", "scenario"]
    name: str
    digest: str
    dataset: str
    clients: int | None
    duration_s: float | None
    iterations: int | None
    warmup_s: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run: one drive of the load, with connections of its own. Runs are numbered in their order.

    `block`: every variant runs once in each block, so that runs of one block can be paired.
    `cpu_ratio` is of the busiest generator process, `server_cpu_ratio` of the server's machine or
    process where it can be known, 1 being a core.
    """

    run: int
    block: int
    variant: str
    started_s: float
    duration_s: float
    valid: bool
    cpu_ratio: float | None
    server_cpu_ratio: float | None
    operations: tuple[OperationResult, ...]
    total: OperationResult


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One way of running the subject, all its runs together.

    `rate_low` and `rate_high` bound the mean rate of a run at `confidence`, None with one run;
    `spread_ratio` is the standard deviation of the runs' rates over their mean.
    """

    name: str
    settings: Mapping[str, str]
    runs: int
    rate_low: float | None
    rate_high: float | None
    confidence: float
    spread_ratio: float | None
    operations: tuple[OperationResult, ...]
    total: OperationResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against a baseline in one metric of one operation, by their runs.

    `metric` is rate_per_s, items_per_s, p50_ms, p95_ms or p99_ms (response time); `change_ratio` is
    candidate / baseline − 1, with bounds at `confidence`, which holds for all comparisons of a pair
    together. The bounds are None where there are too few runs. `runs_needed`: so many runs of each
    would decide, where the verdict is unknown and that can be told.
    """

    baseline: str
    candidate: str
    operation: str
    metric: str
    baseline_value: float
    candidate_value: float
    change_ratio: float
    change_low: float | None
    change_high: float | None
    confidence: float
    verdict: Verdict
    runs_needed: int | None
    baseline_runs: int
    candidate_runs: int


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One value of a sweep, all its runs together."""

    value: str
    runs: int
    total: OperationResult
    cpu_ratio: float | None
    server_cpu_ratio: float | None


@dataclass(frozen=True, slots=True)
class Usl:
    """The Universal Scalability Law fitted to a sweep (Gunther 2007): X(n) = X(1) n / (1 + a (n−1) + b n (n−1)).

    `contention` is a, `coherency` b; `peak_value` is None where nothing bends the curve down.
    """

    contention: float
    coherency: float
    peak_value: float | None
    peak_rate_per_s: float | None
    r_squared: float
    rate_of_one_per_s: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """One variable, several values. `usl` is None where the law does not fit or does not apply."""

    name: str
    points: tuple[SweepPoint, ...]
    knee: str | None
    usl: Usl | None
    usl_why_not: str | None
    advice: str


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A setting of a profile that this measurement could not apply."""

    variant: str
    setting: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class BenchResult(LoadtestResult):
    """As a load test's result, of all runs of the first variant together, and how the others compare."""

    subject: Subject
    tolerance: float
    variants: tuple[VariantResult, ...]
    runs: tuple[RunResult, ...]
    comparisons: tuple[Comparison, ...] = ()
    sweep: Sweep | None = None
    not_measured: tuple[NotMeasured, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One of two reports that are compared."""

    file: str
    started_at: str
    perfkit_version: str
    host: str
    server: str
    runs: int


@dataclass(frozen=True, slots=True)
class CompareResult:
    """Two reports of the same benchmark against each other.

    `differences`: in what they differ that matters for the numbers, compared nevertheless (--force).
    """

    old: Side
    new: Side
    tolerance: float
    differences: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    valid: bool = True
    interrupted: bool = False
