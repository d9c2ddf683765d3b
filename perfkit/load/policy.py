"""The load models: arrivals that wait for nobody, and users who wait for their answers.

Users have a connection each, or share a pool of fewer.
"""

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

    def gone(self, slot: Slot, now: int) -> None:  # noqa: ARG002  arrivals belong to no connection
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


class _Users:
    """What both closed models share: who is active when, and how many operations are left."""

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

    def _granted(self, due: int) -> bool:
        """May an operation be due then? Counts it, where operations are counted."""
        if due >= self._counted_from:
            if self._left <= 0:
                self._engine.wake_by(due)
                return False
            self._left -= 1
        return True

    def _activity(self, user: int, now: int) -> Span | None:
        """From when to when a user is active next, or still; None when never again."""
        for start, end in self._spans[user]:
            if end is None or now < end:
                return max(start, now), end
        self._engine.wake_by(now)
        return None

    def _due_after(self, op_number: int, now: int) -> int:
        """When a user who had an answer now wants the next operation."""
        think = self._engine.rules[op_number].think
        return now if think is None else now + next(think)

    def on_time(self, now: int) -> int:
        return self._ends_at if now < self._ends_at else NEVER

    def stop(self) -> None:
        self._left = self._counted_from = self._ends_at = 0

    @property
    def over(self) -> bool:
        now = self._engine.clock()
        return now >= self._ends_at or (self._left <= 0 and now >= self._counted_from)


class ClosedUsers(_Users):
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
        super().__init__(engine, spans, iterations, counted_from)
        self._planned: dict[Slot, int] = {}
        self._straight_on_until = 0 if self._thinks else self._counted_from
        self._launch_at_once = engine.launch

    def free(self, slot: Slot, now: int) -> None:
        if now < slot.until and now < self._straight_on_until:  # nothing to think of or to count
            self._launch_at_once(slot, now, now)
        elif now >= slot.until:
            self._await_activity(slot, now)
        elif self._thinks:
            self._plan(slot, self._due_after(slot.op_number, now))
        elif self._granted(now):
            self._engine.launch(slot, now, now)

    def _await_activity(self, slot: Slot, now: int) -> None:
        """The user rests until its next time of activity."""
        span = self._activity(slot.number, now)
        if span is not None:
            slot.until = NEVER if span[1] is None else span[1]
            self._plan(slot, span[0])

    def _plan(self, slot: Slot, due: int) -> None:
        """Launches at that time, unless the connection is lost or planned for anew by then."""
        self._planned[slot] = due
        self._engine.at(due, lambda now: self._begin(slot, due, now))

    def _begin(self, slot: Slot, due: int, now: int) -> None:
        if self._planned.get(slot) != due:
            return
        del self._planned[slot]
        if due >= slot.until:
            self._await_activity(slot, now)
        elif self._granted(due):
            self._engine.launch(slot, due, due)

    def gone(self, slot: Slot, now: int) -> None:  # noqa: ARG002  its user goes on when it is back
        self._planned.pop(slot, None)

    def stop(self) -> None:
        super().stop()
        self._straight_on_until = 0


class _User:
    """A user of a pool; `until` is the end of the activity it is in."""

    __slots__ = ("number", "until")

    def __init__(self, number: int) -> None:
        self.number = number
        self.until = 0


class PooledUsers(_Users):
    """Closed model in which the users share fewer connections than they are.

    A user's operation is due when the user wants it: when its think time is over, or at once after
    the answer before. It then waits in line for a free connection, which is lag. What is due by the
    end of the load is sent, as the backlog of an open load is. A user whose connection breaks goes
    on with another. Parameters as for ClosedUsers, but `spans` are of more users than connections.
    """

    def __init__(
        self,
        engine: Engine,
        spans: Sequence[Sequence[Span]],
        iterations: int | None = None,
        counted_from: int = 0,
    ) -> None:
        super().__init__(engine, spans, iterations, counted_from)
        self._idle: deque[Slot] = deque()
        self._line: deque[tuple[int, _User]] = deque()
        self._served: dict[Slot, _User] = {}
        for number in range(len(spans)):
            self._await_activity(_User(number), 0)

    def free(self, slot: Slot, now: int) -> None:
        self._release(slot, now)
        if self._line:
            self._serve(slot, now)
        else:
            slot.idle_since = now
            self._idle.append(slot)

    def gone(self, slot: Slot, now: int) -> None:
        if slot in self._idle:
            self._idle.remove(slot)
        self._release(slot, now)
        self._engine.wake_by(now)  # another connection may be idle

    def _release(self, slot: Slot, now: int) -> None:
        """The user whose operation this connection carried, if any, goes on."""
        user = self._served.pop(slot, None)
        if user is None:
            return
        if now >= user.until:
            self._await_activity(user, now)
        elif self._thinks:
            self._plan(user, self._due_after(slot.op_number, now))
        else:
            self._stand_in_line(user, now)

    def _await_activity(self, user: _User, now: int) -> None:
        span = self._activity(user.number, now)
        if span is not None:
            user.until = NEVER if span[1] is None else span[1]
            self._plan(user, span[0])

    def _plan(self, user: _User, due: int) -> None:
        self._engine.at(due, lambda now: self._begin(user, due, now))

    def _begin(self, user: _User, due: int, now: int) -> None:
        if due < user.until:
            self._stand_in_line(user, due)  # `on_time` comes after all timers that are due
        else:
            self._await_activity(user, now)

    def _stand_in_line(self, user: _User, due: int) -> None:
        if self._granted(due):
            self._line.append((due, user))

    def _serve(self, slot: Slot, free_since: int) -> None:
        """The first in line gets the connection."""
        due, user = self._line.popleft()
        self._served[slot] = user
        self._engine.launch(slot, due, max(due, free_since))

    def on_time(self, now: int) -> int:
        while self._idle and self._line:
            slot = self._idle.popleft()
            self._serve(slot, slot.idle_since)
        return super().on_time(now)

    def stop(self) -> None:
        super().stop()
        self._line.clear()

    @property
    def over(self) -> bool:
        return not self._line and super().over
