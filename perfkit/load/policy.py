"""The two load models: users who wait for their answers, and arrivals that wait for nobody."""

from collections import deque
from collections.abc import Iterator, Sequence

from perfkit.load.engine import NEVER, Engine, Slot

Span = tuple[int, int | None]


class OpenArrivals:
    """Open model: an operation is due at each arrival, whatever the server does.

    The backlog needs no memory: arrivals come in order, so it is those between `next_due` and now.
    An arrival that has waited for a connection longer than `max_lag_ns` is skipped and counted, and
    so is what a warm-up leaves waiting: the load proper must not begin with its backlog.
    """

    def __init__(
        self,
        engine: Engine,
        arrivals: Iterator[int],
        max_lag_ns: int,
        load_starts_ns: int | None = None,
    ) -> None:
        self._engine = engine
        self._arrivals = arrivals
        self._max_lag_ns = max_lag_ns
        self._idle: deque[Slot] = deque()
        self._next_due = next(arrivals, NEVER)
        if load_starts_ns is not None:
            engine.at(load_starts_ns, lambda now: self._drop_until(load_starts_ns - 1, now))

    def free(self, slot: Slot, now: int) -> None:
        due = self._next_due
        if due <= now - self._max_lag_ns:
            due = self._skip(now)
        if due <= now and not self._idle:
            self._next_due = next(self._arrivals, NEVER)
            self._engine.launch(slot, due, now)
        else:
            slot.idle_since = now
            self._idle.append(slot)
            self._engine.wake_by(due)

    def gone(self, slot: Slot) -> None:
        if slot in self._idle:
            self._idle.remove(slot)

    def on_time(self, now: int) -> int:
        idle = self._idle
        while idle and self._next_due <= now:
            slot = idle.popleft()
            due = self._next_due
            self._next_due = next(self._arrivals, NEVER)
            self._engine.launch(slot, due, max(due, slot.idle_since))
        if not idle:
            return self._skip(now) + self._max_lag_ns
        return self._next_due

    def _skip(self, now: int) -> int:
        self._drop_until(now - self._max_lag_ns, now)
        return self._next_due

    def _drop_until(self, due: int, now: int) -> None:
        while self._next_due <= due:
            self._engine.dropped(self._next_due, now)
            self._next_due = next(self._arrivals, NEVER)

    def stop(self) -> None:
        self._arrivals = iter(())
        self._next_due = NEVER

    @property
    def over(self) -> bool:
        return self._next_due == NEVER


class ClosedUsers:
    """Closed model: each user sends, waits for the answer, thinks, and sends again.

    A connection is a user; `spans[n]` says when user n is active. `iterations` bounds the operations
    of all users of this process that are due from `counted_from` on.
    """

    def __init__(
        self,
        engine: Engine,
        spans: Sequence[Sequence[Span]],
        iterations: int | None = None,
        counted_from: int = 0,
    ) -> None:
        self._engine = engine
        self._spans = spans
        self._left = NEVER if iterations is None else iterations
        self._counted_from = counted_from if iterations is not None else NEVER
        self._thinks = any(rule.think is not None for rule in engine.rules)
        self._ends_at = max(
            (NEVER if end is None else end for user in spans for _, end in user), default=0
        )
        self._planned: dict[Slot, int] = {}
        self._straight_on_until = 0 if self._thinks else self._counted_from
        self._launch_at_once = engine.launch

    def free(self, slot: Slot, now: int) -> None:
        if now < slot.until and now < self._straight_on_until:  # nothing to think of or to count
            self._launch_at_once(slot, now, now)
        elif now >= slot.until:
            self._await_span(slot, now)
        elif self._thinks:
            think = self._engine.rules[slot.op_number].think
            self._plan(slot, now if think is None else now + next(think))
        else:
            self._launch(slot, now)

    def _launch(self, slot: Slot, due: int) -> None:
        if due >= self._counted_from:
            if self._left <= 0:
                self._engine.wake_by(due)
                return
            self._left -= 1
        self._engine.launch(slot, due, due)

    def _await_span(self, slot: Slot, now: int) -> None:
        """The user rests until its next time of activity."""
        for start, end in self._spans[slot.number]:
            until = NEVER if end is None else end
            if now < until:
                slot.until = until
                self._plan(slot, max(start, now))
                return
        self._engine.wake_by(now)

    def _plan(self, slot: Slot, due: int) -> None:
        """Launches at that time, unless the connection is lost or planned for anew by then."""
        self._planned[slot] = due
        self._engine.at(due, lambda now: self._begin(slot, due, now))

    def _begin(self, slot: Slot, due: int, now: int) -> None:
        if self._planned.get(slot) != due:
            return
        del self._planned[slot]
        if due < slot.until:
            self._launch(slot, due)
        else:
            self._await_span(slot, now)

    def gone(self, slot: Slot) -> None:
        self._planned.pop(slot, None)

    def on_time(self, now: int) -> int:
        return self._ends_at if now < self._ends_at else NEVER

    def stop(self) -> None:
        self._left = self._counted_from = self._ends_at = self._straight_on_until = 0

    @property
    def over(self) -> bool:
        now = self._engine.clock()
        return now >= self._ends_at or (self._left <= 0 and now >= self._counted_from)
