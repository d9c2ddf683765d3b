"""One MongoDB connection that never blocks."""

from typing import Any

from perfkit.backends.base import PENDING, ConnectionLostError
from perfkit.backends.mongo.connection import Connection
from perfkit.backends.mongo.wire import (
    BODY_AT,
    LENGTH,
    MAX_MESSAGE_BYTES,
    PREFIX_BYTES,
    STATE_CHANGE,
    decode,
)
from perfkit.backends.stream import CLOSED, SocketChannel, blocked_or_lost

_length_of = LENGTH.unpack_from


class MongoChannel(SocketChannel):
    """Sends a message and receives the reply message, whole and undecoded: most need no decoding.

    The connection's socket is taken over. `buffer` is scratch space, which the channels of one
    thread share. With `movable` a server that is no longer the primary counts as lost, as another
    one is now to be talked to.
    """

    __slots__ = ("_buffer", "_movable", "_partial")

    def __init__(self, connection: Connection, buffer: bytearray, *, movable: bool) -> None:
        super().__init__(connection.socket)
        self._buffer = buffer
        self._movable = movable
        self._partial = bytearray()  # of a reply that came in pieces

    def receive(self) -> Any:
        buffer = self._buffer
        while True:
            try:
                count = self._read(buffer)
            except OSError as error:
                blocked_or_lost(error)
                return PENDING
            if not count:
                raise ConnectionLostError(CLOSED)
            if count > PREFIX_BYTES and not self._partial and _length_of(buffer)[0] == count:
                reply: Any = buffer[:count]
            else:
                reply = self._assemble(count)
                if reply is PENDING:
                    continue
            if reply.startswith(STATE_CHANGE, BODY_AT) and self._movable:
                answer = decode(reply)
                raise ConnectionLostError(f"{answer.get('codeName')}: {answer.get('errmsg')}")
            return reply

    def _assemble(self, count: int) -> Any:
        partial = self._partial
        partial += memoryview(self._buffer)[:count]
        if len(partial) < LENGTH.size:
            return PENDING
        size = _length_of(partial)[0]
        if not max(PREFIX_BYTES, len(partial)) <= size <= MAX_MESSAGE_BYTES:
            raise ConnectionLostError("unintelligible reply: its length can't be right")
        if len(partial) < size:
            return PENDING
        self._partial = bytearray()
        return partial

    def abandon(self) -> None:
        """Closes. The server then interrupts reads by itself, and `maxTimeMS` ends everything."""
        self.close()
