"""What was measured: from the workers' raw samples to histograms and a row a second.

The parent process owns the only recorder. Its memory grows with operations × stages and by one
short row a second, not with the number of samples.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from perfkit.backends.base import Failure
from perfkit.load.engine import DROPPED, OUTCOME_SHIFT, ROW, TRIES_SHIFT
from perfkit.load.fleet import Vitals
from perfkit.load.histogram import Histogram
from perfkit.load.pacing import WARMUP, Schedule
from perfkit.units import NS_PER_MS, NS_PER_S

Rows = npt.NDArray[np.int64]
Interval = Callable[[int, int, npt.NDArray[np.int64]], None]
"""(second, operation, response times in ns): each finished second's samples, for an interval log."""

_BUSY_RATIO = 0.95  # of a core: no time left
_LATE_NS = 2 * NS_PER_MS
_FOLD_ROWS = 16_384  # folding few rows costs almost as much as folding many
_COLUMNS = ROW.size // 8


@dataclass(slots=True)
class Cell:
    """The samples of one operation in one stage."""

    count: int = 0
    errors: int = 0
    tries: int = 0
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)

    def add(self, batch: "_Batch") -> None:
        """Records the samples."""
        self.count += len(batch.code)
        self.errors += batch.errors
        # A first success is packed without its number of tries: 0 means 1.
        self.tries += int(np.maximum(batch.code >> TRIES_SHIFT, 1).sum())
        self.response.add(batch.end - batch.due)
        self.service.add(batch.end - batch.start)
        self.lag.add(batch.start - batch.due)

    def merge(self, other: "Cell") -> None:
        """Adds the other's samples."""
        self.count += other.count
        self.errors += other.errors
        self.tries += other.tries
        for name in ("response", "service", "lag"):
            getattr(self, name).merge(getattr(other, name))


@dataclass(frozen=True, slots=True)
class Second:
    """A finished second, counted from the start of the load proper, by time of completion."""

    number: int
    count: int
    errors: int
    dropped: int
    p50_ns: int | None
    p99_ns: int | None


@dataclass(slots=True)
class ErrorCount:
    """A kind of failure: of an operation, or of none (a connection that could not be opened)."""

    operation: int | None
    error_class: str
    message: str
    count: int = 0
    first_ns: int = 0

    def add(self, count: int, first_ns: int) -> None:
        """Counts failures of which the first came at this time, after the warm-up."""
        self.first_ns = min(self.first_ns, first_ns) if self.count else first_ns
        self.count += count


@dataclass(slots=True)
class _Worker:
    count: int = 0
    first: Vitals | None = None
    last: Vitals | None = None
    ended: bool = False
    outcomes: dict[int, tuple[int | None, str]] = field(default_factory=dict)
    busy_ns: int = 0
    busy_seconds: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _OpenSecond:
    response: Histogram = field(default_factory=Histogram)
    errors: int = 0
    dropped: int = 0
    by_operation: dict[int, list[Rows]] = field(default_factory=dict)

    def add(self, batch: "_Batch", *, by_operation: bool) -> None:
        response = batch.end - batch.due
        self.response.add(response)
        self.errors += batch.errors
        if by_operation:
            for number in _distinct(batch.operation):
                part = response[batch.operation == number]
                self.by_operation.setdefault(number, []).append(part)

    def closed(self, number: int) -> Second:
        response = self.response
        percentiles = response.percentile_ns(50), response.percentile_ns(99)
        return Second(number, response.count, self.errors, self.dropped, *percentiles)


class Recorder:
    """Folds samples as they come; `finish` before the last reading.

    Inside, times count from the origin (`begin`): the start of the warm-up, where there is one.
    `told_ns` is the time up to which every worker has delivered, as of the last `close_seconds`.
    """

    def __init__(self, operations: int, schedule: Schedule, workers: int) -> None:
        self.interval: Interval | None = None
        self.cells: dict[tuple[int, int], Cell] = {}
        self.dropped: dict[int, int] = {}
        self.delay = Histogram()
        self.seconds: list[Second] = []
        self.errors: dict[tuple[int | None, str], ErrorCount] = {}
        self.last_end_ns: dict[int, int] = {}
        self.started_in_load = 0
        self.stopped_ns: int | None = None
        self.told_ns = 0
        self._operations = operations
        self._origin_ns = 0
        self._load_starts_ns = schedule.warmup_ns
        self._load_ends_ns = schedule.end_ns if schedule.end_ns is not None else 1 << 62
        self._stage_starts = np.array([stage.start_ns for stage in schedule.stages], np.int64)
        self._workers = [_Worker() for _ in range(workers)]
        self._buffered: list[bytes] = []
        self._buffered_rows = 0
        self._open: dict[int, _OpenSecond] = {}
        self._service_ns: Counter[int] = Counter()

    def begin(self, origin_ns: int) -> None:
        """Where the samples' times count from."""
        self._origin_ns = origin_ns

    def stopped(self, now_ns: int) -> None:
        """The load was ended at this time, before its schedule was."""
        if self.stopped_ns is None:
            self.stopped_ns = now_ns - self._origin_ns

    # -- what comes in ----------------------------------------------------------------------------

    def samples(self, number: int, rows: bytes, vitals: Vitals) -> None:
        """Takes a worker's samples."""
        worker = self._workers[number]
        if rows:
            self._watch_generator(worker, vitals, rows)
            self._count(worker, rows)
            self._buffered.append(rows)
            self._buffered_rows += len(rows) // ROW.size
        worker.last = vitals
        worker.first = worker.first or vitals
        if self._buffered_rows >= _FOLD_ROWS:
            self.fold()

    def _count(self, worker: _Worker, rows: bytes) -> None:
        """Counts operations and failures here, because outcome numbers are each worker's own."""
        code, due, *_, end = np.frombuffer(rows, np.int64).reshape(-1, _COLUMNS).T
        worker.count += int(np.count_nonzero(code & 0xFFFF != DROPPED))
        outcomes = (code >> OUTCOME_SHIFT) & 0xFFFF
        starts_ns = self._origin_ns + self._load_starts_ns
        failed = np.flatnonzero((outcomes > 0) & (due >= starts_ns))
        for outcome in _distinct(outcomes[failed]):
            ends = end[failed[outcomes[failed] == outcome]]
            self.errors[worker.outcomes[outcome]].add(len(ends), int(ends.min()) - starts_ns)

    def outcome(
        self, number: int, outcome: int, operation: int | None, failure: Failure, at_ns: int
    ) -> None:
        """Learns what an outcome number of a worker means; number 0 counts at once."""
        kind = (operation, failure.error_class)
        known = self.errors.setdefault(
            kind, ErrorCount(operation, failure.error_class, failure.message)
        )
        since_ns = at_ns - self._origin_ns - self._load_starts_ns
        if outcome:
            self._workers[number].outcomes[outcome] = kind
        elif since_ns >= 0:
            known.add(1, since_ns)

    def _watch_generator(self, worker: _Worker, now: Vitals, rows: bytes) -> None:
        """Was the worker the limit in this interval: no time left, and arrivals late at its end?

        Time spent waiting for a core counts as time that was not left.
        """
        before = worker.last
        if before is None or now.now_ns <= before.now_ns:
            return
        _, due, _, start, _ = ROW.unpack_from(rows, len(rows) - ROW.size)
        since_ns = now.now_ns - self._origin_ns - self._load_starts_ns
        if since_ns < 0 or _busy(before, now) < _BUSY_RATIO:
            return
        worker.busy_ns += now.now_ns - before.now_ns
        if start - due > _LATE_NS:
            worker.busy_seconds.add(since_ns // NS_PER_S)

    # -- folding ----------------------------------------------------------------------------------

    def fold(self) -> None:
        """Brings what was buffered into the histograms."""
        if not self._buffered:
            return
        block = np.frombuffer(b"".join(self._buffered), np.int64).reshape(-1, _COLUMNS).T
        self._buffered.clear()
        self._buffered_rows = 0
        code, times = block[0], block[1:] - self._origin_ns
        stage = np.searchsorted(self._stage_starts, times[0], "right") - 1
        operation = code & 0xFFFF
        sent = operation != DROPPED
        if not sent.all():
            self._fold_dropped(stage[~sent], times[3][~sent])
            code, times, stage, operation = code[sent], times[:, sent], stage[sent], operation[sent]
        if len(code):
            batch = _Batch(stage, operation, code, *np.ascontiguousarray(times))
            self._fold_cells(batch)
            self._fold_seconds(batch.only(stage != WARMUP))

    def _fold_cells(self, batch: "_Batch") -> None:
        groups = (batch.stage + 1) * self._operations + batch.operation
        for group in _distinct(groups):
            stage, operation = group // self._operations - 1, group % self._operations
            part = batch.only(groups == group)
            self.cells.setdefault((stage, operation), Cell()).add(part)
            self.last_end_ns[stage] = max(self.last_end_ns.get(stage, 0), int(part.end.max()))

    def _fold_seconds(self, batch: "_Batch") -> None:
        self.delay.add(batch.start - batch.ready)
        self.started_in_load += int(np.count_nonzero(batch.start < self._load_ends_ns))
        seconds = (batch.end - self._load_starts_ns) // NS_PER_S
        self._spread_service(batch, seconds)
        for number in _distinct(seconds):
            part = batch.only(seconds == number)
            self._open.setdefault(number, _OpenSecond()).add(
                part, by_operation=self.interval is not None
            )

    def _spread_service(self, batch: "_Batch", ends_in: Rows) -> None:
        """Divides the service times among the seconds over which they stretch; most have but one."""
        start, end = batch.start - self._load_starts_ns, batch.end - self._load_starts_ns
        starts_in = start // NS_PER_S
        while len(start):
            from_ns = np.maximum(start, ends_in * NS_PER_S)
            for number in _distinct(ends_in):
                self._service_ns[number] += int((end - from_ns)[ends_in == number].sum())
            goes_on = starts_in < ends_in
            start, starts_in = start[goes_on], starts_in[goes_on]
            end, ends_in = from_ns[goes_on], ends_in[goes_on] - 1

    def _fold_dropped(self, stage: Rows, end: Rows) -> None:
        for index, count in zip(*np.unique(stage, return_counts=True), strict=True):
            self.dropped[int(index)] = self.dropped.get(int(index), 0) + int(count)
        seconds = (end[stage != WARMUP] - self._load_starts_ns) // NS_PER_S
        for number, count in zip(*np.unique(seconds, return_counts=True), strict=True):
            self._open.setdefault(int(number), _OpenSecond()).dropped += int(count)

    # -- what goes out ----------------------------------------------------------------------------

    def close_seconds(self) -> None:
        """Finishes the seconds for which every worker has delivered; a row for each, none left out."""
        self.fold()
        running = [worker.last for worker in self._workers if not worker.ended]
        if running and all(running):
            self.told_ns = min(vitals.now_ns for vitals in running if vitals) - self._origin_ns
            self._close_until((self.told_ns - self._load_starts_ns) // NS_PER_S)

    def _close_until(self, until: int) -> None:
        for number in range(len(self.seconds), until):
            second = self._open.pop(number, None) or _OpenSecond()
            if self.interval is not None:
                for operation, parts in sorted(second.by_operation.items()):
                    self.interval(number, operation, np.concatenate(parts))
            self.seconds.append(second.closed(number))

    def worker_ended(self, number: int) -> None:
        """No second waits for this worker any more."""
        self._workers[number].ended = True

    def finish(self) -> None:
        """Folds and closes everything."""
        self.fold()
        self._close_until(max(self._open, default=-1) + 1)

    def of(self, stages: Collection[int], operation: int | None = None) -> Cell:
        """The samples of an operation (None: of all) in these stages, merged into a new cell."""
        merged = Cell()
        for (stage, number), cell in self.cells.items():
            if stage in stages and operation in {None, number}:
                merged.merge(cell)
        return merged

    def in_flight(self, second: int) -> float:
        """The mean number of operations that the server was working on, as far as they are known."""
        return self._service_ns[second] / NS_PER_S

    def worker_count(self, number: int) -> int:
        """Operations that a worker sent, warm-up included."""
        return self._workers[number].count

    def cpu_ratio(self, number: int) -> float | None:
        """The share of a core that a worker used while it ran; None where it was not measured."""
        first, last = self._workers[number].first, self._workers[number].last
        if first is None or last is None or last.now_ns <= first.now_ns or last.cpu_ns == 0:
            return None
        return (last.cpu_ns - first.cpu_ns) / (last.now_ns - first.now_ns)

    def busy_share(self) -> float:
        """For which part of the load the busiest worker had no time left."""
        starts_ns = self._origin_ns + self._load_starts_ns
        spans = [(w.busy_ns, w.last.now_ns - starts_ns) for w in self._workers if w.last]
        return max((busy_ns / span_ns for busy_ns, span_ns in spans if span_ns > 0), default=0.0)

    @property
    def busy_seconds(self) -> int:
        """Seconds in which some worker had no time left and arrivals were late."""
        return len(set[int]().union(*(worker.busy_seconds for worker in self._workers)))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Samples column by column; times in ns from the origin."""

    stage: Rows
    operation: Rows
    code: Rows
    due: Rows
    ready: Rows
    start: Rows
    end: Rows

    def only(self, mask: npt.NDArray[np.bool_]) -> "_Batch":
        if mask.all():
            return self
        return _Batch(*(getattr(self, column.name)[mask] for column in fields(self)))

    @property
    def errors(self) -> int:
        return int(np.count_nonzero((self.code >> OUTCOME_SHIFT) & 0xFFFF))


def _distinct(numbers: Rows) -> list[int]:
    """The different numbers in order: they are few and close to each other, which `np.unique` can't know.

    For 4,000 of them 15 µs instead of 60.
    """
    if not len(numbers):
        return []
    low = int(numbers.min())
    found: list[int] = (np.flatnonzero(np.bincount(numbers - low)) + low).tolist()
    return found


def _busy(before: Vitals, now: Vitals) -> float:
    waited = (now.run_delay_ns or 0) - (before.run_delay_ns or 0)
    return (now.cpu_ns - before.cpu_ns + waited) / (now.now_ns - before.now_ns)
