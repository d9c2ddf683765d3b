"""One SQLite connection: its requests are complete when they were sent."""

import contextlib
import os
import sqlite3
from typing import Any

from perfkit.backends.base import PENDING, Failure
from perfkit.backends.sqlite.connection import error_class
from perfkit.backends.waiting import InstantPoller, system_clock
from perfkit.units import NS_PER_MS, show_duration

Request = tuple[str, tuple[Any, ...], int]
"""A statement, its values, and its time limit in ns."""

WATCH_STEPS = 10_000  # of SQLite's virtual machine, between two looks at the clock: about 1 ms

_RETRYABLE = ("SQLITE_BUSY", "SQLITE_LOCKED")


class SqliteChannel:
    """Sends a Request; the reply is the rows, the number of rows changed, or a Failure.

    Its key is a descriptor that never becomes readable by itself, so that it can be registered like
    any other; the poller announces it.
    """

    __slots__ = (
        "_announce", "_busy_ns", "_connection", "_cursor", "_execute", "_fetch", "_limit_ns",
        "_reply", "_started_at", "key",
    )  # fmt: skip

    def __init__(self, connection: sqlite3.Connection, poller: InstantPoller, busy_ns: int) -> None:
        self.key = os.eventfd(0, os.EFD_CLOEXEC)
        self._announce = poller.announce
        self._connection = connection
        self._cursor = cursor = connection.cursor()
        self._execute = cursor.execute
        self._fetch = cursor.fetchall
        self._busy_ns = busy_ns
        self._limit_ns = -1
        self._started_at = 0
        self._reply: Any = PENDING
        connection.set_progress_handler(self._is_over_time, WATCH_STEPS)

    def send(self, request: Request) -> bool:
        statement, values, limit_ns = request
        if limit_ns != self._limit_ns:
            self._limit(limit_ns)
        self._started_at = 0
        try:
            self._execute(statement, values)
            self._reply = self._fetch() or self._changed()
        except (sqlite3.Error, OverflowError, ValueError) as error:  # or a value it can't hold
            self._reply = self._failure(error)
        self._announce(self.key)
        return False

    def _changed(self) -> list[Any] | int:
        """No rows: of a statement that has some, or one that only changes them?"""
        return [] if self._cursor.description else max(0, self._cursor.rowcount)

    def _limit(self, limit_ns: int) -> None:
        """A wait for a lock, in which nothing interrupts SQLite, is no longer than the limit."""
        self._limit_ns = limit_ns
        wait_ms = min(self._busy_ns, limit_ns) // NS_PER_MS
        self._connection.execute(f"PRAGMA busy_timeout = {wait_ms}")

    def _is_over_time(self) -> bool:
        """Called by SQLite; the first time for a statement is early enough to start the clock."""
        now = system_clock()
        if not self._started_at:
            self._started_at = now
        return now - self._started_at > self._limit_ns

    def _failure(self, error: Exception) -> Failure:
        name = error_class(error)
        if name == "SQLITE_INTERRUPT":
            return Failure("timeout", f"no answer within {show_duration(self._limit_ns)}")
        return Failure(name, str(error), name.startswith(_RETRYABLE))

    def flush(self) -> bool:
        return False

    def receive(self) -> Any:
        reply, self._reply = self._reply, PENDING
        return reply

    def abandon(self) -> None:
        """Closes: a request was complete when it was sent, so nothing is under way."""
        self.close()

    def close(self) -> None:
        """Closes; a transaction that is open is rolled back."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        with contextlib.suppress(OSError):
            os.close(self.key)


def failure_of(reply: Any) -> Failure | None:
    """The reply of a channel where it is a failure."""
    return reply if type(reply) is Failure else None


def count(reply: Any) -> int:
    """The rows of a reply, or how many were changed."""
    return reply if isinstance(reply, int) else len(reply)


def first_value(reply: Any) -> Any:
    """The first column of the first row."""
    return reply[0][0] if isinstance(reply, list) else reply
