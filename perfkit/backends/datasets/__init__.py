"""The built-in datasets: what their tables hold, row by row, the same on every backend.

kv         kv (id, v): text of `value_size` characters.
documents  documents (id, category, title, body, author, updated_at): a knowledge base. Words come
           with Zipf's frequencies, so a search finds nearly everything or nearly nothing depending
           on the word (see VOCABULARY); bodies have about `value_size` characters.
orders     customers, orders and items (ten orders a customer and three items an order on average;
           a few customers have most orders); notes have about `value_size` characters.
ycsb       usertable (ycsb_key, field0 … field9), fields of `value_size` characters.
pgbench    pgbench_branches, pgbench_tellers, pgbench_accounts (`rows` of them), pgbench_history.
sysbench   sbtest1 (id, k, c, pad).
redis-benchmark  key:000000000001 and so on, of `value_size` characters.
"""

from collections.abc import Callable, Mapping, Sequence

from perfkit.backends.datasets import own, standard
from perfkit.backends.datasets.own import VOCABULARY
from perfkit.backends.datasets.table import Block, Column, ColumnType, Table
from perfkit.errors import UsageError
from perfkit.scenario import Data
from perfkit.units import show_count, show_size

__all__ = [
    "VERSION",
    "VOCABULARY",
    "Block",
    "Column",
    "ColumnType",
    "Table",
    "describe",
    "parameters",
    "size_and_fate",
    "size_bytes",
    "tables",
    "tables_on",
]

VERSION = 1  # of the content; another content must not be taken for one that was kept

_MAKERS: Mapping[str, Callable[[int, int], tuple[Table, ...]]] = {
    "kv": own.kv,
    "documents": own.documents,
    "orders": own.orders,
    "ycsb": standard.ycsb,
    "pgbench": standard.pgbench,
    "sysbench": standard.sysbench,
    "redis-benchmark": standard.redis_benchmark,
}
_SQL = ("PostgreSQL", "SQLite")
_ONLY: Mapping[str, tuple[str, ...]] = {
    "orders": (*_SQL, "MongoDB"),  # its tables refer to each other
    "pgbench": _SQL,
    "sysbench": _SQL,
    "redis-benchmark": ("Redis",),
}


def tables(data: Data) -> tuple[Table, ...]:
    """The tables of the built-in dataset that `data.use` names; none where it names none."""
    return _MAKERS[data.use](data.rows, data.value_size) if data.use else ()


def tables_on(backend: str, data: Data) -> tuple[Table, ...]:
    """The same, for a backend named as people name it. UsageError for one that it can't hold."""
    there = _ONLY.get(data.use or "", (backend,))
    if backend not in there:
        held = [use for use in _MAKERS if backend in _ONLY.get(use, (backend,))]
        raise UsageError(
            f"{backend} can't hold the dataset {data.use!r}, which is for {_listed(there, 'and')}",
            hint=f"use {_listed(held, 'or')}",
        )
    return tables(data)


def parameters(data: Data) -> dict[str, str | int]:
    """What the content depends on: two datasets with equal parameters are the same, row by row."""
    return {
        "use": data.use or "",
        "rows": data.rows,
        "value_size": data.value_size,
        "version": VERSION,
    }


def size_bytes(data: Data) -> int:
    """What the dataset takes on disk, estimated."""
    return sum(table.count * table.row_bytes for table in tables(data))


def describe(backend: str, data: Data, what: str = "table", where: str = "") -> str:
    """What making the dataset does, in words that go after "this will": "make the table kv (…)".

    UsageError for one that the backend can't hold.
    """
    made = [f"{table.name} ({_rows(table.count)})" for table in tables_on(backend, data)]
    plural = "" if len(made) == 1 else "s"
    return f"make the {what}{plural} {_listed(made, 'and')}{where}, {size_and_fate(data)}"


def size_and_fate(data: Data) -> str:
    """The end of a description: what the dataset takes, and what becomes of it."""
    fate = "kept afterwards" if data.keep else "dropped afterwards"
    return f"about {show_size(size_bytes(data))} in all, {fate}"


def _rows(count: int) -> str:
    if count == 0:
        return "empty"
    return "1 row" if count == 1 else f"{show_count(count)} rows"


def _listed(words: Sequence[str], joint: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
