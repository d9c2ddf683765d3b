"""What a table of a dataset is, and how its rows are drawn.

Pure and deterministic: one set of parameters gives one content, whenever and wherever it is made.
Rows are drawn in blocks with numpy, so that making them is never what a load waits for, and memory
stays flat whatever the number of rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ColumnType = Literal["integer", "real", "text", "timestamp"]
Block = list[tuple[Any, ...]]
Numbers = NDArray[np.int64]
Values = Callable[[Numbers, np.random.Generator], Iterator[Sequence[Any]]]
"""The columns of a block of rows in turn, from the rows' numbers (1, 2, …) and random numbers."""

_SEED = 20_240_229
_BLOCK_ROWS = 10_000
_BLOCK_BYTES = 8 * 2**20
_ROW_OVERHEAD_BYTES = 40  # header and key of a row, roughly, on any of the backends


@dataclass(frozen=True, slots=True)
class Column:
    """A column. A timestamp is a datetime in UTC without a zone.

    `declared` is its type as a workload's author declares it in SQL (`char(84)`), which may allow
    nulls; without it the column is never null, in each backend's own type for `type`. A column that
    is not `filled` is null in every row, which holds no value for it.
    """

    name: str
    type: ColumnType
    declared: str | None = None
    filled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or collection: `rows()` gives its rows in blocks, in the order in which they are made.

    `indexes` are the columns of each secondary index by its name, `full_text` the columns that a text
    search covers. `row_bytes` is an estimate of what a row takes on disk. What a workload's author
    does besides: `storage` are PostgreSQL's storage parameters, a table that is `vacuumed` is so
    after it is made, and `before_run` is done to it before each run.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: str | None
    count: int
    row_bytes: int
    rows: Callable[[], Iterator[Block]]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    full_text: tuple[str, ...] = ()
    storage: str | None = None
    vacuumed: bool = False
    before_run: Literal["empty", "vacuum"] | None = None

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of the columns that rows have values for, in their order."""
        return tuple(column.name for column in self.columns if column.filled)


def row_bytes(value_bytes: int) -> int:
    """What a row with so much in its columns takes on disk, estimated."""
    return value_bytes + _ROW_OVERHEAD_BYTES


def in_blocks(
    name: str, count: int, value_bytes: int, values: Values
) -> Callable[[], Iterator[Block]]:
    """The rows of the table of that name, drawn anew at each call, in blocks that are not too large."""
    block_rows = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (value_bytes + 1)))

    def rows() -> Iterator[Block]:
        for number, first in enumerate(range(1, count + 1, block_rows)):
            numbers = np.arange(first, min(first + block_rows, count + 1))
            random = np.random.default_rng([_SEED, number, *name.encode()])
            yield list(zip(*values(numbers, random), strict=True))

    return rows


def characters(random: np.random.Generator, count: int, size: int) -> list[str]:
    """Texts of exactly this size, random enough that no server compresses them away."""
    alphabet = np.frombuffer(
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", np.uint8
    )
    noise = np.frombuffer(random.bytes(count * size), np.uint8) & 63
    return cut(alphabet[noise], count, size)


def cut(letters: NDArray[np.uint8], count: int, size: int) -> list[str]:
    """So many texts of so many letters, one after the other."""
    text = letters.tobytes().decode("ascii")
    starts = range(0, count * size, size) if size else ()
    return [text[start : start + size] for start in starts] or [""] * count
