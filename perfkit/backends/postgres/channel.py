"""One PostgreSQL connection that never blocks: libpq's asynchronous half, and nothing around it."""

import contextlib
import threading
from typing import Any

from psycopg import Error, OperationalError
from psycopg.pq.abc import PGconn

from perfkit.backends.base import PENDING, ConnectionLostError
from perfkit.backends.postgres.errors import failure_of, text_of

Request = tuple[bytes, list[bytes | None] | None]
"""The name of a prepared statement, and its values in PostgreSQL's text format."""


class PostgresChannel:
    """Sends a Request; the reply is a libpq result that holds all rows, or the error.

    Takes over a connection on which the statements are prepared. `cancelling` gets the threads that
    still carry a cancel request to the server.
    """

    __slots__ = (
        "_busy", "_cancelling", "_consume", "_flush", "_get", "_pgconn", "_reply", "_start", "key",
    )  # fmt: skip

    def __init__(self, pgconn: PGconn, cancelling: list[threading.Thread]) -> None:
        pgconn.nonblocking = 1
        self.key = pgconn.socket
        self._cancelling = cancelling
        self._pgconn = pgconn
        self._start = pgconn.send_query_prepared
        self._flush = pgconn.flush
        self._consume = pgconn.consume_input
        self._busy = pgconn.is_busy
        self._get = pgconn.get_result
        self._reply: Any = PENDING

    def send(self, request: Request) -> bool:
        name, values = request
        start, flush = self._start, self._flush
        try:
            start(name, values)
            return flush() == 1
        except OperationalError as error:
            raise self._lost(error) from error

    def flush(self) -> bool:
        try:
            return self._flush() == 1
        except OperationalError as error:
            raise self._lost(error) from error

    def receive(self) -> Any:
        try:
            # Names of its own for what is called, here and in `send`: a call through an attribute
            # that holds a function looks its name up in the class each time (4 of 40 ns).
            consume, busy, get = self._consume, self._busy, self._get
            consume()
            # The result alone does not make the connection free: the server's ReadyForQuery does,
            # and asking for it before it is here would block.
            while not busy():
                result = get()
                if result is None:
                    reply, self._reply = self._reply, PENDING
                    return reply
                self._reply = result
        except OperationalError as error:
            raise self._lost(error) from error
        return PENDING

    def _lost(self, error: OperationalError) -> ConnectionLostError:
        """In the server's own words where it sent some before it hung up."""
        farewell = failure_of(self._reply) if self._reply is not PENDING else None
        words = farewell.message if farewell else text_of(self._pgconn.error_message) or str(error)
        return ConnectionLostError(words.splitlines()[0] if words else "the connection is gone")

    def abandon(self) -> None:
        """Asks the server to cancel, in a thread as that takes a connection of its own; closes."""
        with contextlib.suppress(Error):  # gone already: there is nothing to cancel
            cancel = self._pgconn.cancel_conn()
            thread = threading.Thread(target=_run, args=(cancel.blocking,), daemon=True)
            thread.start()
            self._cancelling[:] = [other for other in self._cancelling if other.is_alive()]
            self._cancelling.append(thread)
        self.close()

    def close(self) -> None:
        self._pgconn.finish()


def _run(cancel: Any) -> None:
    with contextlib.suppress(Error):  # a server that takes no connection can't be told
        cancel()
