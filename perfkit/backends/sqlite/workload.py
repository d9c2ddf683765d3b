"""Checks operations, makes data and runs setup statements."""

import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from perfkit.backends import datasets, sql
from perfkit.backends.base import Bound
from perfkit.backends.sqlite import data as dataset
from perfkit.backends.sqlite.connection import File, connect, error_class
from perfkit.backends.sqlite.data import BACKEND
from perfkit.backends.sqlite.session import SIGN, SqliteSession
from perfkit.errors import TargetError
from perfkit.scenario import Data, Operation, SetupStatement

_TROUBLE_WITH_THE_FILE = frozenset(
    {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CORRUPT", "SQLITE_NOTADB"}
)


@dataclass
class SqliteWorkload:
    """The load's side of a database file; keeps no connection open between calls."""

    file: File
    max_workers: int | None = 64
    channel_per_worker: bool = True
    virtual: bool = False
    made_file: bool = False

    def problem(self, operation: Operation) -> str | None:
        if operation.isolation not in {None, "serializable"}:
            return "SQLite's transactions are always serializable: leave `isolation` out"
        return sql.problem(operation, BACKEND, _most_values())

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        found = [(operation, self.problem(operation)) for operation in operations]
        refused = [(operation, words) for operation, words in found if words]
        sound = [operation for operation, words in found if not words]
        return refused + (self._refused_by_sqlite(sound) if sound else [])

    def _refused_by_sqlite(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        refused = []
        with connect(self.file) as connection:
            for operation in operations:
                texts = sql.check_texts(operation, SIGN)
                words = (_refused(connection, text, values) for text, values in texts)
                refused += [(operation, word) for word in words if word][:1]
        return refused

    def writes(self, operation: Operation) -> bool:
        return sql.writes(operation)

    def describe_data(self, data: Data) -> str:
        return datasets.describe(BACKEND, data, where=f" in {self.file.path}")

    def make_data(self, data: Data) -> bool:
        try:
            with self._creating() as connection:
                return dataset.make(connection, data)
        except BaseException:
            self._remove_if_ours()
            raise

    def drop_data(self, data: Data) -> None:
        if not self.file.exists:
            return
        with connect(self.file) as connection:
            dataset.drop(connection, data)
        self._remove_if_ours()

    def freshen_data(self, data: Data) -> None:
        with connect(self.file) as connection:
            dataset.freshen(connection, data)

    def _creating(self) -> AbstractContextManager[sqlite3.Connection]:
        self.made_file = self.made_file or not self.file.exists
        return connect(self.file, create=True)

    def _remove_if_ours(self) -> None:
        """A file that was made for the dataset goes when nothing else has come into it."""
        if not self.made_file or not self.file.exists:
            return
        with connect(self.file) as connection:
            empty = dataset.is_empty(connection)
        if empty:
            self.file.path.unlink()

    def run_statements(self, statements: Sequence[SetupStatement]) -> None:
        texts = sql.setup_texts(statements, BACKEND)
        if not texts:
            return
        with self._creating() as connection:
            for number, statement in enumerate(texts, start=1):
                try:
                    connection.executescript(statement)
                except sqlite3.Error as error:
                    raise TargetError(f"statement {number} failed: {error}") from error

    def session(self, operations: Sequence[Bound]) -> SqliteSession:
        return SqliteSession(self.file, operations)


def _most_values() -> int:
    """How many values SQLite takes with one statement, as it was built."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)


def _refused(connection: sqlite3.Connection, text: str, values: int) -> str | None:
    """SQLite's words against a statement, which EXPLAIN compiles without running it."""
    first = sql.command(text)
    if first == "pragma":  # some pragmas take effect while they are compiled
        return None
    statement = text if first == "explain" else f"EXPLAIN {text}"
    try:
        connection.execute(statement, (None,) * values).close()
    except sqlite3.Error as error:
        if error_class(error) in _TROUBLE_WITH_THE_FILE:
            raise
        return str(error)
    return None
