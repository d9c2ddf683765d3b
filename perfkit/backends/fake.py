"""A server that exists only as a script, on a clock that costs no time.

    fake://?latency=2ms&stall=1s/10s&error=1%

Whoever writes a scenario can try it out at once, a minute's load in a second; the engine's tests
use it to be exact to the nanosecond. Every kind of operation is taken, nothing is stored, and an
`expect` always holds. Parameters of the URL, of which `latency` and `error` may also be given for
one operation (`latency.read=5ms`):

    latency      2ms, uniform:1ms..5ms, or exponential:2ms      (default 1ms)
    error        the share of operations that fail              (default 0)
    retryable    yes: these failures may be tried again, as a deadlock may
    stall        1s/10s: the server stands still for the last second of every ten
    concurrency  how many operations it works on at a time; further ones queue
    lose         the share of operations whose connection breaks
    down         20s..25s: away in between: connections break, none can be opened
    seed         of latencies and errors                        (default 1)
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from perfkit import units
from perfkit.backends.base import (
    PENDING,
    Bound,
    Compiled,
    ConnectionLostError,
    Failure,
    Missing,
    Target,
)
from perfkit.backends.waiting import Clock, Poller, VirtualClock, VirtualPoller
from perfkit.errors import TargetError, UsageError
from perfkit.results import TargetInfo
from perfkit.scenario import Data, Operation, SetupStatement

NEVER = 1 << 62
Draw = Callable[[random.Random], int]


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does; times in ns, `down` as (start, end), `stall` as (length, period)."""

    latency: dict[str, Draw]
    error: dict[str, float]
    stall: tuple[int, int] | None = None
    down: tuple[int, int] = (NEVER, NEVER)
    concurrency: int | None = None
    lose: float = 0.0
    retryable: bool = False
    seed: int = 1

    def done_at(self, start: int, work: int) -> int:
        """When work that starts then is done: the server does nothing while it stalls."""
        if self.stall is None:
            return start + work
        length, period = self.stall
        awake = period - length
        rounds, into = divmod(start, period)
        worked = rounds * awake + min(into, awake) + work
        rounds, into = divmod(worked, awake)
        if into == 0 and work > 0:  # done at the very moment at which a stall begins
            return (rounds - 1) * period + awake
        return rounds * period + into


def open_target(url: str) -> Target:
    """A target that does what the URL's parameters say. UsageError names a bad one."""
    script = _script(url)
    info = TargetInfo("fake", url, None, {})
    nothing = Missing("server metrics", "fake:// has no server")
    return Target(info, "fake", local=True, workload=FakeWorkload(script), metrics=nothing)


def _script(url: str) -> Script:
    known: dict[str, Callable[[str], Any]] = {
        "stall": _stall,
        "down": _down,
        "concurrency": _count,
        "lose": units.ratio,
        "retryable": lambda text: {"yes": True, "no": False}[text],
        "seed": int,
    }
    fields: dict[str, Any] = {"latency": {"": _latency("1ms")}, "error": {"": 0.0}}
    for key, text in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        name, _, operation = key.partition(".")
        try:
            if name == "latency":
                fields["latency"][operation] = _latency(text)
            elif name == "error":
                fields["error"][operation] = units.ratio(text)
            elif key in known:
                fields[key] = known[key](text)
            else:
                raise ValueError(f"unknown; known are latency, error, {', '.join(known)}")
        except (ValueError, KeyError) as error:
            raise UsageError(f"fake://: {key}={text}: {error}") from error
    return Script(**fields)


def _latency(text: str) -> Draw:
    kind, _, rest = text.rpartition(":")
    if kind == "uniform":
        low, high = (units.duration_ns(part) for part in rest.split("..", 1))
        return lambda rng: rng.randint(low, high)
    mean = units.duration_ns(rest)
    if kind == "exponential":
        return lambda rng: round(rng.expovariate(1 / mean))
    if kind:
        raise ValueError("write 2ms, uniform:1ms..5ms or exponential:2ms")
    return lambda _: mean


def _stall(text: str) -> tuple[int, int]:
    length, separator, period = text.partition("/")
    if not separator or units.duration_ns(length) >= units.duration_ns(period):
        raise ValueError("write a length and a longer period, as in 1s/10s")
    return units.duration_ns(length), units.duration_ns(period)


def _down(text: str) -> tuple[int, int]:
    start, separator, end = text.partition("..")
    if not separator:
        raise ValueError("write two times, as in 20s..25s")
    return units.duration_ns(start), units.duration_ns(end) if end else NEVER


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise ValueError("at least 1")
    return count


@dataclass
class FakeServer:
    """Works on requests as its script says, and announces when they are done."""

    script: Script
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.poller = VirtualPoller(self.clock)
        self.random = random.Random(self.script.seed)
        self.keys = itertools.count(1)
        self.served = 0
        self._free_at = [0] * (self.script.concurrency or 0)

    def take(self, operation: str, key: int) -> tuple[int, Any]:
        """Starts a request; when it is done, and with which reply."""
        script, rng = self.script, self.random
        work = script.latency.get(operation, script.latency[""])(rng)
        start = now = self.clock()
        if self._free_at:
            start = max(now, heapq.heappop(self._free_at))
        done = script.done_at(start, work)
        if self._free_at or script.concurrency:
            heapq.heappush(self._free_at, done)
        self.served += 1
        self.poller.announce_at(done, key)
        failed = rng.random() < script.error.get(operation, script.error[""])
        failure = Failure("fake_error", "the script says so", script.retryable)
        return done, failure if failed else None


class FakeChannel:
    """A connection to the fake server; a request is just the operation's name."""

    def __init__(self, server: FakeServer) -> None:
        self.key = next(server.keys)
        self._server = server
        self._reply: Any = PENDING
        self._done_at = NEVER
        self._breaks = False
        down, until = server.script.down
        if server.clock() < until < NEVER or server.clock() < down:
            server.poller.announce_at(max(down, server.clock()), self.key)

    def send(self, request: str) -> bool:
        self._break_if_down()
        self._done_at, self._reply = self._server.take(request, self.key)
        self._breaks = self._server.random.random() < self._server.script.lose
        return False

    def flush(self) -> bool:
        return False

    def receive(self) -> Any:
        self._break_if_down()
        if self._server.clock() < self._done_at:
            return PENDING
        if self._breaks:
            raise ConnectionLostError("the script says so")
        self._done_at = NEVER
        reply, self._reply = self._reply, PENDING
        return reply

    def _break_if_down(self) -> None:
        start, end = self._server.script.down
        if start <= self._server.clock() < end:
            raise ConnectionLostError("the server went away, as the script says")

    def abandon(self) -> None: ...

    def close(self) -> None: ...


class FakeSession:
    """The operations of a scenario on one fake server."""

    def __init__(self, script: Script, operations: Iterable[Bound]) -> None:
        self.server = FakeServer(script)
        self.clock: Clock = self.server.clock
        self.poller: Poller = self.server.poller
        self.operations: Sequence[Compiled] = [_compiled(bound) for bound in operations]

    def open(self) -> FakeChannel:
        start, end = self.server.script.down
        if start <= self.clock() < end:
            raise TargetError("fake://: the server is away, as the script says")
        return FakeChannel(self.server)

    def close(self) -> None: ...


def _compiled(bound: Bound) -> Compiled:
    name, draw = bound.operation.name, bound.draw

    items = range(bound.operation.batch)

    def make() -> str:
        for _ in items:  # values are made as for any server, so that one seed means one sequence
            draw()
        return name

    turns = _turns(bound.operation)
    if turns == 1:
        return Compiled(name, make, _judge)
    return Compiled(
        name,
        lambda: [make(), *[name] * (turns - 1)],
        None,
        turns=True,
        judges=[_judge] * turns,
        undo=name if bound.operation.transaction else None,
    )


def _turns(operation: Operation) -> int:
    """How many requests the operation is, one after the other."""
    if operation.transaction:
        return len(operation.transaction) + 2  # begin and commit
    if operation.redis:
        return 1 if operation.pipeline else len(operation.redis)
    several = operation.mongo if isinstance(operation.mongo, tuple) else operation.statements
    return len(several or (None,))


def _judge(reply: Failure | None) -> Failure | None:
    return reply


class FakeWorkload:
    """Takes any operation, keeps no data."""

    max_workers: int | None = 1
    channel_per_worker = False
    virtual = True

    def __init__(self, script: Script) -> None:
        self._script = script

    def problem(self, operation: Operation) -> str | None:  # noqa: ARG002  takes all
        return None

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:  # noqa: ARG002  takes all
        return []

    def writes(self, operation: Operation) -> bool:  # noqa: ARG002  nothing is stored
        return False

    def describe_data(self, data: Data) -> str:
        return f"pretend to make the dataset {data.use}"

    def make_data(self, data: Data) -> bool:  # noqa: ARG002  nothing is stored
        return True

    def drop_data(self, data: Data) -> None: ...

    def freshen_data(self, data: Data) -> None: ...

    def run_statements(self, statements: Sequence[SetupStatement]) -> None: ...

    def session(self, operations: Sequence[Bound]) -> FakeSession:
        return FakeSession(self._script, operations)
