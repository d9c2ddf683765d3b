"""The built-in datasets in PostgreSQL: made and dropped in one transaction, so whole or not at all.

Only VACUUM, where a workload's author wants one, comes after it: it can't run in a transaction.

A table that perfkit made says so in its comment; only such tables are ever dropped.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql as quoting

from perfkit.backends import datasets, marks, sql
from perfkit.backends.datasets import Block, Table
from perfkit.backends.postgres.connection import LOCK_WAIT_S
from perfkit.errors import TargetError
from perfkit.scenario import Data

BACKEND = "PostgreSQL"
TYPES: dict[datasets.ColumnType, str] = {
    "integer": "bigint",
    "real": "double precision",
    "text": "text",
    "timestamp": "timestamptz",
}

_Connection = psycopg.Connection[tuple[Any, ...]]

_PRESENT = """
SELECT c.relname, obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY (%s)
"""


def make(connection: _Connection, data: Data) -> bool:
    """Makes the dataset in the current schema; False when it is there already. TargetError."""
    tables = datasets.tables_on(BACKEND, data)
    with connection.transaction():
        schema = _prepare(connection)
        present = _present(connection, schema, tables)
        if marks.may_reuse(data, [table.name for table in tables], present):
            return False
        _drop(connection, schema, list(present))
        for table in tables:
            _make_table(connection, table, marks.mark_of(data))
    for table in tables:
        if table.vacuumed:
            _vacuum(connection, table, "ANALYZE ")
    return True


def drop(connection: _Connection, data: Data) -> None:
    """Drops those of the dataset's tables that perfkit made."""
    with connection.transaction():
        schema = _prepare(connection)
        present = _present(connection, schema, datasets.tables_on(BACKEND, data))
        _drop(connection, schema, [name for name, text in present.items() if marks.read_mark(text)])


def freshen(connection: _Connection, data: Data) -> None:
    """Empties and vacuums what the workload's author does before each run."""
    for table in datasets.tables(data):
        if table.before_run == "empty":
            with connection.transaction():
                _prepare(connection)
                _execute(connection, f"TRUNCATE {table.name}")
        elif table.before_run == "vacuum":
            _vacuum(connection, table)


def _vacuum(connection: _Connection, table: Table, options: str = "") -> None:
    """Also in sessions that allow statements only little time; needs autocommit."""
    _execute(connection, f"SET lock_timeout = '{LOCK_WAIT_S}s'")
    _execute(connection, "SET statement_timeout = 0")
    _execute(connection, f"VACUUM {options}{table.name}")


def _prepare(connection: _Connection) -> str:
    """The schema to work in; loading may take its time, waiting for others' locks may not."""
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL TimeZone = 'UTC'")
    row = connection.execute("SELECT current_schema()").fetchone()
    if row is None or row[0] is None:
        raise TargetError(
            "no schema to make tables in: none of the search_path exists",
            hint="CREATE SCHEMA, or set search_path for this user",
        )
    connection.execute(quoting.SQL("SET LOCAL search_path = {}").format(quoting.Identifier(row[0])))
    return str(row[0])


def _present(
    connection: _Connection, schema: str, tables: tuple[Table, ...]
) -> dict[str, str | None]:
    """The comment of each relation of these names that is in the schema."""
    return dict(connection.execute(_PRESENT, (schema, [table.name for table in tables])).fetchall())


def _drop(connection: _Connection, schema: str, names: list[str]) -> None:
    if names:
        tables = quoting.SQL(", ").join(quoting.Identifier(schema, name) for name in names)
        connection.execute(quoting.SQL("DROP TABLE {}").format(tables))


def _make_table(connection: _Connection, table: Table, mark: marks.Mark) -> None:
    """Indexes come after the rows: building one is faster than keeping it up to date."""
    lines = sql.column_lines(table, TYPES)
    if table.full_text:
        lines.append(f"search tsvector GENERATED ALWAYS AS ({_search_vector(table)}) STORED")
    storage = f" WITH ({table.storage})" if table.storage else ""
    _execute(connection, f"CREATE TABLE {table.name} ({', '.join(lines)}){storage}")
    _execute(connection, f"COMMENT ON TABLE {table.name} IS '{mark}'")
    _fill(connection, table)
    if table.primary_key:
        _execute(connection, f"ALTER TABLE {table.name} ADD PRIMARY KEY ({table.primary_key})")
    for column in table.columns:
        if column.declared == "serial":  # its next number comes after the rows
            sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
            _execute(connection, f"SELECT setval({sequence}, {table.count})")
    for statement in sql.index_statements(table):
        _execute(connection, statement)
    if table.full_text:
        _execute(connection, f"CREATE INDEX {table.name}_search ON {table.name} USING gin (search)")
    _execute(connection, f"ANALYZE {table.name}")


def _fill(connection: _Connection, table: Table) -> None:
    columns = ", ".join(table.filled)
    # FREEZE: no vacuum has to come round during the load to set what COPY can set at once.
    with connection.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN (FREEZE)") as copy:
        for lines_of_block in _copy_lines(table):
            copy.write(lines_of_block)


def _execute(connection: _Connection, statement: str) -> None:
    connection.execute(statement.encode())


def _search_vector(table: Table) -> str:
    text = " || ' ' || ".join(table.full_text)
    return f"to_tsvector('english', {text})"


def _copy_lines(table: Table) -> Iterator[str]:
    """COPY's text format. No value of a dataset is null or holds a tab, newline or backslash."""
    line = "\t".join(["%s"] * len(table.filled)) + "\n"

    def lines(block: Block) -> str:
        return "".join([line % row for row in block])

    return map(lines, table.rows())
