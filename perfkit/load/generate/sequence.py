"""Numbers one after the other, shared out among workers."""

from collections.abc import Iterator
from itertools import chain, count, repeat

from perfkit.scenario.values import Sequential


class Sequence:
    """Worker w of W has start + w, start + w + W, … and, past the end, the same again."""

    def __init__(self, param: Sequential, worker: int, workers: int) -> None:
        self._first, self._step = param.start + worker, workers
        self._cycle: range | None = None
        self._drawn = 0
        if param.end is not None:  # with more workers than numbers some have to share one
            first = param.start + worker % (param.end - param.start + 1)
            self._cycle = range(first, param.end + 1, workers)

    def __iter__(self) -> Iterator[int]:
        cycle = self._cycle
        endless = chain.from_iterable(repeat(cycle)) if cycle else count(self._first, self._step)
        for value in endless:
            self._drawn += 1
            yield value

    @property
    def known(self) -> int:
        """How many different numbers were drawn so far."""
        return min(self._drawn, len(self._cycle)) if self._cycle else self._drawn

    def back(self, steps: int) -> int:
        """The number that was drawn so many draws before the last one."""
        place = self._drawn - 1 - steps
        if self._cycle:
            return self._cycle[place % len(self._cycle)]
        return self._first + place * self._step
