"""What PostgreSQL says of itself: pg_stat_database, pg_stat_activity, WAL and pg_stat_statements."""

import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import psutil
import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from perfkit.backends.base import Metric, MetricSource
from perfkit.backends.postgres.connection import Server, connect_raw
from perfkit.backends.postgres.errors import text_of, words_of
from perfkit.errors import TargetError
from perfkit.results import Statement

ANSWER_S = 2
TOP_STATEMENTS = 50
_OURS = "perfkit samples"  # in a comment inside each statement here, so that none is reported


class _Column(NamedTuple):
    """A metric, and the SQL of its value: over pg_stat_database d, the activity a."""

    name: str
    unit: str
    counter: bool
    sql: str


def _database(name: str, unit: str) -> _Column:
    return _Column(f"pg_stat_database_{name}", unit, counter=True, sql=f"d.{name}")


_COLUMNS = (
    _database("xact_commit", "transactions"),
    _database("xact_rollback", "transactions"),
    _database("blks_hit", "blocks"),
    _database("blks_read", "blocks"),
    # A hit that another backend's reading brought about is one; the operating system's cache is not.
    _Column("cache_lookups", "", counter=True, sql="d.blks_hit + d.blks_read"),
    _Column("cache_misses", "", counter=True, sql="d.blks_read"),
    _database("tup_returned", "rows"),
    _database("tup_fetched", "rows"),
    _database("tup_inserted", "rows"),
    _database("tup_updated", "rows"),
    _database("tup_deleted", "rows"),
    _database("temp_bytes", "bytes"),
    _database("deadlocks", "deadlocks"),
    _Column("pg_stat_activity_active", "sessions", counter=False, sql="a.active"),
    _Column("pg_stat_activity_idle_in_transaction", "sessions", counter=False, sql="a.idle"),
    _Column("pg_stat_activity_waiting", "sessions", counter=False, sql="a.waiting"),
)
_WAL = _Column(
    "pg_wal_bytes",
    "bytes",
    counter=True,
    sql="CASE WHEN pg_is_in_recovery() THEN NULL"
    " ELSE pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') END",
)
_MAY_SEE_WAL = f"SELECT /* {_OURS} */ has_function_privilege('pg_catalog.pg_current_wal_insert_lsn()', 'execute')"
# A lock wait is a wait for another session; waits for the disk or for the client are none.
_SAMPLE = f"""
SELECT /* {_OURS} */ {{columns}}
FROM pg_stat_database d, (
    SELECT count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle,
           count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
) a
WHERE d.datname = current_database()
"""
_HAS_STATEMENTS = (
    f"SELECT /* {_OURS} */ quote_ident(n.nspname) FROM pg_extension e"
    " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'"
)
_STATEMENTS = f"""
SELECT /* {_OURS} */ queryid, userid, query, calls, {{time}}, rows FROM {{schema}}.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND query NOT LIKE '%{_OURS}%' AND queryid IS NOT NULL
ORDER BY {{time}} DESC LIMIT {TOP_STATEMENTS}
"""
_TOTAL_TIME_RENAMED_IN = 130_000

Row = list[str | None]


@dataclass
class PostgresMetrics:
    """Sampling over a connection of its own, named perfkit-metrics."""

    server: Server = field(repr=False)
    server_pid: int | None

    @contextmanager
    def open(self) -> Iterator[MetricSource]:
        source = PostgresSource(self.server)
        try:
            source.connect()
            yield source
        finally:
            source.close()


class PostgresSource:
    """One connection that samples, and a new one after the old was lost."""

    def __init__(self, server: Server) -> None:
        parameters = {
            **server.parameters,
            "application_name": "perfkit-metrics",
            "connect_timeout": str(ANSWER_S),
        }
        self._server = replace(server, parameters=parameters)
        self._pgconn: PGconn | None = None
        self._columns: tuple[_Column, ...] = _COLUMNS
        self._statements = ""

    def connect(self) -> None:
        """Connects, and learns what this user may see. TargetError."""
        self._pgconn = connect_raw(self._server)
        self._ask(f"SET statement_timeout = '{ANSWER_S}s'")
        ((may_see_wal,),) = self._ask(_MAY_SEE_WAL)
        self._columns = (*_COLUMNS, _WAL) if may_see_wal == "t" else _COLUMNS
        schema = self._ask(_HAS_STATEMENTS)
        renamed = self._pgconn.server_version >= _TOTAL_TIME_RENAMED_IN
        time_column = "total_exec_time" if renamed else "total_time"
        self._statements = (
            _STATEMENTS.format(schema=schema[0][0], time=time_column) if schema else ""
        )

    def sample(self) -> Sequence[Metric]:
        columns = ", ".join(column.sql for column in self._columns)
        (row,) = self._ask(_SAMPLE.format(columns=columns))
        return [
            Metric(column.name, column.unit, column.counter, None if text is None else float(text))
            for column, text in zip(self._columns, row, strict=True)
        ]

    def statements(self) -> Mapping[str, Statement]:
        if not self._statements:
            return {}
        try:
            rows = self._ask(self._statements)
        except TargetError:  # installed, but not in shared_preload_libraries, or not permitted
            return {}
        return {f"{row[0]}/{row[1]}": _statement(row) for row in rows}

    def close(self) -> None:
        if self._pgconn is not None:
            self._pgconn.finish()
            self._pgconn = None

    def _ask(self, statement: str) -> list[Row]:
        """The rows of a statement. TargetError, after ANSWER_S at the latest."""
        if self._pgconn is None:
            self.connect()
        assert self._pgconn is not None
        try:
            result = _result(self._pgconn, statement)
        except (psycopg.Error, TimeoutError) as error:
            self.close()
            words = self._server.clean(str(error).strip())
            raise TargetError(f"the server's numbers can't be had: {words}") from error
        if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            raise TargetError(self._server.clean(words_of(result)))
        return [_row(result, at) for at in range(result.ntuples)]


def _result(pgconn: PGconn, statement: str) -> PGresult:
    """The last result of a statement; the client's own clock bounds it, for a server may hang."""
    deadline_s = time.monotonic() + ANSWER_S + 0.1  # the server's own time limit comes first
    pgconn.send_query(statement.encode())
    found: PGresult | None = None
    while True:
        while pgconn.is_busy():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([pgconn.socket], [], [], left_s)[0]:
                raise TimeoutError(f"no answer in {ANSWER_S} s")
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            assert found is not None
            return found
        found = result


def _row(result: PGresult, at: int) -> Row:
    values = (result.get_value(at, column) for column in range(result.nfields))
    return [None if value is None else text_of(value) for value in values]


def _statement(row: Row) -> Statement:
    _, _, text, calls, total, rows = row
    count, total_ms = int(calls or 0), float(total or 0)
    return Statement(
        statement=text or "",
        calls=count,
        total_ms=total_ms,
        mean_ms=total_ms / count if count else 0.0,
        rows=None if rows is None else int(rows),
    )


def server_process(connection: psycopg.Connection[tuple[Any, ...]]) -> int | None:
    """The server's main process, where it runs in sight of this process; else None.

    The parent of our own server process, if it began when the server says it began: behind a
    container's or a tunnel's port the same number may belong to another process.
    """
    with suppress(psutil.Error, psycopg.Error):  # another kind of server behind the same protocol
        row = connection.execute(
            "SELECT pg_backend_pid(), extract(epoch FROM pg_postmaster_start_time())::float8"
        ).fetchone()
        parent = psutil.Process(row[0]).parent() if row else None
        if row and parent and abs(parent.create_time() - row[1]) < 10:
            return parent.pid
    return None
