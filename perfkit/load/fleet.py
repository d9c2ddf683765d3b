"""The worker processes of this machine, and the pipes through which they report.

A worker sends raw samples, the parent folds them into histograms: so a worker never pauses for
bookkeeping, its memory does not grow, and nothing needs merging. Workers are forked, which costs
milliseconds, before the parent has any thread or connection.
"""

import contextlib
import math
import multiprocessing
import os
import pickle
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

import psutil

from perfkit.backends.base import Failure
from perfkit.backends.waiting import system_clock
from perfkit.errors import MeasurementError, PerfkitError, TargetError, UsageError
from perfkit.load.worker import Plan, Worker, run_delay_ns
from perfkit.units import NS_PER_MS, NS_PER_S

START_AFTER_NS = 20 * NS_PER_MS  # so that every worker has its starting time before it comes
TICK_S = 0.1
GRACE_NS = NS_PER_S // 2  # an interrupted run ends within a second
KILL_AFTER_S = 2.0  # and one whose worker is stuck (in a statement of SQLite) a little later
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals by which a run is ended early; terminals and `timeout` send them to the whole group."""
_FORK = multiprocessing.get_context("fork")
_VITALS = struct.Struct("3q")


@dataclass(frozen=True, slots=True)
class Vitals:
    """A worker's own state with each delivery: CPU time used and, where known, waited for, in ns."""

    now_ns: int
    cpu_ns: int
    run_delay_ns: int | None


class Receiver(Protocol):
    """Takes what workers measure; `perfkit.load.recorder.Recorder` is one."""

    def begin(self, origin_ns: int) -> None:
        """The load starts at this time."""

    def samples(self, number: int, rows: bytes, vitals: Vitals) -> None:
        """Samples of one worker as the engine packs them."""

    def outcome(
        self, number: int, outcome: int, operation: int | None, failure: Failure, at_ns: int
    ) -> None:
        """A kind of failure that the worker's samples refer to by its number."""

    def stopped(self, now_ns: int) -> None:
        """The load is ended before its time."""

    def worker_ended(self, number: int) -> None:
        """This worker delivers nothing more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended: "done", "stopped", "gone: …" or "died: …"."""

    number: int
    pid: int
    why: str


class Crew(Protocol):
    """Workers that are ready to start."""

    def run(self, tick: Callable[[], None]) -> list[Ended]:
        """Drives the whole load; calls `tick` every TICK_S of this process's time."""

    def stop(self) -> None:
        """Ends the load early: what runs has GRACE_NS to finish."""

    def rss_max_bytes(self, number: int) -> int | None:
        """The most memory that a worker had, None where unknown."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes."""

    @property
    def origin_ns(self) -> int:
        """When the load starts, on the clock of the samples."""

    def now_ns(self) -> int:
        """The time on that clock."""

    def close(self) -> None:
        """Ends whatever still runs."""


def start(plan: Plan, receiver: Receiver) -> Crew:
    """Workers with all connections open. TargetError when the target refuses one."""
    if plan.workload.virtual:
        return Inline(plan, receiver)
    return Fleet(plan, receiver)


class Inline:
    """The only worker of a load on a virtual clock, in this process."""

    origin_ns = 0

    def __init__(self, plan: Plan, receiver: Receiver) -> None:
        self._plan = plan
        self._receiver = receiver
        self._worker = Worker(plan, 0, self)
        self._engine = self._worker.engine
        self._tick: Callable[[], None] = lambda: None
        self._tick_at = 0

    def samples(self, rows: bytes, now_ns: int) -> None:
        self._receiver.samples(0, rows, Vitals(now_ns, 0, None))
        if now_ns >= self._tick_at:
            self._tick_at = now_ns + round(TICK_S * NS_PER_S)
            self._tick()

    def outcome(self, number: int, operation: int | None, failure: Failure, at_ns: int) -> None:
        self._receiver.outcome(0, number, operation, failure, at_ns)

    def run(self, tick: Callable[[], None]) -> list[Ended]:
        self._tick = tick
        why = self._worker.run(self.origin_ns)
        if why != "done":
            self._receiver.stopped(self.now_ns())
        self._receiver.worker_ended(0)
        return [Ended(0, os.getpid(), why)]

    def now_ns(self) -> int:
        return self._engine.clock()

    def stop(self) -> None:
        self._receiver.stopped(self.now_ns())
        self._engine.stop(GRACE_NS)

    def rss_max_bytes(self, number: int) -> int | None:  # noqa: ARG002  there is only this one
        return int(psutil.Process().memory_info().rss)

    @property
    def pids(self) -> tuple[int, ...]:
        return (os.getpid(),)

    def close(self) -> None:
        self._engine.close()


class Fleet:
    """Worker processes, one engine each."""

    def __init__(self, plan: Plan, receiver: Receiver) -> None:
        self.origin_ns = 0
        self._receiver = receiver
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._ended: dict[int, Ended] = {}
        self._rss: dict[int, int] = {}
        self._stopped = False
        self._kill_at = math.inf
        try:
            for number in range(plan.workers):
                self._fork(plan, number)
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def _fork(self, plan: Plan, number: int) -> None:
        ours, theirs = _FORK.Pipe()
        inherited = [*self._pipes, ours]
        process = _FORK.Process(
            target=_main,
            args=(plan, number, theirs, inherited),
            name=f"perfkit-{number}",
            daemon=True,
        )
        process.start()
        theirs.close()
        self._pipes.append(ours)
        self._processes.append(process)

    def _await_ready(self) -> None:
        for number, pipe in enumerate(self._pipes):
            try:
                kind, *details = _message(pipe.recv_bytes())
            except EOFError:
                self._processes[number].join(1)
                raise MeasurementError(
                    f"{self._named(number)} died before the load started"
                ) from None
            if kind == "failed":
                raise _restored(*details)

    def run(self, tick: Callable[[], None]) -> list[Ended]:
        self.origin_ns = system_clock() + START_AFTER_NS
        self._receiver.begin(self.origin_ns)
        for pipe in self._pipes:
            with contextlib.suppress(OSError):  # it died; its pipe will tell
                pipe.send(("go", self.origin_ns))
        numbers = {id(pipe): number for number, pipe in enumerate(self._pipes)}
        next_tick = time.monotonic() + TICK_S
        while len(self._ended) < len(self._pipes):
            waiting = [p for n, p in enumerate(self._pipes) if n not in self._ended]
            for ready in wait(waiting, max(0.0, next_tick - time.monotonic())):
                assert isinstance(ready, Connection)
                self._take(numbers[id(ready)], ready)
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK_S
                self._measure_memory()
                self._kill_stuck()
                tick()
        return [self._ended[number] for number in sorted(self._ended)]

    def _take(self, number: int, pipe: Connection) -> None:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            self._processes[number].join(1)
            killed = time.monotonic() >= self._kill_at
            how = "it was stuck and was killed" if killed else _exit_text(self._processes[number])
            self._end(number, f"died: {how}")
            self.stop()
            return
        if message[:1] == b"S":
            now, cpu, delay = _VITALS.unpack_from(message, 1)
            vitals = Vitals(now, cpu, None if delay < 0 else delay)
            self._receiver.samples(number, message[1 + _VITALS.size :], vitals)
            return
        kind, *details = _message(message)
        if kind == "outcome":
            self._receiver.outcome(number, *details)
        elif kind == "ended":
            self._end(number, details[0])
            if details[0].startswith("gone"):
                self.stop()
        else:
            raise _restored(*details)

    def _end(self, number: int, why: str) -> None:
        self._ended[number] = Ended(number, self._processes[number].pid or 0, why)
        self._receiver.worker_ended(number)

    def _kill_stuck(self) -> None:
        if time.monotonic() >= self._kill_at:
            for number, process in enumerate(self._processes):
                if number not in self._ended:
                    process.kill()

    def _named(self, number: int) -> str:
        process = self._processes[number]
        return f"worker {number} (pid {process.pid}; {_exit_text(process)})"

    def _measure_memory(self) -> None:
        for number, process in enumerate(self._processes):
            with contextlib.suppress(psutil.Error):
                rss = psutil.Process(process.pid).memory_info().rss
                self._rss[number] = max(rss, self._rss.get(number, 0))

    def rss_max_bytes(self, number: int) -> int | None:
        return self._rss.get(number)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid or 0 for process in self._processes)

    def now_ns(self) -> int:
        return system_clock()

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._kill_at = time.monotonic() + KILL_AFTER_S
        self._receiver.stopped(self.now_ns())
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send(("stop", GRACE_NS))

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()  # a worker whose pipe is closed leaves by itself
        for process in self._processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _exit_text(process: BaseProcess) -> str:
    code = process.exitcode
    if code is None:
        return "still running"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _restored(status: int, message: str, hint: str | None) -> PerfkitError:
    """The error that a worker sent, as an error of this process."""
    for kind in (UsageError, TargetError, MeasurementError):
        if kind.status == status:
            return kind(message, hint=hint)
    return PerfkitError(message, hint=hint)


class _PipeSink:
    """Sends what the engine measures to the parent."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def samples(self, rows: bytes, now_ns: int) -> None:
        delay = run_delay_ns()
        vitals = _VITALS.pack(now_ns, time.process_time_ns(), -1 if delay is None else delay)
        self._pipe.send_bytes(b"S" + vitals + rows)

    def outcome(self, number: int, operation: int | None, failure: Failure, at_ns: int) -> None:
        self.tell("outcome", number, operation, failure, at_ns)

    def tell(self, *message: Any) -> None:
        self._pipe.send_bytes(b"M" + pickle.dumps(message))


def _main(plan: Plan, number: int, pipe: Connection, inherited: list[Connection]) -> None:
    """The life of a worker process."""
    for stopping in STOPPING:
        signal.signal(stopping, signal.SIG_IGN)  # the parent decides, and tells through the pipe
    for other in inherited:
        other.close()
    sink = _PipeSink(pipe)
    try:
        worker = Worker(plan, number, sink)
        engine = worker.engine
        sink.tell("ready")
        order, origin_ns = pipe.recv()
        engine.watch(pipe.fileno(), lambda: _obey(engine, pipe))
        # A stop may come before the load was begun.
        began = order == "go"
        sink.tell("ended", worker.run(origin_ns) if began else "stopped")
        engine.close()
    except (EOFError, BrokenPipeError):
        os._exit(1)  # the parent is gone: nobody is left to tell
    except PerfkitError as error:
        _fail(sink, error.status, str(error), error.hint)
    except Exception as error:  # noqa: BLE001  told to the parent, which reports it as a bug
        _fail(sink, PerfkitError.status, f"worker {number}: {type(error).__name__}: {error}", None)
    pipe.close()


def _fail(sink: _PipeSink, status: int, message: str, hint: str | None) -> None:
    with contextlib.suppress(OSError):
        sink.tell("failed", int(status), message, hint)


def _message(data: bytes) -> Any:
    return pickle.loads(data[1:])  # noqa: S301  from our own forked child, through our own pipe


def _obey(engine: Any, pipe: Connection) -> None:
    try:
        _, grace_ns = pipe.recv()
    except EOFError:
        os._exit(1)
    engine.stop(grace_ns)
