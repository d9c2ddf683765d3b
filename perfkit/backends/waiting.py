"""Time and readiness: what the load engine asks for the hour and what it waits on.

The engine runs the same on the system's clock with sockets, on SQLite (where a request is complete
when it was sent) and on a virtual clock, which jumps from event to event and makes tests exact.
"""

import contextlib
import ctypes
import heapq
import itertools
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from perfkit.units import NS_PER_MS, NS_PER_S

READ = select.EPOLLIN
WRITE = select.EPOLLOUT

Ready = list[tuple[int, int]]
Clock = Callable[[], int]  # nanoseconds on a monotonic scale that all processes here share
Job = Callable[[], Any]
Then = Callable[[Any], None]

system_clock: Clock = time.perf_counter_ns


class Poller(Protocol):
    """Waits for channels, which are known by their keys."""

    @property
    def wake_key(self) -> int:
        """The key that is ready when background jobs are done and `woken` is to be called."""

    def register(self, key: int, mask: int) -> None: ...
    def modify(self, key: int, mask: int) -> None: ...
    def unregister(self, key: int) -> None: ...

    def wait(self, timeout_ns: int) -> Ready:
        """(key, events) of what is ready; may return early with nothing, never late by design."""

    def background(self, job: Job, then: Then) -> None:
        """Runs a blocking job off the loop; `woken` calls `then` with its result or exception."""

    def woken(self) -> None:
        """Delivers the results of background jobs."""

    def close(self) -> None: ...


class SocketPoller:
    """Epoll, with waits that end on the microsecond instead of the millisecond.

    `epoll.poll` waits for whole milliseconds; the rest is a select on its descriptor, which does
    better. What a reply or a due time still waits for is the kernel, which takes its time to wake a
    process, and longer the deeper the processor sleeps:

    * SPIN_NS before a due time are not slept: for 3 % more of a core at 2,000 arrivals a second, the
      median arrival is 5 µs late instead of 48 µs.
    * No sleep is longer than DOZE_NS, so that the processor stays near: for 3 % of a core, a reply
      after 20 ms is seen 68 µs after it was sent instead of 145 µs (medians, on a virtual machine).
    """

    SPIN_NS = 60_000
    DOZE_NS = 1_000_000

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._waitable = [self._epoll.fileno()]
        self.wake_key = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._done: queue.SimpleQueue[tuple[Then, Any]] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[tuple[Job, Then] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._epoll.register(self.wake_key, READ)
        _ask_for_precise_sleep()

    def register(self, key: int, mask: int) -> None:
        self._epoll.register(key, mask)

    def modify(self, key: int, mask: int) -> None:
        self._epoll.modify(key, mask)

    def unregister(self, key: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # closing the descriptor removed it already
            self._epoll.unregister(key)

    def wait(self, timeout_ns: int) -> Ready:
        if timeout_ns > self.DOZE_NS + self.SPIN_NS:
            return self._poll(self.DOZE_NS / NS_PER_S)
        ready = self._poll(0)
        if not ready and timeout_ns > self.SPIN_NS:
            select.select(self._waitable, (), (), (timeout_ns - self.SPIN_NS) / NS_PER_S)
            ready = self._poll(0)
        return ready

    def background(self, job: Job, then: Then) -> None:
        self._jobs.put((job, then))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (task := self._jobs.get()) is not None:
            job, then = task
            self._done.put((then, _outcome(job)))
            os.eventfd_write(self.wake_key, 1)

    def woken(self) -> None:
        os.eventfd_read(self.wake_key)
        while not self._done.empty():
            then, result = self._done.get()
            then(result)

    def close(self) -> None:
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._epoll.close()
        os.close(self.wake_key)


class InstantPoller(SocketPoller):
    """For channels whose request is complete when `send` returns: they announce themselves.

    Descriptors (the engine's control pipe) are still looked at, every few milliseconds.
    """

    LOOK_NS = 5 * NS_PER_MS

    def __init__(self) -> None:
        super().__init__()
        self._announced: Ready = []
        self._look_at = 0

    def announce(self, key: int) -> None:
        """The channel's reply can be received."""
        self._announced.append((key, READ))

    def wait(self, timeout_ns: int) -> Ready:
        ready = self._announced
        if not ready:
            return super().wait(timeout_ns)
        self._announced = []
        now = system_clock()
        if now >= self._look_at:
            self._look_at = now + self.LOOK_NS
            ready += self._poll(0)
        return ready


class VirtualClock:
    """A clock that stands still until `advance` moves it."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class VirtualPoller:
    """Jumps from event to event: waiting costs no time, and nothing ever happens late."""

    wake_key = -1

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._events: list[tuple[int, int, int]] = []
        self._order = itertools.count()
        self._done: list[tuple[Then, Any]] = []
        self._known: set[int] = set()

    def announce_at(self, at_ns: int, key: int) -> None:
        """The channel is ready at that time; announcements of one time keep their order."""
        heapq.heappush(self._events, (at_ns, next(self._order), key))

    def register(self, key: int, mask: int) -> None:  # noqa: ARG002  one kind of event only
        self._known.add(key)

    def modify(self, key: int, mask: int) -> None: ...

    def unregister(self, key: int) -> None:
        self._known.discard(key)

    def wait(self, timeout_ns: int) -> Ready:
        until = self._clock.now_ns + max(0, timeout_ns)
        while self._events and self._events[0][0] <= until:
            at_ns, _, key = heapq.heappop(self._events)
            if key in self._known or key == self.wake_key:
                self._clock.now_ns = max(self._clock.now_ns, at_ns)
                return [(key, READ)]
        self._clock.now_ns = until
        return []

    def background(self, job: Job, then: Then) -> None:
        self._done.append((then, _outcome(job)))
        self.announce_at(self._clock.now_ns, self.wake_key)

    def woken(self) -> None:
        done, self._done = self._done, []
        for then, result in done:
            then(result)

    def close(self) -> None: ...


def _outcome(job: Job) -> Any:
    try:
        return job()
    except Exception as error:  # noqa: BLE001  handed to `then`, which knows what it means
        return error


def _ask_for_precise_sleep() -> None:
    """Linux may add 50 µs of timer slack to any sleep; PR_SET_TIMERSLACK (29) asks for 1 ns."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)
