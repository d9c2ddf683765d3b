"""Zipf's law: rank r with probability ∝ r^−theta.

Gray's method (SIGMOD 1994, as YCSB has it) needs a sum over all ranks, is approximate, and holds
only for theta < 1. Rejection-inversion is exact for any theta and needs neither sum nor table.
"""

from math import exp, expm1, log, log1p

import numpy as np
import numpy.typing as npt

from perfkit.backends.ycsb import hashes

Ranks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Zipf:
    """Draws ranks 1 … items by rejection-inversion.

    W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone discrete
    distributions, ACM TOMACS 6(3), 1996. The letters are the paper's: h(x) = x^−theta, H its
    integral from 1, s the distance up to which a rank is accepted without another look.
    """

    def __init__(self, items: int, theta: float) -> None:
        self._items = items
        self._theta = theta
        self._q = 1 - theta
        self._high = self._integral(items + 0.5)
        self._span = self._high - (self._integral(1.5) - 1)
        self._s = 2 - self._inverse(self._integral(2.5) - exp(-theta * log(2)))

    def _integral(self, x: float) -> float:
        t = self._q * log(x)
        return log(x) * (expm1(t) / t if t else 1.0)

    def _inverse(self, u: float) -> float:
        t = self._q * u
        return exp(u * (log1p(t) / t if t else 1.0))

    def draw(self, size: int, rng: np.random.Generator) -> Ranks:
        """So many ranks."""
        u = self._high - rng.random(size) * self._span
        x = self._inverses(u)
        rank = np.clip(np.rint(x), 1, self._items)
        doubtful = np.flatnonzero(rank - x > self._s)
        if len(doubtful):
            rejected = doubtful[u[doubtful] < self._limits(rank[doubtful])]
            rank[rejected] = self.draw(len(rejected), rng)
        return rank.astype(np.int64)

    def _inverses(self, u: Floats) -> Floats:
        if abs(self._q) < 1e-12:
            return np.exp(u)
        # The bound keeps a tail that a float can't tell from the limit of H out of log(0).
        return np.exp(np.log1p(np.maximum(self._q * u, 2**-53 - 1)) / self._q)

    def _limits(self, rank: Floats) -> Floats:
        """H(rank + ½) − h(rank)."""
        logs = np.log(rank + 0.5)
        integral = logs if abs(self._q) < 1e-12 else np.expm1(self._q * logs) / self._q
        limits: Floats = integral - rank**-self._theta
        return limits


class Ycsb:
    """The ranks 0 … 10^10 that YCSB's ScrambledZipfianGenerator draws before it scatters them.

    Gray's recurrence with YCSB's own constants, so that the popularity of keys is YCSB's: the
    hottest has 1 / 26.469 = 3.8 % of the draws whatever the number of keys.
    """

    THETA = 0.99
    ITEMS = 10_000_000_000
    ZETA = 26.46902820178302

    def __init__(self) -> None:
        zeta2 = 1 + 0.5**self.THETA
        items = self.ITEMS + 1
        self._eta = (1 - (2 / items) ** (1 - self.THETA)) / (1 - zeta2 / self.ZETA)

    def draw(self, size: int, rng: np.random.Generator) -> Ranks:
        """So many ranks."""
        u = rng.random(size)
        power = (self._eta * u - self._eta + 1) ** (1 / (1 - self.THETA))
        rank: Ranks = ((self.ITEMS + 1) * power).astype(np.int64)
        uz = u * self.ZETA
        rank[uz < 1 + 0.5**self.THETA] = 1
        rank[uz < 1] = 0
        return rank


def scatter(ranks: Ranks, items: int) -> Ranks:
    """Each rank's place among `items`, by the hash with which YCSB scatters them."""
    return hashes(ranks) % items
