"""The order of the runs: in blocks, each variant once in each, drawn by lot.

Runs of one block are neighbours in time, so that what drifts (a checkpoint, a warm processor, a busy
neighbour) meets all variants alike; and the lot keeps any rhythm of the machine from always meeting
the same one.
"""

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_blocks(variants: Sequence[T], runs: int, seed: int) -> Iterator[tuple[int, T]]:
    """(block from 1, variant): every variant `runs` times. The same seed draws the same order."""
    lot = random.Random(f"order {seed}")
    for block in range(1, runs + 1):
        for variant in lot.sample(list(variants), len(variants)):
            yield block, variant
