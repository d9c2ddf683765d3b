"""The load engine: one loop, many connections, waiting for none of them.

It sends what the load policy says is due, takes the replies as they come and hands on five numbers
for each operation (see Sink). It prints nothing and knows no histogram. The same code runs on
sockets, on SQLite and on a virtual clock: the session brings its own poller and clock.
"""

import heapq
import itertools
import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from perfkit.backends.base import PENDING, Channel, Compiled, ConnectionLostError, Failure, Session
from perfkit.backends.waiting import READ, WRITE
from perfkit.scenario import Retry
from perfkit.units import NS_PER_MS, NS_PER_S

NEVER = 1 << 62
FLUSH_NS = 50 * NS_PER_MS  # how often samples are handed on
GONE_NS = 10 * NS_PER_S  # a target that stays away this long ends the run (contract: exit status)
REOPEN_FIRST_NS = 100 * NS_PER_MS
REOPEN_MOST_NS = NS_PER_S

ROW = struct.Struct("5q")
"""A sample: code, due, ready, start, end in ns; `ready`: due and a connection free."""

OUTCOME_SHIFT, TRIES_SHIFT = 16, 32
MOST_OUTCOMES = 1000
OTHER = Failure("other", "one of more kinds of failure than are told apart")
"""A server may put anything into an error's name: kinds beyond so many are counted as one."""
DROPPED = 0xFFFF
"""The operation number of an arrival that was skipped, not sent; `end` is when it was given up."""


class Sink(Protocol):
    """Where the engine's measurements go."""

    def samples(self, rows: bytes, now_ns: int) -> None:
        """Packed ROWs; code = operation | outcome << 16 | tries << 32; outcome 0 is success."""

    def outcome(self, number: int, operation: int | None, failure: Failure, at_ns: int) -> None:
        """A kind of failure that now has a number; told once, before the samples that use it.

        Number 0 is for what concerns no operation (a connection that can't be reopened), and is
        told each time it happens.
        """


@dataclass(frozen=True, slots=True)
class Rules:
    """What a scenario says of one operation beyond its requests; `think` yields ns, closed load."""

    timeout_ns: int
    retry: Retry
    think: Iterator[int] | None = None


class Slot:
    """A connection and the operation it carries; `op` is None while it carries none."""

    __slots__ = (
        "channel", "due", "flushing", "idle_since", "number", "op", "op_number", "ready", "receive",
        "reopenings", "request", "retry_at", "send", "start", "tries", "turn", "undoing", "until",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.channel: Channel | None = None
        self.send: Callable[[Any], bool]
        self.receive: Callable[[], Any]
        self.op: Compiled | None = None
        self.op_number = 0
        self.request: Any = None
        self.turn = 0
        self.tries = 1
        self.undoing: Failure | None = None
        self.retry_at = 0
        self.flushing = False
        self.due = self.ready = self.start = 0
        self.idle_since = 0
        self.until = 0
        self.reopenings = 0

    def attach(self, channel: Channel) -> None:
        self.channel = channel
        self.send = channel.send
        self.receive = channel.receive
        self.flushing = False


class Policy(Protocol):
    """Decides when a free connection gets its next operation."""

    def free(self, slot: Slot, now: int) -> None:
        """A connection can take an operation: launch one, or remember the connection."""

    def gone(self, slot: Slot, now: int) -> None:
        """A connection broke, and what it carried is over; `free` is called when it is there again."""

    def on_time(self, now: int) -> int:
        """Launches what is due; when to be called again at the latest."""

    def stop(self) -> None:
        """Launch nothing from now on."""

    @property
    def over(self) -> bool:
        """Will nothing more be launched?"""


class Engine:
    """Drives one process's connections through the load; `run` returns why it ended.

    `mix` yields operation numbers; `rules` belong to `session.operations` place by place.
    """

    def __init__(
        self, session: Session, mix: Iterator[int], rules: Sequence[Rules], sink: Sink
    ) -> None:
        self.session = session
        self.clock = session.clock
        self.poller = session.poller
        self.operations = list(session.operations)
        self.rules = list(rules)
        self.policy: Policy
        self.slots: dict[int, Slot] = {}
        self.wake_at = 0
        self.ended: str | None = None
        self._next_operation = mix.__next__
        self._sink = sink
        self._rows = bytearray()
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._shortest_timeout = min(rule.timeout_ns for rule in rules)
        self._expiry_at = NEVER
        self._flush_at = 0
        self._outcomes: dict[tuple[int, str], int] = {}
        self._lost: set[Slot] = set()
        self._all: list[Slot] = []
        self._gone_at = NEVER
        self._gone_why = ""
        self._stop_at = NEVER
        self._random = random.Random(0)
        self._wake_key = self.poller.wake_key
        self._extra: dict[int, Callable[[], None]] = {self._wake_key: self.poller.woken}

    # -- set-up -----------------------------------------------------------------------------------

    def watch(self, descriptor: int, on_ready: Callable[[], None]) -> None:
        """Calls `on_ready` from the loop whenever the descriptor is readable (the control pipe)."""
        self._extra[descriptor] = on_ready
        self.poller.register(descriptor, READ)

    def connect(self, count: int) -> list[Slot]:
        """Opens the connections, blocking. TargetError from the first that can't be opened."""
        for number in range(count):
            slot = Slot(number)
            self._attach(slot, self.session.open())
            self._all.append(slot)
        return self._all

    def _attach(self, slot: Slot, channel: Channel) -> None:
        slot.attach(channel)
        self.slots[channel.key] = slot
        self.poller.register(channel.key, READ)

    def at(self, when: int, action: Callable[[int], None]) -> None:
        """Calls `action(now)` from the loop at that time."""
        heapq.heappush(self._timers, (when, next(self._order), action))
        self.wake_by(when)

    def wake_by(self, when: int) -> None:
        """The loop looks at timers and at the policy by then."""
        self.wake_at = min(self.wake_at, when)

    # -- the loop ---------------------------------------------------------------------------------

    def run(self) -> str:
        """Runs until the load is over and every operation is accounted for; "done", "stopped", "gone: …"."""
        for slot in self._all:
            self.policy.free(slot, 0)  # since ever: a start that is late is the generator's delay
        now = self.clock()
        self._flush_at = now
        while self.ended is None:
            if now >= self.wake_at:
                self._on_time(now)
                continue_at = self.clock()
                if self.ended is not None:
                    break
                now = continue_at
            now = self._take(self.poller.wait(self.wake_at - now))
        self._flush(self.clock())
        return self.ended

    def _take(self, ready: list[tuple[int, int]]) -> int:
        """Takes the replies that are there; the time. Everything measured passes through here."""
        clock, slots, rows, pack, free = (
            self.clock, self.slots, self._rows, ROW.pack, self.policy.free,
        )  # fmt: skip
        now = 0
        for key, events in ready:
            slot = slots.get(key)
            if slot is None:
                self._extra.get(key, _nothing)()
                continue
            try:
                if slot.flushing and events & WRITE:
                    self._flush_request(slot)
                receive = slot.receive  # Python finds what it calls faster in a name than in a slot
                reply = receive()
            except ConnectionLostError as error:
                self._lose(slot, str(error))
                continue
            if reply is PENDING or (op := slot.op) is None:
                continue
            judge = op.judge
            if judge is None:
                self._turn(slot, op, reply)
                continue
            now = clock()
            if (failure := judge(reply)) is None and slot.tries == 1:
                rows += pack(slot.op_number, slot.due, slot.ready, slot.start, now)
                slot.op = None
                free(slot, now)
            else:
                self._judged(slot, failure, now)
        return now or clock()

    def _on_time(self, now: int) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now:
            heapq.heappop(timers)[2](now)
        if now >= self._expiry_at:
            self._expire(now)
        next_launch = self.policy.on_time(now)
        if now >= self._flush_at:
            self._flush(now)
        self.wake_at = min(
            next_launch, self._flush_at, self._expiry_at, timers[0][0] if timers else NEVER
        )
        self._end_if_due(now)

    def _end_if_due(self, now: int) -> None:
        if now >= self._gone_at and len(self._lost) == len(self._all):
            self.ended = f"gone: {self._gone_why}"
        elif now >= self._stop_at:
            self._abandon_all(now)
            self.ended = "stopped"
        elif self.policy.over and not any(slot.op for slot in self._all):
            self.ended = "stopped" if self._stop_at != NEVER else "done"

    def _flush(self, now: int) -> None:
        self._sink.samples(bytes(self._rows), now)
        self._rows.clear()
        self._flush_at = now + FLUSH_NS

    # -- an operation's way -----------------------------------------------------------------------

    def launch(self, slot: Slot, due: int, ready: int) -> None:
        """Starts the next operation of the mix on a free connection."""
        number = self._next_operation()
        slot.op_number = number
        slot.op = op = self.operations[number]
        slot.due = due
        slot.ready = ready
        slot.tries = 1
        make, send, clock = op.make, slot.send, self.clock
        slot.request = request = make()
        slot.start = clock()
        if op.turns:
            slot.turn = 0
            request = request[0]
        try:
            if send(request):
                self._wait_for_room(slot)
        except ConnectionLostError as error:
            self._lose(slot, str(error))
        if self._expiry_at == NEVER:
            self._expiry_at = slot.start + self._shortest_timeout
            self.wake_by(self._expiry_at)

    def _send(self, slot: Slot, request: Any) -> None:
        try:
            if slot.send(request):
                self._wait_for_room(slot)
        except ConnectionLostError as error:
            self._lose(slot, str(error))

    def _wait_for_room(self, slot: Slot) -> None:
        assert slot.channel is not None
        slot.flushing = True
        self.poller.modify(slot.channel.key, READ | WRITE)

    def _flush_request(self, slot: Slot) -> None:
        assert slot.channel is not None
        if not slot.channel.flush():
            slot.flushing = False
            self.poller.modify(slot.channel.key, READ)

    def _turn(self, slot: Slot, op: Compiled, reply: Any) -> None:
        """A reply within a transaction: go on with its next request, undo it, or finish."""
        turn = slot.turn + 1
        if slot.undoing is not None:
            failure, slot.undoing = slot.undoing, None
            self._judged(slot, failure, self.clock())
            return
        # Nobody asks when the replies before the last one came.
        now = self.clock() if turn == len(slot.request) else None
        failed = op.judges[turn - 1](reply)
        if failed is None and now is None:
            slot.turn = turn
            self._send(slot, slot.request[turn])
        elif failed is not None and op.undo is not None:
            slot.undoing = failed
            self._send(slot, op.undo)
        else:
            self._judged(slot, failed, self.clock() if now is None else now)

    def _judged(self, slot: Slot, failure: Failure | None, now: int) -> None:
        """An operation came out: try it again where that may help, else record it."""
        retry = self.rules[slot.op_number].retry
        if failure is None or not failure.retryable or slot.tries >= retry.tries:
            self._finish(slot, failure, now)
            self.policy.free(slot, now)
            return
        if retry.wait_ns == 0:
            self._again(slot)
            return
        most = retry.wait_ns << min(slot.tries - 1, 10)
        slot.retry_at = now + most // 2 + self._random.randrange(most // 2 + 1)
        self.at(slot.retry_at, lambda when: self._retry(slot, when))

    def _retry(self, slot: Slot, now: int) -> None:
        if slot.op is not None and 0 < slot.retry_at <= now:  # not timed out or lost meanwhile
            self._again(slot)

    def _again(self, slot: Slot) -> None:
        slot.retry_at = slot.turn = 0
        slot.tries += 1
        assert slot.op is not None
        self._send(slot, slot.request[0] if slot.op.turns else slot.request)

    def _finish(self, slot: Slot, failure: Failure | None, now: int) -> None:
        outcome = 0 if failure is None else self._outcome(slot.op_number, failure, now)
        code = slot.op_number | outcome << OUTCOME_SHIFT | slot.tries << TRIES_SHIFT
        self._rows += ROW.pack(code, slot.due, slot.ready, slot.start, now)
        slot.op = slot.undoing = None
        slot.retry_at = 0

    def dropped(self, due: int, now: int) -> None:
        """Records an arrival that waited longer than the load allows and was never sent."""
        self._rows += ROW.pack(DROPPED, due, now, now, now)

    def _outcome(self, operation: int, failure: Failure, now: int) -> int:
        kind = (operation, failure.error_class)
        number = self._outcomes.get(kind)
        if number is None:
            if len(self._outcomes) >= MOST_OUTCOMES and failure != OTHER:
                return self._outcome(operation, OTHER, now)
            number = self._outcomes[kind] = len(self._outcomes) + 1
            self._sink.outcome(number, operation, failure, now)
        return number

    # -- what goes wrong --------------------------------------------------------------------------

    def _expire(self, now: int) -> None:
        """Ends operations over their time limit.

        A scan of all connections, but rare: whatever starts after a scan can't be due before the
        shortest limit has passed, so the next scan is at the earlier of that and the first deadline.
        """
        self._expiry_at = now + self._shortest_timeout
        for slot in self._all:
            if slot.op is None:
                continue
            limit = self.rules[slot.op_number].timeout_ns
            if slot.start + limit <= now:
                self._give_up(slot, Failure("timeout", f"no answer within {limit / 1e9:g} s"), now)
                self._reopen(slot, now)
            else:
                self._expiry_at = min(self._expiry_at, slot.start + limit)

    def _give_up(self, slot: Slot, failure: Failure, now: int) -> None:
        self._finish(slot, failure, now)
        self._detach(slot).abandon()

    def _abandon_all(self, now: int) -> None:
        for slot in self._all:
            if slot.op is not None:
                self._give_up(slot, Failure("unfinished", "cut off when the run was ended"), now)

    def _detach(self, slot: Slot) -> Channel:
        channel = slot.channel
        assert channel is not None
        self.poller.unregister(channel.key)
        self.slots.pop(channel.key, None)
        slot.channel = None
        return channel

    def _lose(self, slot: Slot, why: str) -> None:
        """A connection broke: an error of the operation it carried, and a new connection."""
        now = self.clock()
        if slot.op is not None:
            self._finish(slot, Failure("connection_lost", why), now)
        self._detach(slot).close()
        self._gone_why = why
        self._reopen(slot, now)

    def _reopen(self, slot: Slot, now: int) -> None:
        self._lost.add(slot)
        self.policy.gone(slot, now)
        if len(self._lost) == len(self._all) and self._gone_at == NEVER:
            self._gone_at = now + GONE_NS
            self.at(self._gone_at, _nothing_at)
        self.poller.background(self.session.open, lambda result: self._reopened(slot, result))

    def _reopened(self, slot: Slot, result: Any) -> None:
        now = self.clock()
        if isinstance(result, Exception):
            self._gone_why = str(result)
            self._sink.outcome(0, None, Failure("connect", str(result)), now)
            self._open_later(slot, now)
            return
        self._lost.discard(slot)
        self._gone_at = NEVER
        slot.reopenings = 0
        self._attach(slot, result)
        self.policy.free(slot, now)

    def _open_later(self, slot: Slot, now: int) -> None:
        wait = min(REOPEN_MOST_NS, REOPEN_FIRST_NS << slot.reopenings)
        slot.reopenings = min(slot.reopenings + 1, 10)
        wait = wait // 2 + self._random.randrange(wait // 2)

        def reopen(_: int) -> None:
            self.poller.background(self.session.open, lambda result: self._reopened(slot, result))

        self.at(now + wait, reopen)

    # -- the end ----------------------------------------------------------------------------------

    def stop(self, grace_ns: int) -> None:
        """Launches nothing more; what is not answered after the grace is recorded as unfinished."""
        self.policy.stop()
        self._stop_at = self.clock() + grace_ns
        self.at(self._stop_at, _nothing_at)
        self.wake_by(self.clock())

    def close(self) -> None:
        """Closes all connections."""
        for slot in self._all:
            if slot.channel is not None:
                self._detach(slot).close()
        self.session.close()
        self.poller.close()


def _nothing() -> None:
    """A descriptor that was closed between the poll and now."""


def _nothing_at(_: int) -> None:
    """A timer that only wakes the loop."""
