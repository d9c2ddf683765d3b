"""Random streams: one seed gives each of its users a sequence of its own, on every machine."""

from zlib import crc32

import numpy as np


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """The random numbers of one place (worker, operation, param …), independent of all others.

    The path is hashed by value, so that a place keeps its numbers when others come or go.
    """
    words = [crc32(step.encode()) if isinstance(step, str) else step for step in path]
    return np.random.default_rng([seed % 2**64, *words])
