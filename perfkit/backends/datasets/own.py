"""perfkit's own datasets: kv, documents and orders."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfkit.backends.datasets.table import (
    Column,
    ColumnType,
    Table,
    Values,
    characters,
    in_blocks,
    row_bytes,
)
from perfkit.scenario.datasets import items_of, table_rows

_SECONDS_COVERED = 2 * 365 * 86_400
_LAST_SECOND = 1_735_689_600  # 2025-01-01 00:00:00 UTC: the content must not depend on today

# The head of the vocabulary, most frequent first: "data" is in most documents, "zeppelin" in few.
_KNOWN_WORDS = (
    "data system user query index table page search cache server value key note order report "
    "model result time change service team plan test version release error record field session "
    "request answer network storage memory backup policy access account contract invoice payment "
    "customer product price market region office project budget meeting review design guide "
    "manual example lesson summary draft archive folder library article chapter section figure "
    "diagram picture letter message channel thread comment question reply ticket incident outage "
    "repair upgrade migration replica cluster shard leader follower partition snapshot journal "
    "checkpoint latency throughput capacity traffic balance threshold alert metric dashboard "
    "monitor probe sample trace span histogram median average deviation estimate forecast season "
    "harvest river mountain harbour bridge tunnel station railway airport garden kitchen orchard "
    "meadow glacier volcano lantern compass telescope violin zeppelin"
)
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "lan")  # fmt: skip
_VOCABULARY_SIZE = 8192


def _make_vocabulary() -> list[str]:
    """Known words first, then made-up ones of three or four syllables that can be spoken."""
    made = (
        "".join(syllables)
        for length in (3, 4)
        for syllables in itertools.product(_SYLLABLES, repeat=length)
    )
    return list(
        itertools.islice(dict.fromkeys((*_KNOWN_WORDS.split(" "), *made)), _VOCABULARY_SIZE)
    )


VOCABULARY: Sequence[str] = _make_vocabulary()
"""The words of `documents`, most frequent first: word r is 1/r times as frequent as the first."""


_WEIGHTS = 1.0 / np.arange(1, _VOCABULARY_SIZE + 1)
_CUMULATED_WEIGHTS = np.cumsum(_WEIGHTS)
_MEAN_WORD_CHARACTERS = 1 + float(np.average(list(map(len, VOCABULARY)), weights=_WEIGHTS))

CATEGORIES = ("howto", "reference", "incident", "decision", "meeting", "research", "policy", "faq")
STATUSES = ("open", "paid", "shipped", "delivered", "returned", "cancelled")
REGIONS = ("north", "east", "south", "west", "overseas")
AUTHORS = 200
PRODUCTS = 1_000


def kv(rows: int, value_size: int) -> tuple[Table, ...]:
    """Texts of exactly that size."""

    def values(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield characters(random, len(ids), value_size)

    return (_table("kv", {"v": "text"}, rows, value_size, values),)


def documents(rows: int, value_size: int) -> tuple[Table, ...]:
    """A knowledge base with bodies of about that size."""

    def values(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        count = len(ids)
        yield _pick(CATEGORIES, random.integers(len(CATEGORIES), size=count))
        yield _texts(random, random.integers(3, 9, size=count))
        yield _texts(random, _word_counts(random, count, value_size))
        yield [f"author{n}" for n in _skewed(random, AUTHORS, count).tolist()]
        yield _times(random, count)

    columns: dict[str, ColumnType] = {
        "category": "text", "title": "text", "body": "text", "author": "text", "updated_at": "timestamp",
    }  # fmt: skip
    return (
        _table(
            "documents", columns, rows, 2 * value_size + 120, values,
            indexes=(("category", "updated_at"),), full_text=("title", "body"),
        ),
    )  # fmt: skip


def orders(rows: int, value_size: int) -> tuple[Table, ...]:
    """Customers, orders with notes of about that size, and items."""
    customers = table_rows("orders", rows)["customers"]
    return (
        _customers_table(customers),
        _orders_table(rows, customers, value_size),
        _items_table(rows),
    )


def _customers_table(count: int) -> Table:
    def values(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        names = _pick(VOCABULARY, random.integers(_VOCABULARY_SIZE, size=len(ids)))
        yield [name.capitalize() for name in names]
        yield [f"customer{n}@example.com" for n in ids.tolist()]
        yield _pick(REGIONS, random.integers(len(REGIONS), size=len(ids)))
        yield _times(random, len(ids))

    columns: dict[str, ColumnType] = {
        "name": "text", "email": "text", "region": "text", "created_at": "timestamp",
    }  # fmt: skip
    return _table("customers", columns, count, 60, values, indexes=(("email",),))


def _orders_table(rows: int, customers: int, value_size: int) -> Table:
    def values(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        count = len(ids)
        yield _skewed(random, customers, count).tolist()
        yield _pick(STATUSES, random.integers(len(STATUSES), size=count))
        yield random.integers(500, 100_000, size=count).tolist()
        yield _times(random, count)
        yield _texts(random, _word_counts(random, count, value_size))

    columns: dict[str, ColumnType] = {
        "customer_id": "integer", "status": "text", "total_cents": "integer",
        "created_at": "timestamp", "note": "text",
    }  # fmt: skip
    indexes = (("customer_id", "created_at"),)
    return _table("orders", columns, rows, value_size + 40, values, indexes=indexes)


def _items_table(orders: int) -> Table:
    """One to five items an order, by the order's number, so that their count needs no drawing."""

    def values(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        count = len(ids)
        cycle, place = np.divmod(ids - 1, 15)  # 1 + 2 + 3 + 4 + 5 items for five orders
        yield (cycle * 5 + np.repeat(np.arange(1, 6), np.arange(1, 6))[place]).tolist()
        yield [f"product{n}" for n in _skewed(random, PRODUCTS, count).tolist()]
        yield random.integers(1, 10, size=count).tolist()
        yield random.integers(100, 50_000, size=count).tolist()

    columns: dict[str, ColumnType] = {
        "order_id": "integer", "product": "text", "quantity": "integer", "price_cents": "integer",
    }  # fmt: skip
    return _table("items", columns, items_of(orders), 40, values, indexes=(("order_id",),))


def _table(  # noqa: PLR0913  a table has as many facts
    name: str,
    columns: dict[str, ColumnType],
    count: int,
    value_bytes: int,
    values: Values,
    *,
    indexes: tuple[tuple[str, ...], ...] = (),
    full_text: tuple[str, ...] = (),
) -> Table:
    """A table with the primary key id, 1 to count, and the columns that `values` yields in turn.

    Its indexes are named as PostgreSQL itself would name them.
    """

    def with_id(ids: NDArray[np.int64], random: np.random.Generator) -> Iterator[Sequence[Any]]:
        yield ids.tolist()
        yield from values(ids, random)

    return Table(
        name=name,
        columns=(Column("id", "integer"), *(Column(*column) for column in columns.items())),
        primary_key="id",
        indexes={f"{name}_{'_'.join(indexed)}_idx": indexed for indexed in indexes},
        full_text=full_text,
        count=count,
        row_bytes=row_bytes(value_bytes),
        rows=in_blocks(name, count, value_bytes, with_id),
    )


def _pick(choices: Sequence[str], at: NDArray[np.int64]) -> list[str]:
    return [choices[place] for place in at.tolist()]


def _skewed(random: np.random.Generator, bound: int, count: int) -> NDArray[np.int64]:
    """Numbers from 1 to bound, low ones more often: the first tenth gets about a third of them."""
    drawn: NDArray[np.int64] = (random.random(count) ** 2 * bound).astype(np.int64) + 1
    return drawn


def _times(random: np.random.Generator, count: int) -> list[Any]:
    seconds = _LAST_SECOND - random.integers(_SECONDS_COVERED, size=count)
    times: list[Any] = seconds.astype("datetime64[s]").tolist()
    return times


def _word_counts(random: np.random.Generator, count: int, characters: int) -> NDArray[np.int64]:
    """Numbers of words for texts of that many characters on average, from half to half as much again."""
    words = max(1, round(characters / _MEAN_WORD_CHARACTERS))
    return random.integers(math.ceil(words / 2), words * 3 // 2 + 1, size=count)


def _texts(random: np.random.Generator, word_counts: NDArray[np.int64]) -> list[str]:
    """Texts of so many words each, word number r of the vocabulary with a frequency of 1/r."""
    total = int(word_counts.sum())
    ranks = np.searchsorted(_CUMULATED_WEIGHTS, random.random(total) * _CUMULATED_WEIGHTS[-1])
    words = iter(_pick(VOCABULARY, ranks))
    return [" ".join(itertools.islice(words, length)) for length in word_counts.tolist()]
