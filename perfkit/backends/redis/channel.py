"""One Redis connection that never blocks."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import hiredis

from perfkit.backends.base import PENDING, ConnectionLostError
from perfkit.backends.redis.connection import Connection
from perfkit.backends.stream import CLOSED, SocketChannel, blocked_or_lost

Request = bytes | tuple[bytes, int]
"""One packed command; or several, with their number, whose replies are one list."""


class RedisChannel(SocketChannel):
    """Sends a Request and receives its reply as hiredis reads it: bytes, int, list, None, ReplyError.

    The connection's socket is taken over. `buffer` is scratch space, which the channels of one
    thread share.
    """

    __slots__ = ("_buffer", "_expected", "_feed", "_gets", "_replies")

    def __init__(self, connection: Connection, buffer: bytearray) -> None:
        super().__init__(connection.socket)
        reader = hiredis.Reader(notEnoughData=PENDING)
        self._feed: Callable[..., None] = reader.feed  # takes any buffer, though its stub says text
        self._gets = reader.gets
        self._buffer = buffer
        self._expected = 0  # replies still to come for a pipeline
        self._replies: list[Any] = []

    # A method of its own although `super().send` does the same: a call less for each operation.
    def send(self, request: Request) -> bool:
        if isinstance(request, bytes):
            packed = request
        else:
            packed, self._expected = request
        write = self._write
        try:
            sent = write(packed)
        except OSError as error:
            sent = blocked_or_lost(error)
        if sent == len(packed):
            return False
        self._left = memoryview(packed)[sent:]
        return True

    def receive(self) -> Any:
        read, feed, gets, buffer = self._read, self._feed, self._gets, self._buffer
        while True:
            try:
                count = read(buffer)
            except OSError as error:
                blocked_or_lost(error)
                return PENDING
            if not count:
                raise ConnectionLostError(CLOSED)
            feed(buffer, 0, count)
            try:
                reply = self._collect() if self._expected else gets()
            except hiredis.ProtocolError as error:
                raise ConnectionLostError(f"unintelligible reply: {error}") from error
            if reply is not PENDING:
                return reply

    def _collect(self) -> Any:
        """The replies of a pipeline once all are there; no step of Python's own for each of them."""
        replies = self._replies
        replies.extend(islice(iter(self._gets, PENDING), self._expected - len(replies)))
        if len(replies) < self._expected:
            return PENDING
        self._replies, self._expected = [], 0
        return replies

    def abandon(self) -> None:
        """Closes, for Redis can't be told more: it runs one command at a time and cuts none short.

        What only waits (BLPOP) is dropped with its connection.
        """
        self.close()
