"""The built-in datasets on Redis: `kv:1`, `kv:2`, … as strings, `documents:1`, … as hashes.

A dataset is made only where no key begins with its prefix, which takes a look at all names. The
marker `perfkit:dataset:NAME` then says that the prefix is perfkit's: it is written before the first
key and deleted after the last, so that a load cut short can still be dropped.

What of the prefix is dropped? At the end of the run that made it: every `kv:NUMBER`, for those are
its own keys and what its load added. Of a dataset that was left from earlier: only the keys that were
made then. Someone else may have come into the prefix since; what is still there is for people to judge.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import hiredis

from perfkit.backends.datasets import Table, size_and_fate, tables
from perfkit.backends.marks import Mark, mark_of, may_reuse, read_mark, unfinished_mark_of
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.errors import TargetError, UsageError
from perfkit.scenario import Data
from perfkit.units import show_count

BATCH = 10_000
SCAN_KEYS = 1_000  # for each SCAN, which so keeps the server busy for some 0.3 ms


def marker_key(name: str) -> str:
    """Where perfkit notes that a dataset is its own."""
    return f"perfkit:dataset:{name}"


def table_of(data: Data) -> Table:
    """The dataset's only table. UsageError for one that Redis can't hold."""
    made = tables(data)
    if len(made) != 1:
        raise UsageError(
            f"Redis can't hold the dataset {data.use!r}: its tables refer to each other",
            hint="use kv or documents",
        )
    return made[0]


def describe_data(data: Data) -> str:
    """What `make_data` is about to do."""
    table = table_of(data)
    name, count = table.name, table.count
    keys = (
        f"{show_count(count)} keys, {name}:1 to {name}:{count}"
        if count > 1
        else f"the key {name}:1"
    )
    return f"make {keys}, {size_and_fate(data)}"


def make_data(connection: Connection, data: Data) -> bool:
    """Makes the dataset; False when the very same was kept. TargetError when its name is taken."""
    table = table_of(data)
    marker = _marker(connection, table.name)
    if marker is not None:
        if may_reuse(data, [table.name], {table.name: str(marker)}):
            return False
        _drop_rows(connection, table.name, int(marker.parameters["rows"]))
    _refuse_if_taken(connection, table.name)
    _mark(connection, table.name, unfinished_mark_of(data))
    for batch in _batches(table):
        _all_done(connection, connection.pipeline(batch), f"making {table.name}")
    _mark(connection, table.name, mark_of(data))
    return True


def drop_data(connection: Connection, data: Data) -> None:
    """Drops the dataset that this run made, with the keys of its kind that the load added."""
    name = table_of(data).name
    if _marker(connection, name) is None:
        return
    ours = re.compile(rb"%s:\d+" % name.encode())
    for page in _keys(connection, name):
        _unlink(connection, name, [key for key in page if ours.fullmatch(key)])
    _ask(connection, f"dropping {name}", "DEL", marker_key(name))


def _drop_rows(connection: Connection, name: str, rows: int) -> None:
    """Drops the keys that an earlier run made, by their numbers, and its marker."""
    for first in range(1, rows + 1, BATCH):
        numbers = range(first, min(first + BATCH, rows + 1))
        _unlink(connection, name, [f"{name}:{number}" for number in numbers])
    _ask(connection, f"dropping {name}", "DEL", marker_key(name))


def _unlink(connection: Connection, name: str, keys: list[Any]) -> None:
    if keys:
        _ask(connection, f"dropping {name}", "UNLINK", *keys)


def _batches(table: Table) -> Iterator[list[list[Any]]]:
    for block in table.rows():
        yield [_command(table, row) for row in block]


def _command(table: Table, row: tuple[Any, ...]) -> list[Any]:
    key = f"{table.name}:{row[0]}"
    if len(row) == 2:
        return ["SET", key, row[1]]
    fields = zip((column.name for column in table.columns[1:]), map(str, row[1:]), strict=True)
    return ["HSET", key, *itertools.chain.from_iterable(fields)]


def _marker(connection: Connection, name: str) -> Mark | None:
    """What the marker says, None where there is none. TargetError when it is not perfkit's."""
    text = _ask(connection, f"looking for {name}", "GET", marker_key(name))
    if text is None:
        return None
    mark = read_mark(text.decode(errors="replace"))
    if mark is None or not isinstance(mark.parameters.get("rows"), int):
        raise TargetError(
            f"the key {marker_key(name)!r} is not what perfkit writes there",
            hint="delete it, once you know whose it is",
        )
    return mark


def _mark(connection: Connection, name: str, mark: Mark) -> None:
    _ask(connection, f"making {name}", "SET", marker_key(name), str(mark))


def _refuse_if_taken(connection: Connection, name: str) -> None:
    key = next(itertools.chain.from_iterable(_keys(connection, name)), None)
    if key is not None:
        raise TargetError(
            f"there are keys {name}:* on the target ({key.decode(errors='replace')}) that perfkit "
            "did not make, or that a load added to a dataset of an earlier run",
            hint="use another database number (redis://…/1), or delete them once you know whose they are",
        )


def _keys(connection: Connection, name: str) -> Iterator[list[bytes]]:
    """All keys that begin with the name and a colon, page by page; a key may come twice."""
    cursor: Any = b"0"
    while True:
        cursor, page = _ask(
            connection, f"looking for {name}:*", "SCAN", cursor, "MATCH", f"{name}:*", "COUNT", SCAN_KEYS
        )  # fmt: skip
        yield page
        if int(cursor) == 0:
            return


def _ask(connection: Connection, doing: str, *command: Any) -> Any:
    (reply,) = _all_done(connection, connection.pipeline([command]), doing)
    return reply


def _all_done(connection: Connection, replies: list[Any], doing: str) -> list[Any]:
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(connection.address, reply, doing)
    return replies
