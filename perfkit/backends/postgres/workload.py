"""Checks operations, makes data and runs setup statements; everything that may block."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from perfkit.backends import datasets, sql
from perfkit.backends.base import Bound
from perfkit.backends.postgres import data as dataset
from perfkit.backends.postgres.connection import LOCK_WAIT_S, Server, connect, connect_raw
from perfkit.backends.postgres.data import BACKEND
from perfkit.backends.postgres.errors import sqlstate_of, words_of, words_of_error
from perfkit.backends.postgres.session import MOST_VALUES, SIGN, PostgresSession, prepare
from perfkit.errors import TargetError
from perfkit.scenario import Data, Operation, SetupStatement

# Classes of SQLSTATEs: connection, resources, a lock not to be had, the operator, the system.
_NOT_ITS_FAULT = ("08", "53", "55", "57", "58")


@dataclass
class PostgresWorkload:
    """The load's side of a PostgreSQL server; keeps no connection open between calls."""

    server: Server
    max_workers: int | None = None
    channel_per_worker: bool = False
    virtual: bool = False

    def problem(self, operation: Operation) -> str | None:
        return sql.problem(operation, BACKEND, MOST_VALUES)

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        found = [(operation, self.problem(operation)) for operation in operations]
        refused = [(operation, words) for operation, words in found if words]
        sound = [operation for operation, words in found if not words]
        return refused + (self._refused_by_server(sound) if sound else [])

    def _refused_by_server(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        refused = []
        pgconn = connect_raw(self.server)
        try:
            # Preparing needs a look at the tables, which someone may hold locked.
            pgconn.exec_(f"SET lock_timeout = '{LOCK_WAIT_S}s'".encode())
            for operation in operations:
                texts = sql.check_texts(operation, SIGN)
                words = (self._refusal(pgconn, text) for text, _ in texts)
                refused += [(operation, word) for word in words if word][:1]
        finally:
            pgconn.finish()
        return refused

    def _refusal(self, pgconn: PGconn, text: str) -> str | None:
        """The server's words against a statement. TargetError when it is not the statement's fault."""
        result = prepare(pgconn, b"", text)
        if result.status == ExecStatus.COMMAND_OK:
            return None
        words = self.server.clean(words_of(result))
        sqlstate = sqlstate_of(result)
        if not sqlstate or sqlstate.startswith(_NOT_ITS_FAULT):
            raise TargetError(f"the server could not prepare a statement: {words}")
        return words

    def writes(self, operation: Operation) -> bool:
        return sql.writes(operation)

    def describe_data(self, data: Data) -> str:
        database = self.server.parameters.get("dbname")
        return datasets.describe(
            BACKEND, data, where=f" in database {database}" if database else ""
        )

    def make_data(self, data: Data) -> bool:
        with connect(self.server) as connection:
            return dataset.make(connection, data)

    def drop_data(self, data: Data) -> None:
        with connect(self.server) as connection:
            dataset.drop(connection, data)

    def freshen_data(self, data: Data) -> None:
        with connect(self.server) as connection:
            dataset.freshen(connection, data)

    def run_statements(self, statements: Sequence[SetupStatement]) -> None:
        texts = sql.setup_texts(statements, BACKEND)
        if not texts:
            return
        with connect(self.server) as connection:
            for number, statement in enumerate(texts, start=1):
                try:
                    connection.execute(statement.encode())
                except psycopg.Error as error:
                    words = self.server.clean(words_of_error(error))
                    raise TargetError(f"statement {number} failed: {words}") from error

    def session(self, operations: Sequence[Bound]) -> PostgresSession:
        return PostgresSession(self.server, operations)
