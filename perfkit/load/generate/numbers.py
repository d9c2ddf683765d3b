"""Numbers: the distributions that a param may have."""

from collections.abc import Callable, Iterator, Mapping
from math import erf, exp, log1p, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from perfkit.backends.ycsb import ycsb_key as one_ycsb_key
from perfkit.backends.ycsb import ycsb_keys
from perfkit.load.generate.sequence import Sequence
from perfkit.load.generate.source import BLOCK, Source, in_blocks, one_by_one
from perfkit.load.generate.zipf import Ycsb, Zipf, scatter
from perfkit.scenario.fields import Range
from perfkit.scenario.values import (
    Exponential,
    Hotspot,
    Latest,
    Normal,
    Sequential,
    Uniform,
    YcsbKey,
    Zipfian,
)

Draw = Callable[[int], npt.NDArray[Any]]


def uniform(param: Uniform, source: Source) -> Iterator[int | float]:
    """Every integer (or float) of the range equally often."""
    rng = source.rng()
    if _asks_whole(param.range, source):
        low, high = _whole(param.range, source)
        return in_blocks(lambda size: rng.integers(low, high, size, endpoint=True), rng)
    least, most = param.range
    return in_blocks(lambda size: rng.uniform(least, most, size), rng)


def zipfian(param: Zipfian, source: Source) -> Iterator[int]:
    """The lowest number most often; scrambled, the frequent ones are spread over the range."""
    rng = source.rng()
    low, high = _whole(param.range, source)
    items = high - low + 1
    if param.kind == "zipfian":
        zipf = Zipf(items, param.theta)
        return in_blocks(lambda size: zipf.draw(size, rng) + (low - 1), rng)
    ranks = _ycsb_ranks(param.theta, rng)
    return in_blocks(lambda size: scatter(ranks(size), items) + low, rng)


def _ycsb_ranks(theta: float, rng: np.random.Generator) -> Draw:
    if theta == Ycsb.THETA:
        ycsb = Ycsb()
        return lambda size: ycsb.draw(size, rng)
    zipf = Zipf(Ycsb.ITEMS + 1, theta)
    return lambda size: zipf.draw(size, rng) - 1


def latest(param: Latest, source: Source) -> Iterator[int]:
    """The highest number most often, or the last of a sequence and back from there."""
    rng = source.rng()
    low, high = _whole(param.range, source)
    if param.of is not None:
        return _following(_sequence(param.of, source), (low, high), param, rng)
    zipf = Zipf(high - low + 1, param.theta)
    return in_blocks(lambda size: (high + 1) - zipf.draw(size, rng), rng)


def _following(
    sequence: Sequence, bounds: tuple[int, int], param: Latest, rng: np.random.Generator
) -> Iterator[int]:
    """Back from the last number that this worker's sequence gave, then from the top of the range.

    So it never asks for a number that another worker has yet to insert. The number of items moves
    on with each block.
    """
    (low, high), behind = bounds, param.behind
    while True:
        zipf = Zipf(high - low + 1 + max(0, sequence.known - behind), param.theta)
        for rank in zipf.draw(BLOCK // 4, rng).tolist():
            known = max(0, sequence.known - behind)
            yield sequence.back(behind + rank - 1) if rank <= known else high - (rank - 1 - known)


def _sequence(name: str, source: Source) -> Sequence:
    """The sequence `param` or `operation.param`."""
    found = [
        sequence
        for (operation, param), sequence in source.sequences.items()
        if name in {param, f"{operation}.{param}"}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise source.wrong(f"several operations have a sequential {name!r}: write operation.{name}")
    raise source.wrong(f"no operation has a sequential param {name!r}")


def hotspot(param: Hotspot, source: Source) -> Iterator[int]:
    """A share of the draws for the lowest numbers, the rest for the others, each evenly."""
    rng = source.rng()
    low, high = _whole(param.range, source)
    items = high - low + 1
    hot = min(max(1, int(items * param.keys)), items)
    share = param.draws if hot < items else 1.0

    def draw(size: int) -> npt.NDArray[Any]:
        values = rng.integers(low, low + hot - 1, size, endpoint=True)
        cold = np.flatnonzero(rng.random(size) >= share)
        if len(cold):
            values[cold] = rng.integers(low + hot, high, len(cold), endpoint=True)
        return values

    return in_blocks(draw, rng)


def normal(param: Normal, source: Source) -> Iterator[int | float]:
    """Gaussian; a value outside the range is drawn again."""
    rng = source.rng()
    whole = _asks_whole(param.range, source)
    low, high = _whole(param.range, source) if whole else param.range
    mean = (low + high) / 2 if param.mean is None else param.mean
    stddev = (high - low) / 6 if param.stddev is None else param.stddev
    if not stddev:
        return uniform(Uniform(range=param.range), source)
    if _share_inside(low - whole / 2, high + whole / 2, mean, stddev) < 1e-3:
        raise source.wrong("next to nothing of this normal distribution lies in its range")

    def draw(size: int) -> npt.NDArray[Any]:
        values = rng.normal(mean, stddev, size)
        if whole:
            np.rint(values, out=values)
        outside = np.flatnonzero((values < low) | (values > high))
        if len(outside):
            values[outside] = draw(len(outside))
        return values.astype(np.int64) if whole else values

    return in_blocks(draw, rng)


def _share_inside(low: float, high: float, mean: float, stddev: float) -> float:
    scale = stddev * sqrt(2)
    return (erf((high - mean) / scale) - erf((low - mean) / scale)) / 2


def exponential(param: Exponential, source: Source) -> Iterator[int | float]:
    """YCSB's: gamma = −ln(1 − percentile) / (fraction of the range), cut to the range.

    The cut is where YCSB draws again; drawing from the inverse of what is inside is the same.
    """
    rng = source.rng()
    whole = _asks_whole(param.range, source)
    low, high = _whole(param.range, source) if whole else param.range
    width = high - low + whole
    gamma = -log1p(-param.percentile / 100) / param.fraction
    inside = 1 - exp(-gamma)

    def draw(size: int) -> npt.NDArray[Any]:
        offsets = -np.log1p(-rng.random(size) * inside) / gamma * width
        if whole:
            return low + np.minimum(offsets, width - 1).astype(np.int64)
        return low + np.minimum(offsets, width)

    return in_blocks(draw, rng)


def sequential(_param: Sequential, source: Source) -> Iterator[int]:
    """This worker's share of the sequence."""
    return iter(source.sequences[source.operation, source.param])


def ycsb_key(param: YcsbKey, source: Source) -> Iterator[str]:
    """YCSB's keys of the numbers.

    What follows a sequence is drawn one at a time: a key must not be drawn before its turn, nor one
    that is yet to be inserted. Anything else in blocks.
    """
    numbers = _NUMBERS[type(param.number)](param.number, source)
    if isinstance(param.number, Sequential) or getattr(param.number, "of", None) is not None:
        return map(one_ycsb_key, numbers)
    return one_by_one(lambda: ycsb_keys(np.fromiter(numbers, np.int64, BLOCK)))


_NUMBERS: Mapping[type, Callable[[Any, Source], Iterator[Any]]] = {
    Uniform: uniform,
    Zipfian: zipfian,
    Latest: latest,
    Hotspot: hotspot,
    Normal: normal,
    Exponential: exponential,
    Sequential: sequential,
}


def _asks_whole(bounds: Range, source: Source) -> bool:
    return not source.continuous and all(float(bound).is_integer() for bound in bounds)


def _whole(bounds: Range, source: Source) -> tuple[int, int]:
    low, high = map(int, bounds)
    if max(-low, high) >= 2**62:  # so that also the width fits into 64 bits
        raise source.wrong(f"the range [{low}, {high}] goes beyond 2^62")
    return low, high
