"""The datasets of the standard workloads, as their authors make them: ycsb, pgbench and sysbench."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfkit.backends.datasets.table import (
    Column,
    Numbers,
    Table,
    Values,
    characters,
    cut,
    in_blocks,
    row_bytes,
)
from perfkit.backends.ycsb import ycsb_keys
from perfkit.scenario.datasets import ROWS_PER_BRANCH, TELLERS_PER_BRANCH, table_rows

YCSB_FIELDS = 10
_BIGINT_SCALE = 20_000  # from which on pgbench numbers its accounts with bigint
_C_GROUPS, _PAD_GROUPS, _GROUP_DIGITS = 10, 5, 11


def ycsb(rows: int, value_size: int) -> tuple[Table, ...]:
    """YCSB's usertable: ten fields of random characters, under keys that are hashes of numbers.

    Source: CoreWorkload.java (fieldcount=10, fieldlength=100, insertorder=hashed) and the README of
    the JDBC binding.
    """

    def values(numbers: Numbers, random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield ycsb_keys(numbers)
        for _ in range(YCSB_FIELDS):
            yield characters(random, len(numbers), value_size)

    fields = (Column(f"field{number}", "text") for number in range(YCSB_FIELDS))
    return (
        _table("usertable", rows, 24 + YCSB_FIELDS * value_size, values,
               (Column("ycsb_key", "text"), *fields)),
    )  # fmt: skip


def pgbench(rows: int, _value_size: int) -> tuple[Table, ...]:
    """pgbench's four tables with so many accounts. Source: pgbench.c, from initCreateTables on.

    What pgbench leaves to char(84), blanks, is written out, so that a row is as large in SQLite.
    """
    counts = table_rows("pgbench", rows)
    return (
        _branches(counts["pgbench_branches"]),
        _tellers(counts["pgbench_tellers"]),
        _accounts(rows),
        _history(rows),
    )


def _branches(count: int) -> Table:
    def values(bids: Numbers, _random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield bids.tolist()
        yield [0] * len(bids)

    columns = (
        Column("bid", "integer", "int not null"),
        Column("bbalance", "integer", "int"),
        Column("filler", "text", "char(88)", filled=False),
    )
    return _pgbench_table("pgbench_branches", count, values, columns, before_run="vacuum")


def _tellers(count: int) -> Table:
    def values(tids: Numbers, _random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield tids.tolist()
        yield ((tids - 1) // TELLERS_PER_BRANCH + 1).tolist()
        yield [0] * len(tids)

    columns = (
        Column("tid", "integer", "int not null"),
        Column("bid", "integer", "int"),
        Column("tbalance", "integer", "int"),
        Column("filler", "text", "char(84)", filled=False),
    )
    return _pgbench_table("pgbench_tellers", count, values, columns, before_run="vacuum")


def _accounts(count: int) -> Table:
    blanks = " " * 84

    def values(aids: Numbers, _random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield aids.tolist()
        yield ((aids - 1) // ROWS_PER_BRANCH + 1).tolist()
        yield [0] * len(aids)
        yield [blanks] * len(aids)

    columns = (
        Column("aid", "integer", f"{_aid_type(count)} not null"),
        Column("bid", "integer", "int"),
        Column("abalance", "integer", "int"),
        Column("filler", "text", "char(84)"),
    )
    return _pgbench_table("pgbench_accounts", count, values, columns)


def _history(accounts: int) -> Table:
    columns = (
        Column("tid", "integer", "int"),
        Column("bid", "integer", "int"),
        Column("aid", "integer", _aid_type(accounts)),
        Column("delta", "integer", "int"),
        Column("mtime", "timestamp", "timestamp"),
        Column("filler", "text", "char(22)", filled=False),
    )
    return Table(
        name="pgbench_history",
        columns=columns,
        primary_key=None,
        count=0,
        row_bytes=0,
        rows=lambda: iter(()),
        vacuumed=True,
        before_run="empty",
    )


def _aid_type(accounts: int) -> str:
    return "bigint" if accounts >= _BIGINT_SCALE * ROWS_PER_BRANCH else "int"


def sysbench(rows: int, _value_size: int) -> tuple[Table, ...]:
    """sysbench's table sbtest1: an indexed number and two texts of groups of digits.

    Source: oltp_common.lua, with k drawn evenly as `--rand-type=uniform` does.
    """

    def values(ids: Numbers, random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield ids.tolist()
        yield random.integers(1, rows, size=len(ids), endpoint=True).tolist()
        yield _groups(random, len(ids), _C_GROUPS)
        yield _groups(random, len(ids), _PAD_GROUPS)

    columns = (
        Column("id", "integer", "serial"),
        Column("k", "integer", "integer DEFAULT 0 NOT NULL"),
        Column("c", "text", "char(120) DEFAULT '' NOT NULL"),
        Column("pad", "text", "char(60) DEFAULT '' NOT NULL"),
    )
    return (_table("sbtest1", rows, 188, values, columns, indexes={"k_1": ("k",)}),)


def _groups(random: np.random.Generator, count: int, groups: int) -> list[str]:
    """Groups of eleven random digits, joined by dashes."""
    size = groups * (_GROUP_DIGITS + 1) - 1
    letters: NDArray[np.uint8] = random.integers(ord("0"), ord("9"), (count, size), np.uint8, True)
    letters[:, _GROUP_DIGITS :: _GROUP_DIGITS + 1] = ord("-")
    return cut(letters, count, size)


def redis_benchmark(rows: int, value_size: int) -> tuple[Table, ...]:
    """The strings that redis-benchmark's SET leaves behind: key:000000000001 and so on."""

    def values(numbers: Numbers, random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield [f"{number:012}" for number in numbers.tolist()]
        yield characters(random, len(numbers), value_size)

    columns = (Column("number", "text"), Column("value", "text"))
    return (_table("key", rows, 16 + value_size, values, columns),)


def _pgbench_table(
    name: str, count: int, values: Values, columns: tuple[Column, ...], **more: Any
) -> Table:
    options = {"storage": "fillfactor=100", "vacuumed": True}
    return _table(name, count, 96, values, columns, **options, **more)


def _table(
    name: str,
    count: int,
    value_bytes: int,
    values: Values,
    columns: tuple[Column, ...],
    **more: Any,
) -> Table:
    """A table whose first column is its primary key."""
    return Table(
        name=name,
        columns=columns,
        primary_key=columns[0].name,
        count=count,
        row_bytes=row_bytes(value_bytes),
        rows=in_blocks(name, count, value_bytes, values),
        **more,
    )
