"""From what was recorded to the result: operations, stages, the time line, the generator's health."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from perfkit.load import pacing
from perfkit.load.fleet import Crew, Ended
from perfkit.load.recorder import Cell, ErrorCount, Recorder, Second
from perfkit.load.worker import Plan
from perfkit.results import (
    Caveat,
    ErrorRow,
    GeneratorResult,
    LoadtestResult,
    OperationResult,
    Resources,
    StageResult,
    TimelineRow,
    WorkerResult,
)
from perfkit.units import NS_PER_MS, NS_PER_S, show_duration, show_ms

LATE_NS = 5 * NS_PER_MS
"""A generator later than this (p99) may matter …"""
LATE_SHARE = 0.1
"""… and does when it is this share of the response time that it should measure (p99)."""
BUSY_SECONDS_SHARE = 0.05
"""Seconds without time left that are forgiven: catching up after a server's stall takes some."""
BUSY_SHARE = 0.2
"""So much of a closed load without time left makes the generator its limit."""

DATABASE_SHARE = 0.8
"""A worker that spends more of its time than this inside the database (SQLite) was not the limit."""


@dataclass(frozen=True, slots=True)
class Readout:
    """Turns a recorder's state, finished or live, into parts of the result."""

    plan: Plan
    recorder: Recorder

    # -- operations and stages --------------------------------------------------------------------

    def stages(self) -> tuple[StageResult, ...]:
        """Each stage; an operation belongs to the stage in which it was due."""
        return tuple(self._stage(stage) for stage in self.plan.schedule.stages)

    def warmup(self) -> StageResult | None:
        """The warm-up, None where there is none."""
        end_ns = self.plan.schedule.warmup_ns
        if not end_ns:
            return None
        return self._stage(pacing.StageSpan(pacing.WARMUP, "warmup", 0, end_ns))

    def _stage(self, stage: pacing.StageSpan) -> StageResult:
        elapsed_s = self._elapsed_s([stage.index])
        planned_ns = None if stage.end_ns is None else stage.end_ns - stage.start_ns
        return StageResult(
            name=stage.name,
            start_s=(stage.start_ns - self.plan.schedule.warmup_ns) / NS_PER_S,
            duration_s=elapsed_s if planned_ns is None else self._lasted_s(stage),
            dropped=self.recorder.dropped.get(stage.index, 0),
            operations=self._operations([stage.index], elapsed_s),
            total=self._total([stage.index], elapsed_s),
        )

    def _lasted_s(self, stage: pacing.StageSpan) -> float:
        """As long as was planned, or until the load was stopped."""
        assert stage.end_ns is not None
        stopped_ns = self.recorder.stopped_ns
        end_ns = stage.end_ns if stopped_ns is None else min(stage.end_ns, stopped_ns)
        return max(0, end_ns - stage.start_ns) / NS_PER_S

    def operations(self) -> tuple[OperationResult, ...]:
        """Every operation of the scenario over the whole load, also those that never ran."""
        return self._operations(self._load, self._elapsed_s(self._load))

    def total(self) -> OperationResult:
        """All operations of the whole load together."""
        return self._total(self._load, self._elapsed_s(self._load))

    @property
    def _load(self) -> range:
        return range(len(self.plan.schedule.stages))

    def _operations(self, stages: Collection[int], elapsed_s: float) -> tuple[OperationResult, ...]:
        batches = any(operation.items > 1 for operation in self.plan.scenario.operations)
        return tuple(
            self._operation(
                operation.name,
                self.recorder.of(stages, number),
                elapsed_s,
                operation.items if batches else None,
            )
            for number, operation in enumerate(self.plan.scenario.operations)
        )

    def _total(self, stages: Collection[int], elapsed_s: float) -> OperationResult:
        """All operations together; their items are those of each, added up."""
        total = self._operation("total", self.recorder.of(stages), elapsed_s, None)
        items = [operation.items_per_s for operation in self._operations(stages, elapsed_s)]
        if None in items:
            return total
        return replace(total, items_per_s=sum(each or 0.0 for each in items))

    def _operation(
        self, name: str, cell: Cell, elapsed_s: float, items: int | None
    ) -> OperationResult:
        """`items` of each operation that succeeded; None where no operation has several."""
        done_per_s = (cell.count - cell.errors) / elapsed_s if elapsed_s else 0.0
        return OperationResult(
            name=name,
            count=cell.count,
            errors=cell.errors,
            error_ratio=cell.errors / cell.count if cell.count else None,
            rate_per_s=cell.count / elapsed_s if elapsed_s else 0.0,
            tries=cell.tries,
            response=cell.response.latency(),
            service=cell.service.latency(),
            lag=cell.lag.latency(),
            items_per_s=None if items is None else items * done_per_s,
        )

    def _elapsed_s(self, stages: Sequence[int]) -> float:
        """Rates are over the time until the last answer, as pgbench's, at least the planned time."""
        spans = self.plan.schedule.stages
        chosen = [span for span in spans if span.index in stages]
        start_ns = chosen[0].start_ns if chosen else 0
        planned_ns = chosen[-1].end_ns if chosen else self.plan.schedule.warmup_ns
        reached_ns = max((self.recorder.last_end_ns.get(stage, 0) for stage in stages), default=0)
        ends = (planned_ns, self.recorder.stopped_ns)
        ended_ns = min((end for end in ends if end is not None), default=0)
        return max(0, max(ended_ns, reached_ns) - start_ns) / NS_PER_S

    # -- over time --------------------------------------------------------------------------------

    def timeline(self) -> tuple[TimelineRow, ...]:
        """A row for each finished second of the load."""
        return tuple(self._row(second) for second in self.recorder.seconds)

    def _row(self, second: Second) -> TimelineRow:
        schedule = self.plan.schedule
        middle_ns = schedule.warmup_ns + second.number * NS_PER_S + NS_PER_S // 2
        is_open = self.plan.scenario.load.model == "open"
        in_flight = self.recorder.in_flight(second.number)
        return TimelineRow(
            t_s=float(second.number),
            users=in_flight if is_open else pacing.users_at(schedule, middle_ns),
            rate_per_s=float(second.count),
            target_rate_per_s=pacing.rate_at(schedule, middle_ns) if is_open else None,
            errors=second.errors,
            p50_ms=_ms(second.p50_ns),
            p99_ms=_ms(second.p99_ns),
            dropped=second.dropped,
        )

    def errors(self) -> tuple[ErrorRow, ...]:
        """Every kind of failure, the most frequent first."""
        counted = [error for error in self.recorder.errors.values() if error.count]
        return tuple(map(self._error, sorted(counted, key=lambda error: -error.count)))

    def _error(self, error: ErrorCount) -> ErrorRow:
        names = [operation.name for operation in self.plan.scenario.operations]
        return ErrorRow(
            operation=None if error.operation is None else names[error.operation],
            error_class=error.error_class,
            message=error.message,
            count=error.count,
            first_seen_s=error.first_ns / NS_PER_S,
        )

    # -- the generator ----------------------------------------------------------------------------

    def generator(self) -> GeneratorResult:
        """Did the generator keep up, and if not, in what?"""
        ratios = [self.recorder.cpu_ratio(number) for number in range(self.plan.workers)]
        known = [ratio for ratio in ratios if ratio is not None]
        is_open = self.plan.scenario.load.model == "open"
        scheduled = self._scheduled() if is_open else None
        return GeneratorResult(
            cpu_ratio=max(known, default=None),
            delay_p99_ms=_ms(self.recorder.delay.percentile_ns(99)),
            delay_max_ms=_ms(self.recorder.delay.max_ns),
            achieved_ratio=self.recorder.started_in_load / scheduled if scheduled else None,
            scheduled=scheduled,
            dropped=self.dropped(),
            saturated=self.late() or (self.overrun() if is_open else self.busy()),
            saturated_seconds=self.recorder.busy_seconds,
        )

    def _scheduled(self) -> int:
        """Arrivals of the load, up to where it was cut short; what a Poisson process gave is counted."""
        schedule = self.plan.schedule
        counted = sum(cell.count for (stage, _), cell in self.recorder.cells.items() if stage >= 0)
        counted += self.dropped()
        if self.plan.scenario.load.arrivals == "poisson":
            return counted
        until_ns = self.recorder.stopped_ns
        if until_ns is None:
            until_ns = schedule.end_ns or 0
        before = pacing.scheduled(schedule, schedule.warmup_ns)
        return max(counted, round(pacing.scheduled(schedule, until_ns) - before))

    def dropped(self, stages: Collection[int] | None = None) -> int:
        """Arrivals of the load, or of these stages, that waited too long and were never sent."""
        wanted = self._load if stages is None else stages
        return sum(count for stage, count in self.recorder.dropped.items() if stage in wanted)

    def late(self) -> bool:
        """Was the generator itself late, by enough to be seen in what it measured?"""
        delay_ns = self.recorder.delay.percentile_ns(99) or 0
        if delay_ns <= LATE_NS:
            return False
        response_ns = self.recorder.of(self._load).response.percentile_ns(99) or 0
        return delay_ns > LATE_SHARE * response_ns

    def overrun(self) -> bool:
        """Was a worker without time left while arrivals were late, for more than a moment?"""
        seconds = len(self.recorder.seconds)
        allowed = max(min(2.0, seconds / 4), BUSY_SECONDS_SHARE * seconds)
        return self.recorder.busy_seconds > allowed

    def busy(self) -> bool:
        """Had a worker no time left for a good part of the run, if only at the top of a ramp?

        Then a closed load could have been higher; unless the time went to a database that works
        inside the worker.
        """
        total = self.recorder.of(self._load).service
        available_s = self._elapsed_s(self._load) * self.plan.workers
        inside = self.plan.workload.channel_per_worker and available_s > 0
        database_s = total.count * (total.mean_ns or 0) / NS_PER_S
        if inside and database_s > DATABASE_SHARE * available_s:
            return False
        return self.recorder.busy_share() > BUSY_SHARE


def workers(recorder: Recorder, crew: Crew, ended: Sequence[Ended]) -> tuple[WorkerResult, ...]:
    """A row for each worker process."""
    return tuple(
        WorkerResult(
            number=worker.number,
            pid=worker.pid,
            count=recorder.worker_count(worker.number),
            cpu_ratio=recorder.cpu_ratio(worker.number),
            rss_max_bytes=crew.rss_max_bytes(worker.number),
        )
        for worker in ended
    )


def result(
    readout: Readout,
    *,
    invalid: bool,
    interrupted: bool,
    workers: tuple[WorkerResult, ...],
    resources: Resources,
) -> LoadtestResult:
    """The whole result."""
    scenario = readout.plan.scenario
    return LoadtestResult(
        scenario=scenario.name,
        model=scenario.load.model,
        seed=scenario.seed,
        valid=not invalid,
        interrupted=interrupted,
        operations=readout.operations(),
        total=readout.total(),
        stages=readout.stages(),
        warmup=readout.warmup(),
        timeline=readout.timeline(),
        errors=readout.errors(),
        generator=readout.generator(),
        workers=workers,
        resources=resources,
    )


def invalidities(
    readout: Readout, ended: Sequence[Ended], *, allow_saturated: bool
) -> tuple[Caveat, ...]:
    """Why the measurement can't be trusted as a whole; empty when it can."""
    found = [*_endings(ended)]
    recorder, load = readout.recorder, readout.plan.scenario.load
    total = recorder.of(range(len(readout.plan.schedule.stages)))
    if total.count == 0:
        found.append(_invalid("no_samples", "not one operation was measured"))
    elif total.errors == total.count:
        found.append(_invalid("all_failed", f"all {total.count:,} operations failed"))
    if dropped := readout.dropped():
        found.append(
            _invalid(
                "dropped",
                f"{dropped:,} arrivals waited longer than {show_duration(load.max_lag_ns)} for a "
                "connection and were never sent: the target can't take this rate with "
                f"{readout.plan.connections} connections",
            )
        )
    if load.model == "open" and readout.generator().saturated and not allow_saturated:
        found.append(_saturation(readout, invalidates=True))
    return tuple(found)


def _endings(ended: Sequence[Ended]) -> list[Caveat]:
    found = []
    for worker in ended:
        kind, _, why = worker.why.partition(": ")
        if kind == "gone":
            message = f"the target was gone for more than 10 s, so the run was ended: {why}"
            found.append(_invalid("target_gone", message))
        elif kind == "died":
            message = f"worker {worker.number} (pid {worker.pid}) died during the run: {why}"
            found.append(_invalid("worker_died", message))
    return found


def _invalid(code: str, message: str) -> Caveat:
    return Caveat(code, message, invalidates=True)


def _saturation(readout: Readout, *, invalidates: bool) -> Caveat:
    health = readout.generator()
    cpu = "unknown" if health.cpu_ratio is None else f"{health.cpu_ratio:.0%} of a core"
    delay = "none" if health.delay_p99_ms is None else show_ms(health.delay_p99_ms)
    if readout.plan.scenario.load.model == "closed":
        why = (
            f"for {readout.recorder.busy_share():.0%} of the load its busiest process had no time "
            f"left, working or waiting for a core (CPU {cpu}), so the rate could have been higher"
        )
    else:
        why = (
            f"its own delay p99 {delay}, CPU {cpu}, {health.saturated_seconds} s without time left"
        )
    message = f"the load generator was the limit: {why}; use more cores or a lower load"
    return Caveat("generator_saturated", message, invalidates)


def caveats(readout: Readout, *, allow_saturated: bool) -> tuple[Caveat, ...]:
    """What makes the numbers less trustworthy without making them invalid."""
    found = []
    load = readout.plan.scenario.load
    health = readout.generator()
    if health.saturated and (load.model == "closed" or allow_saturated):
        found.append(_saturation(readout, invalidates=False))
    if (clamped := readout.recorder.of(range(-1, len(load.stages))).response.clamped) > 0:
        found.append(
            Caveat("clamped", f"{clamped} response times above one hour count as one hour")
        )
    plan = readout.plan
    pooled = load.model == "closed" and plan.connections < pacing.peak_users(plan.schedule)
    if pooled and plan.workers > 1:
        message = (
            f"the {plan.connections} connections are {plan.workers} pools, one in each process: "
            "users wait only for those of their own, longer than for all"
        )
        found.append(Caveat("split_pool", message))
    never = [op.name for op in readout.operations() if op.count == 0]
    if never and readout.total().count:
        found.append(Caveat("never_ran", f"never ran: {', '.join(never)}"))
    if 0 < readout.total().count < 100:
        found.append(
            Caveat("few_samples", f"{readout.total().count} operations are too few for a p99")
        )
    return tuple(found)


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS
