"""A server that speaks just enough of Redis's protocol to answer late on purpose, in a process of its own.

It answers each command `delay_s` after it came, except that it stands still for the last `stall_s`
of every `period_s`. It keeps its own account of how long each answer really took, because on a busy
machine that is more than was asked for: what perfkit measures is held against this account.
"""

import heapq
import json
import multiprocessing
import re
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

REPLY = b"$1\r\nx\r\n"
COMMAND = re.compile(rb"\*\d+\r\n")


@dataclass(frozen=True)
class Responder:
    """Where it listens, and how to hear its account."""

    url: str
    pipe: Connection

    def account(self) -> list[int]:
        """How long each answer really took in ns, from the last byte read to the first one sent."""
        self.pipe.send("account")
        taken: list[int] = json.loads(self.pipe.recv())
        return taken


@contextmanager
def responding(delay_s: float, stall_s: float = 0.0, period_s: float = 1.0) -> Iterator[Responder]:
    """A responder for as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(listener, theirs, delay_s, stall_s, period_s), daemon=True
    )
    process.start()
    url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    listener.close()
    try:
        yield Responder(url, ours)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


def _serve(
    listener: socket.socket, pipe: Connection, delay_s: float, stall_s: float, period_s: float
) -> None:
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(pipe, selectors.EVENT_READ)
    waiting: list[tuple[float, int, int, socket.socket]] = []
    taken: list[int] = []
    started = time.perf_counter()
    while True:
        for key, _ in selector.select(0):  # never asleep: to wake up takes some 50 µs
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
            elif key.fileobj is pipe:
                pipe.recv()
                pipe.send(json.dumps(taken))
            else:
                assert isinstance(key.fileobj, socket.socket)
                came_at = time.perf_counter_ns()
                if _is_timed(selector, key.fileobj):
                    due = came_at / 1e9 + delay_s
                    into = (due - started) % period_s
                    due += period_s - into if stall_s and into >= period_s - stall_s else 0
                    heapq.heappush(waiting, (due, came_at, key.fd, key.fileobj))
        while waiting and waiting[0][0] <= time.perf_counter():
            _, came_at, _, connection = heapq.heappop(waiting)
            taken.append(time.perf_counter_ns() - came_at)
            connection.send(REPLY)


def _is_timed(selector: selectors.BaseSelector, connection: socket.socket) -> bool:
    """Takes what was sent; anything but a GET is answered at once, a closed connection forgotten."""
    data = connection.recv(65536)
    if b"GET" in data:
        return True
    if data:
        connection.send(b"+PONG\r\n" * len(COMMAND.findall(data)))
    else:
        selector.unregister(connection)
        connection.close()
    return False
