"""What a load measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of times; all None when nothing was recorded.

    `hdr` is the V2 compressed HdrHistogram in nanoseconds, base64. `clamped` counts values above
    one hour, which were recorded as one hour.
    """

    min_ms: float | None
    mean_ms: float | None
    stddev_ms: float | None
    p50_ms: float | None
    p75_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p99_9_ms: float | None
    p99_99_ms: float | None
    max_ms: float | None
    hdr: str
    clamped: int = 0


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One operation, or all together as `total`; `count` is what was sent, errors included.

    lag = start − due, service = end − start, response = end − due.
    `tries` counts every attempt; it is larger than `count` where transactions were retried.
    `items_per_s` counts what succeeded in items: an operation of a batch is as many as it holds.
    """

    name: str
    count: int
    errors: int
    error_ratio: float | None
    rate_per_s: float
    tries: int
    response: Latency
    service: Latency
    lag: Latency
    items_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage of the load; an operation belongs to the stage in which it was due."""

    name: str
    start_s: float
    duration_s: float
    dropped: int
    operations: tuple[OperationResult, ...]
    total: OperationResult


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One second of the run, by the time of completion; response-time percentiles.

    `users`: those active (closed load), or the mean number of operations in flight (open load).
    `target_rate_per_s`: the rate asked for in that second, None in closed load.
    """

    t_s: float
    users: float
    rate_per_s: float
    target_rate_per_s: float | None
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    dropped: int


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """An error class of an operation, with the first message seen (redacted)."""

    # The key in JSON is `class`, a word that Python keeps for itself.
    __pydantic_config__: ClassVar = {"alias_generator": lambda name: name.removeprefix("error_")}

    operation: str | None
    error_class: str
    message: str
    count: int
    first_seen_s: float


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """How the load generator itself fared: was it ever the limit?

    `cpu_ratio`: of the busiest worker process, 1 is a whole core. `delay_p99_ms`: due and a
    connection free, yet not sent. `achieved_ratio`: operations sent / scheduled, None in closed load.
    """

    cpu_ratio: float | None
    delay_p99_ms: float | None
    delay_max_ms: float | None
    achieved_ratio: float | None
    scheduled: int | None
    dropped: int
    saturated: bool
    saturated_seconds: int


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """One worker process."""

    number: int
    pid: int
    count: int
    cpu_ratio: float | None
    rss_max_bytes: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """A metric sampled each second.

    `unit` is that of its values: ratio, bytes, bytes_per_s, per_s, ms, s, count, or the server's word.
    """

    name: str
    unit: str
    mean: float | None
    minimum: float | None
    maximum: float | None
    last: float | None
    points: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that the server itself accounted for during the run."""

    statement: str
    calls: int
    total_ms: float
    mean_ms: float
    rows: int | None


@dataclass(frozen=True, slots=True)
class Resources:
    """What the load generator's host and the server did meanwhile.

    `absent`: why a metric of the server that checks may ask for has no series, by its name.
    """

    host: tuple[Series, ...] = ()
    server: tuple[Series, ...] = ()
    statements: tuple[Statement, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadtestResult:
    """Everything that a load test measured."""

    scenario: str
    model: Literal["open", "closed"]
    seed: int
    valid: bool
    interrupted: bool
    operations: tuple[OperationResult, ...]
    total: OperationResult
    stages: tuple[StageResult, ...]
    warmup: StageResult | None
    timeline: tuple[TimelineRow, ...]
    errors: tuple[ErrorRow, ...]
    generator: GeneratorResult
    workers: tuple[WorkerResult, ...]
    resources: Resources


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run is doing now: what the live view shows; rate and percentiles are of the last second.

    `remaining_s` is None where only a number of iterations is known, `target_rate_per_s` in closed
    load. `users` as in TimelineRow. `errors`, `dropped` and `count` are those of the run up to now.
    """

    stage: str
    elapsed_s: float
    remaining_s: float | None
    rate_per_s: float
    target_rate_per_s: float | None
    users: float | None
    p50_ms: float | None
    p99_ms: float | None
    errors: int
    dropped: int
    count: int
