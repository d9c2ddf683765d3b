"""The built-in datasets on Redis: `kv:1`, `kv:2`, … as strings, `documents:1`, … as hashes.

Every key's name follows from its number, so dropping needs no search through other people's keys.
The marker `perfkit:dataset:NAME` says that a dataset is perfkit's: it is written before the first
key and deleted after the last, so that a load cut short can still be dropped.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import hiredis

from perfkit.backends.datasets import Table, describe, parameters, tables
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.errors import TargetError, UsageError
from perfkit.scenario import Data

BATCH = 10_000
_SCAN_KEYS = 1_000
_SCAN_ROUNDS = 100


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
    return describe(data, what="keys", where=f" as {table.name}:1 to {table.name}:{table.count}")


def make_data(connection: Connection, data: Data) -> bool:
    """Makes the dataset; False when the very same was kept. TargetError when its name is taken."""
    table = table_of(data)
    wanted = parameters(data)
    marked = _marked(connection, table.name)
    if marked is not None and marked == {**wanted, "complete": True}:
        return False
    if marked is not None:
        drop_data(connection, data)
    _refuse_if_taken(connection, table.name)
    _mark(connection, table.name, {**wanted, "complete": False})
    for batch in _batches(table):
        _all_done(connection, connection.pipeline(batch), f"making {table.name}")
    _mark(connection, table.name, {**wanted, "complete": True})
    return True


def drop_data(connection: Connection, data: Data) -> None:
    """Drops the dataset if it is marked as perfkit's, with keys that the load added behind its end."""
    name = table_of(data).name
    marked = _marked(connection, name)
    if marked is None:
        return
    for first in itertools.count(1, BATCH):
        keys = [f"{name}:{number}" for number in range(first, first + BATCH)]
        (unlinked,) = _all_done(
            connection, connection.pipeline([["UNLINK", *keys]]), f"dropping {name}"
        )
        if first + BATCH > marked["rows"] and not unlinked:
            break
    connection.pipeline([["DEL", marker_key(name)]])


def _batches(table: Table) -> Iterator[list[list[Any]]]:
    for block in table.rows():
        yield [_command(table, row) for row in block]


def _command(table: Table, row: tuple[Any, ...]) -> list[Any]:
    key = f"{table.name}:{row[0]}"
    if len(row) == 2:
        return ["SET", key, row[1]]
    fields = zip((column.name for column in table.columns[1:]), map(str, row[1:]), strict=True)
    return ["HSET", key, *itertools.chain.from_iterable(fields)]


def _marked(connection: Connection, name: str) -> dict[str, Any] | None:
    """The parameters on the marker, None where there is none."""
    (text,) = _all_done(
        connection, connection.pipeline([["GET", marker_key(name)]]), f"looking for {name}"
    )
    if text is None:
        return None
    try:
        marked: dict[str, Any] = json.loads(text)
        int(marked["rows"])
    except (ValueError, TypeError, KeyError) as error:
        raise TargetError(
            f"the key {marker_key(name)!r} is not what perfkit writes there",
            hint="delete it, once you know whose it is",
        ) from error
    return marked


def _mark(connection: Connection, name: str, marked: dict[str, Any]) -> None:
    text = json.dumps(marked)
    _all_done(connection, connection.pipeline([["SET", marker_key(name), text]]), f"making {name}")


def _refuse_if_taken(connection: Connection, name: str) -> None:
    """Looks at the first names, then through a bounded part of the keys: a big server has millions."""
    found = connection.pipeline([["EXISTS", *(f"{name}:{number}" for number in range(BATCH))]])[0]
    key = f"{name}:…" if isinstance(found, int) and found else _scan(connection, name)
    if key:
        raise TargetError(
            f"there are keys {name}:* on the target ({key}) that perfkit did not make",
            hint="use another database number (redis://…/1), or your own setup in place of data.use",
        )


def _scan(connection: Connection, name: str) -> str | None:
    cursor: Any = 0
    for _ in range(_SCAN_ROUNDS):
        reply = connection.pipeline([["SCAN", cursor, "MATCH", f"{name}:*", "COUNT", _SCAN_KEYS]])[
            0
        ]
        if isinstance(reply, hiredis.ReplyError):
            return None  # SCAN is forbidden to this user; the first names were looked at
        cursor, keys = reply
        if keys:
            return str(keys[0].decode(errors="replace"))
        if int(cursor) == 0:
            break
    return None


def _all_done(connection: Connection, replies: list[Any], doing: str) -> list[Any]:
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(connection.address, reply, doing)
    return replies
