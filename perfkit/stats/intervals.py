"""How sure a mean of a few runs is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds between which the true one lies; None where one value can't tell."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """The mean of at least one value with its t interval (Student 1908)."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    error = stdev(values) / math.sqrt(len(values))
    half = student_quantile(len(values) - 1, confidence) * error
    return Interval(mean, mean - half, mean + half)


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation over mean; None with one value, or a mean of 0."""
    mean = fmean(values)
    return stdev(values) / abs(mean) if len(values) > 1 and mean else None


@lru_cache(maxsize=4096)
def student_quantile(freedom: float, confidence: float, comparisons: int = 1) -> float:
    """So many standard errors lie on each side of an interval at this confidence.

    With several comparisons, all their intervals together hold with it: each of them is wider by
    Bonferroni's inequality, which asks nothing about how they depend on each other.
    """
    from scipy.special import stdtrit  # a quarter of a second, which every report would wait for

    return float(stdtrit(freedom, 1 - (1 - confidence) / comparisons / 2))
