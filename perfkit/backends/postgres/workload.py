"""Checks operations, makes data and runs setup statements; everything that may block."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.pq import ExecStatus

from perfkit.backends import datasets, sql
from perfkit.backends.base import Bound
from perfkit.backends.postgres import data as dataset
from perfkit.backends.postgres.connection import Server, connect, connect_raw
from perfkit.backends.postgres.errors import words_of, words_of_error
from perfkit.backends.postgres.session import PostgresSession, numbered, prepare
from perfkit.errors import TargetError
from perfkit.scenario import Data, Operation, SetupStatement

BACKEND = "PostgreSQL"


@dataclass
class PostgresWorkload:
    """The load's side of a PostgreSQL server; keeps no connection open between calls."""

    server: Server
    max_workers: int | None = None
    channel_per_worker: bool = False
    virtual: bool = False

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        found = [(operation, sql.problem(operation, BACKEND)) for operation in operations]
        refused = [(operation, words) for operation, words in found if words]
        sound = [operation for operation, words in found if not words]
        return refused + (self._refused_by_server(sound) if sound else [])

    def _refused_by_server(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        pgconn = connect_raw(self.server)
        try:
            refused = []
            for operation in operations:
                for statement in sql.statements(operation):
                    result = prepare(pgconn, b"", numbered(statement.sql))
                    if result.status != ExecStatus.COMMAND_OK:
                        refused.append((operation, self.server.clean(words_of(result))))
                        break
            return refused
        finally:
            pgconn.finish()

    def writes(self, operation: Operation) -> bool:
        return sql.writes(operation)

    def describe_data(self, data: Data) -> str:
        database = self.server.parameters.get("dbname")
        return datasets.describe(data, where=f" in database {database}" if database else "")

    def make_data(self, data: Data) -> bool:
        with connect(self.server) as connection:
            return dataset.make(connection, data)

    def drop_data(self, data: Data) -> None:
        with connect(self.server) as connection:
            dataset.drop(connection, data)

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
