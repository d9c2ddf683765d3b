"""The built-in datasets on Redis: `kv:1`, `kv:2`, … as strings, `documents:1`, … as hashes.

A dataset is made only where no key has one of its names (see Layout), which takes a look at all keys.
The marker `perfkit:dataset:NAME` then says that these names are perfkit's: it is written before the
first key and deleted after the last, so that a load cut short can still be dropped.

What of the names is dropped? At the end of the run that made it: every key that has the form of
perfkit's, `kv:NUMBER`, for those are its own keys and what its load added. Of a dataset that was left
from earlier: only the keys that were made then. Someone else may have taken one of the names since;
what is still there is for people to judge.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import hiredis

from perfkit.backends.marks import Mark, mark_of, may_reuse, read_mark, unfinished_mark_of
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.backends.redis.layout import Layout, layout_of
from perfkit.errors import TargetError
from perfkit.scenario import Data

SCAN_KEYS = 1_000  # for each SCAN, which so keeps the server busy for some 0.3 ms


def marker_key(name: str) -> str:
    """Where perfkit notes that a dataset is its own."""
    return f"perfkit:dataset:{name}"


def make_data(connection: Connection, data: Data) -> bool:
    """Makes the dataset; False when the very same was kept. TargetError when its name is taken."""
    layout = layout_of(data)
    marker = _marker(connection, layout.name)
    if marker is not None:
        if may_reuse(data, [layout.name], {layout.name: str(marker)}):
            return False
        _drop_made(connection, data, int(marker.parameters["rows"]))
    _refuse_if_taken(connection, layout)
    _mark(connection, layout.name, unfinished_mark_of(data))
    for page in layout.commands():
        _all_done(connection, connection.pipeline(page), f"making {layout.name}")
    _mark(connection, layout.name, mark_of(data))
    return True


def drop_data(connection: Connection, data: Data) -> None:
    """Drops the dataset that this run made, with the keys of its kind that the load added."""
    layout = layout_of(data)
    if _marker(connection, layout.name) is None:
        return
    for page in _keys(connection, layout.names):
        _unlink(connection, layout.name, [key for key in page if layout.ours.fullmatch(key)])
    _ask(connection, f"dropping {layout.name}", "DEL", marker_key(layout.name))


def _drop_made(connection: Connection, data: Data, rows: int) -> None:
    """Drops the keys that an earlier run made, which are known from their number, and its marker."""
    layout = layout_of(Data(use=data.use, rows=rows, value_size=0))
    for page in layout.made_keys():
        _unlink(connection, layout.name, page)
    _ask(connection, f"dropping {layout.name}", "DEL", marker_key(layout.name))


def _unlink(connection: Connection, name: str, keys: list[Any]) -> None:
    if keys:
        _ask(connection, f"dropping {name}", "UNLINK", *keys)


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


def _refuse_if_taken(connection: Connection, layout: Layout) -> None:
    key = next(itertools.chain.from_iterable(_keys(connection, layout.names)), None)
    if key is not None:
        raise TargetError(
            f"the key {key.decode(errors='replace')} is on the target, one of {', '.join(layout.names)}, "
            "that perfkit did not make, or that a load added to a dataset of an earlier run",
            hint="use another database number (redis://…/1), or delete them once you know whose they are",
        )


def _keys(connection: Connection, names: Sequence[str]) -> Iterator[list[bytes]]:
    """All keys that have these names, page by page; a key may come twice."""
    for name in names:
        if name.endswith("*"):
            yield from _scanned(connection, name)
        elif _ask(connection, f"looking for {name}", "EXISTS", name):
            yield [name.encode()]


def _scanned(connection: Connection, pattern: str) -> Iterator[list[bytes]]:
    cursor: Any = b"0"
    while True:
        cursor, page = _ask(
            connection, f"looking for {pattern}", "SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_KEYS
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
