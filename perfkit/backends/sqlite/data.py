"""The built-in datasets in SQLite: made and dropped in one transaction, so whole or not at all.

SQLite keeps the text of CREATE TABLE with its comments: that is where a table that perfkit made says
so, and only such tables are ever dropped.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from perfkit.backends import datasets, marks, sql
from perfkit.backends.datasets import Block, Table
from perfkit.errors import TargetError
from perfkit.scenario import Data

BACKEND = "SQLite"
TYPES: dict[datasets.ColumnType, str] = {
    "integer": "INTEGER",
    "real": "REAL",
    "text": "TEXT",
    "timestamp": "TEXT",
}


def make(connection: sqlite3.Connection, data: Data) -> bool:
    """Makes the dataset; False when it is there already. TargetError."""
    tables = datasets.tables_on(BACKEND, data)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        names = _names(tables)
        present = _present(connection, names)
        if marks.may_reuse(data, names, present):
            return False
        _drop(connection, [name for name in names if name in present])
        for table in tables:
            _make_table(connection, table, marks.mark_of(data))
    return True


def drop(connection: sqlite3.Connection, data: Data) -> None:
    """Drops those of the dataset's tables that perfkit made."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        names = _names(datasets.tables_on(BACKEND, data))
        present = _present(connection, names)
        _drop(connection, [name for name in names if marks.read_mark(present.get(name))])


def freshen(connection: sqlite3.Connection, data: Data) -> None:
    """Empties what the workload's author empties before each run."""
    emptied = [table.name for table in datasets.tables(data) if table.before_run == "empty"]
    with connection:
        for name in emptied:
            connection.execute(f"DELETE FROM {name}")


def is_empty(connection: sqlite3.Connection) -> bool:
    """Is there no table, index or view in the file?"""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _names(tables: tuple[Table, ...]) -> list[str]:
    """The tables, and before each the index over its full text, which reads from it."""
    return [
        name
        for table in tables
        for name in ([f"{table.name}_fts"] if table.full_text else []) + [table.name]
    ]


def _present(connection: sqlite3.Connection, names: list[str]) -> dict[str, str | None]:
    """The definition of whatever has one of these names."""
    marks = ", ".join("?" * len(names))
    return dict(
        connection.execute(
            f"SELECT lower(name), sql FROM sqlite_master WHERE lower(name) IN ({marks})", names
        ).fetchall()
    )


def _drop(connection: sqlite3.Connection, names: list[str]) -> None:
    for name in names:
        connection.execute(f"DROP TABLE {name}")


def _make_table(connection: sqlite3.Connection, table: Table, mark: marks.Mark) -> None:
    """Indexes come after the rows: building one is faster than keeping it up to date."""
    lines = ", ".join(_column_lines(table))
    connection.execute(f"CREATE TABLE {table.name} /* {mark} */ ({lines})")
    columns, values = ", ".join(table.filled), ", ".join("?" * len(table.filled))
    insert = f"INSERT INTO {table.name} ({columns}) VALUES ({values})"
    for block in table.rows():
        connection.executemany(insert, _plain(table, block))
    for statement in sql.index_statements(table):
        connection.execute(statement)
    if table.full_text:
        _make_full_text(connection, table, mark)


def _column_lines(table: Table) -> list[str]:
    """A key in the type that makes an integer the number of the row, as SQLite's users have it."""
    lines = sql.column_lines(table, TYPES)
    return [
        f"{column.name} {TYPES[column.type]} PRIMARY KEY NOT NULL"
        if column.name == table.primary_key
        else line
        for column, line in zip(table.columns, lines, strict=True)
    ]


def _plain(table: Table, block: Block) -> Iterable[tuple[Any, ...]]:
    """The rows with timestamps as SQLite's own functions write them."""
    times = [at for at, column in enumerate(table.columns) if column.type == "timestamp"]
    if not times:
        return block
    columns: list[Iterable[Any]] = list(zip(*block, strict=True))
    for at in times:
        columns[at] = map(str, columns[at])
    return zip(*columns, strict=True)


def _make_full_text(connection: sqlite3.Connection, table: Table, mark: marks.Mark) -> None:
    """An FTS5 index that reads its text from the table, and the triggers that keep it up to date."""
    fts, columns = f"{table.name}_fts", ", ".join(table.full_text)
    try:
        connection.execute(
            f"CREATE VIRTUAL TABLE {fts} /* {mark} */ USING"
            f" fts5({columns}, content='{table.name}', content_rowid='{table.primary_key}')"
        )
    except sqlite3.OperationalError as error:
        raise TargetError(
            f"this SQLite can't search text: {error}", hint="it was built without FTS5"
        ) from error
    connection.execute(f"INSERT INTO {fts}({fts}) VALUES ('rebuild')")
    key = table.primary_key
    new, old = (", ".join(f"{row}.{name}" for name in table.full_text) for row in ("new", "old"))
    add = f"INSERT INTO {fts}(rowid, {columns}) VALUES (new.{key}, {new});"
    remove = f"INSERT INTO {fts}({fts}, rowid, {columns}) VALUES ('delete', old.{key}, {old});"
    for event, actions in (("insert", add), ("delete", remove), ("update", remove + add)):
        connection.execute(
            f"CREATE TRIGGER {fts}_{event} AFTER {event} ON {table.name} BEGIN {actions} END"
        )
