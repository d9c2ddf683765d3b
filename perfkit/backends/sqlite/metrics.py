"""What can be seen of a SQLite file from outside: its pages, and the length of its log.

The page cache's counters belong to each connection and can't be read through the sqlite3 module.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfkit.backends.base import Metric, MetricSource
from perfkit.backends.measures import of_cache
from perfkit.backends.sqlite.connection import File, connect_raw, refused
from perfkit.results import Statement
from perfkit.units import NS_PER_S

ANSWER_NS = 2 * NS_PER_S
_NO_CACHE = (
    "SQLite's page cache belongs to each connection, and Python's sqlite3 does not tell its hits; "
    "leave this check out in a targets file of your own"
)


@dataclass
class SqliteMetrics:
    """Sampling over a connection of its own."""

    file: File
    server_pid: int | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[MetricSource]:
        patient = replace(self.file, pragmas=(), busy_timeout_ns=ANSWER_NS)
        with contextlib.ExitStack() as held:
            connection = None
            if patient.exists:  # data may yet be made
                connection = held.enter_context(contextlib.closing(connect_raw(patient)))
            yield SqliteSource(patient, connection)


class SqliteSource:
    """Reads the file's header as SQLite does, with a read lock for some microseconds."""

    def __init__(self, file: File, connection: sqlite3.Connection | None) -> None:
        self._file = file
        self._connection = connection
        self._log = Path(f"{file.path}-wal")

    def sample(self) -> Sequence[Metric]:
        try:
            pages, free = self._pragma("page_count"), self._pragma("freelist_count")
        except sqlite3.Error as error:
            raise refused(self._file, error) from error
        return (
            *of_cache(None, None, _NO_CACHE),
            Metric("sqlite_page_count", "pages", counter=False, value=pages),
            Metric("sqlite_freelist_pages", "pages", counter=False, value=free),
            Metric("sqlite_file_bytes", "bytes", counter=False, value=_size(self._file.path)),
            Metric("sqlite_wal_bytes", "bytes", counter=False, value=_size(self._log) or 0),
        )

    def _pragma(self, name: str) -> float | None:
        if self._connection is None:
            return None
        (value,) = self._connection.execute(f"PRAGMA {name}").fetchone()
        return float(value)

    def statements(self) -> Mapping[str, Statement]:
        """SQLite keeps no statistics of statements."""
        return {}


def _size(path: Path) -> float | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
