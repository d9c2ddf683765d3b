"""Texts, bytes and whatever else is looked up rather than calculated."""

import csv
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import cycle, repeat
from math import gcd
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perfkit.load.generate.corpus import corpus
from perfkit.load.generate.source import BLOCK, Source, in_blocks, one_by_one
from perfkit.load.mix import weighted
from perfkit.load.streams import stream
from perfkit.scenario.values import Bytes, Choice, Constant, Csv, Text, Timestamp, Uuid
from perfkit.units import NS_PER_S

_POOL = 16_384  # characters or bytes made at once
_SPACE = ord(" ")
_MICROSECOND = timedelta(microseconds=1)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def choice(param: Choice, source: Source) -> Iterator[Any]:
    """One of the values, by weight."""
    weights = param.weights or (1.0,) * len(param.values)
    return map(param.values.__getitem__, weighted(weights, source.rng()))


def constant(param: Constant, _source: Source) -> Iterator[Any]:
    """The value."""
    return repeat(param.value)


def text(param: Text, source: Source) -> Iterator[str]:
    """Texts of a length evenly between the bounds; words start and end with a letter."""
    lengths = _lengths(param.length, source)
    if param.alphabet is None:
        return _words(lengths, param.length[1], source.rng())
    letters = np.frombuffer(param.alphabet.encode("utf-32-le"), dtype="<u4")
    rng = source.rng()
    return _pieces(
        lengths,
        param.length[1],
        lambda size: letters[rng.integers(len(letters), size=size)].tobytes().decode("utf-32-le"),
    )


def bytes_(param: Bytes, source: Source) -> Iterator[bytes]:
    """Random bytes of a length evenly between the bounds."""
    return _pieces(_lengths(param.length, source), param.length[1], source.rng().bytes)


Lengths = Callable[[int], npt.NDArray[np.int64]]


def _lengths(bounds: tuple[int, int], source: Source) -> Lengths:
    low, high = bounds
    rng = stream(source.seed, "length", source.operation, source.param, source.worker)
    return lambda size: rng.integers(low, high, size, endpoint=True)


def _pieces(lengths: Lengths, longest: int, make: Callable[[int], Any]) -> Iterator[Any]:
    """Pieces of those lengths, cut out of fresh material."""
    count = max(1, min(BLOCK, _POOL // max(1, longest)))

    def block() -> Iterator[Any]:
        ends = np.cumsum(lengths(count))
        pool = make(int(ends[-1]))
        starts = np.concatenate(([0], ends[:-1]))
        return map(pool.__getitem__, map(slice, starts.tolist(), ends.tolist()))

    return one_by_one(block)


def _words(lengths: Lengths, longest: int, rng: np.random.Generator) -> Iterator[str]:
    """Two passages of a long text of random words: one alone would come back too soon."""
    passages = corpus()
    words = np.frombuffer(passages.encode(), dtype=np.uint8) != _SPACE
    beginnings = np.flatnonzero(~words)[:-1] + 1
    passages *= 1 + -(-longest // len(passages))

    def cut(sizes: npt.NDArray[np.int64]) -> Iterator[str]:
        starts = beginnings[rng.integers(len(beginnings), size=BLOCK)]
        while len(bad := np.flatnonzero(~words[(starts + sizes - 1) % len(words)] & (sizes > 0))):
            starts[bad] = beginnings[rng.integers(len(beginnings), size=len(bad))]
        return map(passages.__getitem__, map(slice, starts.tolist(), (starts + sizes).tolist()))

    def block() -> Iterator[str]:
        sizes = lengths(BLOCK)
        return map(add, cut(sizes // 2), cut(sizes - sizes // 2))

    return one_by_one(block)


def uuid(_param: Uuid, source: Source) -> Iterator[str]:
    """Random UUIDs (RFC 9562, version 4) in lower case."""
    rng = source.rng()
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    dashes = [8, 13, 18, 23]
    places = [place for place in range(36) if place not in dashes]
    slices = [slice(i * 36, (i + 1) * 36) for i in range(BLOCK)]

    def block() -> Iterator[str]:
        nibbles = rng.integers(16, size=(BLOCK, 32), dtype=np.uint8)
        nibbles[:, 12] = 4  # the version
        nibbles[:, 16] = 8 | nibbles[:, 16] & 3  # the variant
        letters = np.full((BLOCK, 36), ord("-"), dtype=np.uint8)
        letters[:, places] = digits[nibbles]
        return map(letters.tobytes().decode().__getitem__, slices)

    return one_by_one(block)


def timestamp(param: Timestamp, source: Source) -> Iterator[str]:
    """RFC 3339 texts in UTC with microseconds: evenly between the bounds, or the time of the draw."""
    if param.start is None or param.end is None:
        return _now()
    low, high = _micros(param.start), _micros(param.end)
    rng = source.rng()

    def draw(size: int) -> npt.NDArray[Any]:
        return np.datetime_as_string(
            rng.integers(low, high, size, endpoint=True).astype("datetime64[us]")
        )

    return map(add, in_blocks(draw, rng), repeat("+00:00"))


def _now() -> Iterator[str]:
    shown_s, text = 0, ""
    while True:
        now_s, rest_ns = divmod(time.time_ns(), NS_PER_S)
        if now_s != shown_s:  # writing the calendar is the expensive part
            shown_s, text = now_s, f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%S}"
        yield f"{text}.{rest_ns // 1000:06d}+00:00"


def _micros(moment: str) -> int:
    return (datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def csv_column(param: Csv, source: Source) -> Iterator[str | int]:
    """A column's values in order, each row for one worker at a time, or rows by chance.

    Columns of one file give values of the same row within an operation, in either order.
    """
    path = source.base_dir / param.file
    try:
        rows = _column(path, param.column)
    except (OSError, ValueError, csv.Error) as error:
        raise source.wrong(f"can't take column {param.column!r} of {path}: {error}") from error
    if param.order == "random":
        rng = stream(source.seed, "csv", source.operation, param.file, source.worker)
        return map(
            rows.__getitem__, in_blocks(lambda size: rng.integers(len(rows), size=size), rng)
        )
    turns = len(rows) // gcd(len(rows), source.workers)
    mine = [rows[(source.worker + i * source.workers) % len(rows)] for i in range(turns)]
    return cycle(mine)


@lru_cache(maxsize=64)
def _column(path: Path, column: str) -> tuple[str, ...] | tuple[int, ...]:
    """The column; as integers where every value is one, written as one is (no 007)."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        values = tuple(row[column] for row in csv.DictReader(file) if _has(row, column))
    if not values:
        raise ValueError("there are no rows below the header")
    if all(map(_INTEGER.fullmatch, values)):
        return tuple(map(int, values))
    return values


def _has(row: dict[str, str], column: str) -> bool:
    if column not in row:
        raise ValueError(f"the header has {', '.join(map(str, row))}")
    if row[column] is None:  # a line that is too short
        raise ValueError("a row has too few columns")
    return True
