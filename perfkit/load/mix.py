"""Which: the operations of a mix, drawn by their weights."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import numpy as np

from perfkit.load.streams import stream

_BLOCK = 1024


def mix(weights: Sequence[float], seed: int, worker: int) -> Iterator[int]:
    """Operation numbers without end, each with the probability of its weight among all.

    One seed gives one sequence for each worker. At least one weight is above zero.
    """
    return weighted(weights, stream(seed, "mix", worker))


def weighted(weights: Sequence[float], rng: np.random.Generator) -> Iterator[int]:
    """Places in `weights` without end, by weight; one of weight zero never comes."""
    places = np.flatnonzero(weights)
    if len(places) == 1:
        return repeat(int(places[0]))
    edges = np.cumsum(np.asarray(weights, dtype=np.float64)[places])
    edges /= edges[-1]
    return chain.from_iterable(
        places[np.searchsorted(edges, rng.random(_BLOCK), side="right")].tolist()
        for _ in repeat(None)
    )
