"""How the built-in datasets lie in Redis: which keys they have, and which names they need for that."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from perfkit.backends.datasets import Table, size_and_fate, tables_on
from perfkit.scenario import Data
from perfkit.units import show_count

BACKEND = "Redis"


@dataclass(frozen=True, slots=True)
class Layout:
    """A row is a string, or a hash where it has several values, under `TABLE:KEY`.

    `names` must all be free before the dataset is made, a `*` at an end standing for anything; `ours`
    matches the keys among them that perfkit makes or that its workloads write. `words` tell people
    what is made. `index` is the sorted set of all rows' keys, where there is one.
    """

    name: str
    table: Table
    names: tuple[str, ...]
    ours: re.Pattern[bytes]
    words: str
    index: str | None = None

    def made_keys(self) -> Iterator[list[str]]:
        """The keys that are made, page by page."""
        if self.index:
            yield [self.index]
        for block in self.table.rows():
            yield [self._key(row) for row in block]

    def commands(self) -> Iterator[list[list[Any]]]:
        """The commands that make it, page by page."""
        for block in self.table.rows():
            made = [self._made(row) for row in block]
            if self.index:
                members = itertools.chain.from_iterable((0, row[0]) for row in block)
                made.append(["ZADD", self.index, *members])
            yield made

    def _key(self, row: tuple[Any, ...]) -> str:
        return f"{self.table.name}:{row[0]}"

    def _made(self, row: tuple[Any, ...]) -> list[Any]:
        if len(row) == 2:
            return ["SET", self._key(row), row[1]]
        fields = zip(self.table.filled[1:], map(str, row[1:]), strict=True)
        return ["HSET", self._key(row), *itertools.chain.from_iterable(fields)]


def layout_of(data: Data) -> Layout:
    """Where the dataset lies. UsageError for one that Redis can't hold."""
    (table,) = tables_on(BACKEND, data)
    make = {"ycsb": _ycsb, "redis-benchmark": _redis_benchmark}.get(data.use or "", _numbered)
    return make(table)


def describe_data(data: Data) -> str:
    """What making the dataset does, in words that go after "this will"."""
    return f"make {layout_of(data).words}, {size_and_fate(data)}"


def _numbered(table: Table) -> Layout:
    name, count = table.name, table.count
    return Layout(
        name=name,
        table=table,
        names=(f"{name}:*",),
        ours=re.compile(rb"%s:\d+" % name.encode()),
        words=_keys(f"{name}:1", f"{name}:{count}", count),
    )


def _ycsb(table: Table) -> Layout:
    """With the index that YCSB's binding for Redis keeps for its scans, there named _indices."""
    return Layout(
        name="ycsb",
        table=table,
        names=("usertable:*",),
        ours=re.compile(rb"usertable:(user\d+|_indices)"),
        words=f"{_counted(table.count)} usertable:user… and their index, usertable:_indices",
        index="usertable:_indices",
    )


def _redis_benchmark(table: Table) -> Layout:
    """With the names that other tests of redis-benchmark than SET and GET write to."""
    others = ("counter:*", "mylist", "myset", "myhash", "myzset")
    made = _keys(f"key:{1:012}", f"key:{table.count:012}", table.count)
    return Layout(
        name="redis-benchmark",
        table=table,
        names=("key:*", *others),
        ours=re.compile(rb"(key|counter):\d{12}|mylist|myset|myhash|myzset"),
        words=f"{made}, and use the names {', '.join(others)}",
    )


def _keys(first: str, last: str, count: int) -> str:
    return f"the key {first}" if count == 1 else f"{_counted(count)}, {first} to {last}"


def _counted(count: int) -> str:
    return "1 key" if count == 1 else f"{show_count(count)} keys"
