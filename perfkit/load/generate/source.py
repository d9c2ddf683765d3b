"""What the values of a param depend on besides the param itself, and how they are made in blocks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perfkit.errors import UsageError
from perfkit.load.generate.sequence import Sequence
from perfkit.load.streams import stream

BLOCK = 1024
"""Values made at once: enough to make each cheap, too few to make a request wait."""


@dataclass(frozen=True, slots=True)
class Source:
    """The place of a param: its worker, its operation, its name, and the sequences around it.

    `continuous` asks for fractions also where the bounds of a range are whole numbers.
    """

    seed: int
    worker: int
    workers: int
    base_dir: Path = Path()
    sequences: Mapping[tuple[str, str], Sequence] = field(default_factory=dict)
    operation: str = ""
    param: str = ""
    continuous: bool = False

    def rng(self) -> np.random.Generator:
        """The random numbers of this param in this worker, and of no other."""
        return stream(self.seed, "value", self.operation, self.param, self.worker)

    def wrong(self, message: str) -> UsageError:
        """A mistake in the param, for the user."""
        place = f"operations.{self.operation}.params.{self.param}" if self.param else self.operation
        return UsageError(f"{place}: {message}")


def in_blocks(draw: Callable[[int], npt.NDArray[Any]], rng: np.random.Generator) -> Iterator[Any]:
    """The values of `draw(size)` one by one, without end, as Python's own numbers.

    The first block is shorter by chance, so that the params of an operation do not all need a new
    one at the same draw: many small pauses instead of a long one.
    """
    return one_by_one(lambda: draw(BLOCK).tolist(), skip=int(rng.integers(BLOCK)))


def one_by_one(block: Callable[[], Iterable[Any]], skip: int = 0) -> Iterator[Any]:
    """The items of block after block, without end."""
    return islice(chain.from_iterable(block() for _ in repeat(None)), skip, None)
