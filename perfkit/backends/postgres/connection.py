"""From a URL to connections: psycopg's for what may block, libpq's own for the load."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import conninfo, pq
from psycopg.pq.abc import PGconn

from perfkit.backends.address import redact, secrets_of
from perfkit.backends.postgres.errors import refused, text_of, words_of_error
from perfkit.errors import TargetError, UsageError

CONNECT_TIMEOUT_S = 10
LOCK_WAIT_S = 10  # for a lock that someone else holds, outside the load


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to connect. `limit`: max_connections, once the server has told it."""

    url: str = field(repr=False)
    parameters: dict[str, str] = field(repr=False)
    limit: int | None = None

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.clean(self.url)

    def clean(self, text: str) -> str:
        """The text without the password."""
        return redact(text, *secrets_of(self.url), self.parameters.get("password", ""))

    def error(self, words: str) -> TargetError:
        """Why the server can't be connected to."""
        error = refused(words, self.parameters, self.limit)
        return TargetError(self.clean(str(error)), hint=error.hint)


def parse_url(url: str) -> Server:
    """The server that a URL means; any parameter of libpq may be in it. UsageError for others."""
    _, _, rest = url.partition("://")
    try:
        given = conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.Error as error:
        words = redact(str(error).strip(), *secrets_of(url))
        raise UsageError(
            f"{redact(url, *secrets_of(url))!r} is no PostgreSQL URL: {words}",
            hint="write postgresql://user:password@host:5432/database?parameter=value",
        ) from None  # the driver's error holds the password
    parameters = {
        "application_name": "perfkit",
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        **{name: str(value) for name, value in given.items() if value is not None},
        "client_encoding": "UTF8",  # what perfkit sends, whatever PGCLIENTENCODING says
    }
    return Server(url, parameters)


@contextmanager
def connect(server: Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A blocking connection in autocommit; its errors leave as TargetError in the server's words."""
    try:
        connection = psycopg.connect(
            conninfo.make_conninfo(**server.parameters),
            autocommit=True,
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise server.error(str(error)) from None  # the driver's error may hold the password
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise TargetError(server.clean(words_of_error(error))) from error


def connect_raw(server: Server) -> PGconn:
    """libpq's own connection, blocking until it is made. TargetError."""
    pgconn = pq.PGconn.connect(conninfo.make_conninfo(**server.parameters).encode())
    if pgconn.status != pq.ConnStatus.OK:
        words = text_of(pgconn.error_message)
        pgconn.finish()
        raise server.error(words)
    pgconn.notice_handler = None
    return pgconn
