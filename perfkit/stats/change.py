"""Is the candidate really faster? Runs against runs, on the logarithms of their values.

Ratios of performance are what people ask for, and what spreads evenly: 5 % more is as far as 5 % less,
and a run that was disturbed by a factor weighs the same on both sides. So logarithms are compared, and
a mean of them is the logarithm of a geometric mean.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Literal

from perfkit.stats.intervals import student_quantile

CONFIDENCE = 0.99
"""A gate that stands in every pull request must not cry wolf: once in 100 comparisons at most."""
TOLERANCE = 0.05
"""The layout of memory and of files on disk moves a benchmark by some percent from build to build,
without a reason that anybody could mend (Mytkowicz et al. 2009); repeating runs does not show that."""
RUNS = 10
"""Of each: finds a change of 10 % in 95 of 100 cases where runs spread by 3 %, also when five metrics
are compared together."""

MOST_RUNS = 1000  # nobody makes more
_LUCK_ONE_SIDE = NormalDist().inv_cdf(0.8)  # four in five get their answer with what is asked for
_LUCK_BOTH_SIDES = NormalDist().inv_cdf(0.9)
_LARGEST = 700.0  # exp(709) is the last

Kind = Literal["up", "down", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """What the candidate's runs are to the baseline's.

    The values are geometric means of the runs; `change_ratio` is candidate / baseline − 1, between
    `low` and `high`, which are None where there are too few runs. `runs_needed`: so many runs of
    each would probably decide what is unknown, None where no number up to 1,000 would.
    """

    baseline_value: float
    candidate_value: float
    change_ratio: float
    low: float | None
    high: float | None
    kind: Kind
    runs_needed: int | None = None


def compare_runs(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    paired: bool,
    confidence: float = CONFIDENCE,
    tolerance: float = TOLERANCE,
    comparisons: int = 1,
) -> Change:
    """The change with its interval; one that is called is both sure and larger than `tolerance`.

    Paired runs are those of one block, neighbours in time, so that what drifts cancels: a t interval
    of their differences. Others: Welch's interval (1947), which lets both spread as they do.
    `comparisons` are made together, and all their intervals hold with `confidence` (Bonferroni).
    "same" means that the whole interval lies within the tolerance. ValueError for values that are
    not above 0, for none at all, and for pairs of which one is missing.
    """
    before, after = _logs(baseline), _logs(candidate)
    estimate = _paired(before, after) if paired else _welch(before, after)
    change = _ratio(estimate.difference)
    means = math.exp(fmean(before)), math.exp(fmean(after))
    if min(len(before), len(after)) < 2:
        return Change(*means, change, None, None, "unknown", RUNS)
    half = student_quantile(estimate.freedom, confidence, comparisons) * estimate.error
    low, high = _ratio(estimate.difference - half), _ratio(estimate.difference + half)
    kind = _kind(change, low, high, tolerance)
    needed = None
    if kind == "unknown":
        needed = _runs_needed(estimate, change, tolerance, confidence, comparisons)
    return Change(*means, change, low, high, kind, needed)


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The mean difference of logarithms, its standard error, and that of other numbers of runs."""

    difference: float
    error: float
    freedom: float
    variance: float  # of one difference
    freedom_a_run: float

    def error_with(self, runs: int) -> float:
        return math.sqrt(self.variance / runs)

    def freedom_with(self, runs: int) -> float:
        return (runs - 1) * self.freedom_a_run


def _logs(values: Sequence[float]) -> list[float]:
    if not values or min(values) <= 0:
        raise ValueError("runs can be compared where there are some, with values above 0")
    return [math.log(value) for value in values]


def _ratio(difference: float) -> float:
    """Two runs that lie apart can bound a ratio by more than a float holds: by the largest, then."""
    return math.expm1(min(difference, _LARGEST))


def _variance(values: Sequence[float]) -> float:
    """0 for one value. The library's is exact, and too slow to be called by the ten thousand."""
    if len(values) < 2:
        return 0.0
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _paired(before: Sequence[float], after: Sequence[float]) -> _Estimate:
    differences = [b - a for a, b in zip(before, after, strict=True)]
    runs = len(differences)
    of_one = _variance(differences)
    return _Estimate(fmean(differences), math.sqrt(of_one / runs), runs - 1, of_one, 1.0)


def _welch(before: Sequence[float], after: Sequence[float]) -> _Estimate:
    of_one = [_variance(before), _variance(after)]
    a, b = of_one[0] / len(before), of_one[1] / len(after)
    weights = a * a / max(len(before) - 1, 1) + b * b / max(len(after) - 1, 1)
    squares = of_one[0] ** 2 + of_one[1] ** 2
    return _Estimate(
        difference=fmean(after) - fmean(before),
        error=math.sqrt(a + b),
        freedom=(a + b) ** 2 / weights if weights else 1.0,
        variance=sum(of_one),
        freedom_a_run=sum(of_one) ** 2 / squares if squares else 1.0,
    )


def _kind(change: float, low: float, high: float, tolerance: float) -> Kind:
    if low > 0 and change > tolerance:
        return "up"
    if high < 0 and change < -tolerance:
        return "down"
    return "same" if -tolerance <= low and high <= tolerance else "unknown"


def _runs_needed(
    estimate: _Estimate, change: float, tolerance: float, confidence: float, comparisons: int
) -> int | None:
    """So many that the interval, with some room for luck, ends before 0 or before the tolerance."""
    difference = estimate.difference
    if abs(change) > tolerance:
        margin, luck = abs(difference), _LUCK_ONE_SIDE
    else:
        margin = min(math.log1p(tolerance) - difference, difference - math.log1p(-tolerance))
        luck = _LUCK_BOTH_SIDES

    def decide(runs: int) -> bool:
        quantile = student_quantile(estimate.freedom_with(runs), confidence, comparisons)
        return (quantile + luck) * estimate.error_with(runs) < margin

    numbers = range(2, MOST_RUNS + 1)
    found = bisect_left(numbers, True, key=decide)  # the first that would
    return numbers[found] if found < len(numbers) else None
