"""Why a few repeated runs deserve less trust: what they look like to somebody who knows benchmarks."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, fmean, median, stdev

from perfkit.stats.change import TOLERANCE
from perfkit.stats.intervals import spread, student_quantile
from perfkit.units import show_ratio

LEAST_RUNS = 3
WIDE_SPREAD = 0.10
"""Of the standard deviation over the mean: pyperf's limit for an unstable benchmark."""

_RUNS_WITH_OUTLIERS = 5  # among fewer nothing can be called usual
_OUTLYING = (
    10.0  # hyperfine's limit: with few runs the usual 3.5 finds some in every second benchmark
)
_MAD_TO_STDDEV = 1 / NormalDist().inv_cdf(0.75)
_DRIFT_IS_NO_CHANCE = NormalDist().inv_cdf(1 - 0.01 / 2)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to trust the runs less; runs are numbered from 1."""

    code: str
    message: str


def doubts(rates: Sequence[float], numbers: Sequence[int] = ()) -> tuple[Doubt, ...]:
    """Every reason that the rates of some runs give, in the order in which they were made.

    `numbers`: by which the runs are known, where these are not 1, 2, 3, …
    """
    return tuple(_doubts(rates, numbers or range(1, len(rates) + 1)))


def _doubts(rates: Sequence[float], known_as: Sequence[int]) -> Iterator[Doubt]:
    if len(rates) < LEAST_RUNS:
        runs = "one run tells" if len(rates) == 1 else f"{len(rates)} runs tell"
        yield Doubt("few_runs", f"{runs} little about how far runs lie apart: make 5 or more")
        return
    slower = slow_first_run(rates)
    if slower is not None:
        yield Doubt(
            "slow_first_run",
            f"the first run was {show_ratio(slower)} slower than the others: a longer warm-up helps",
        )
    numbers = [number for number in outliers(rates) if number > 1 or slower is None]
    if numbers:
        several = len(numbers) > 1
        runs = f"{'runs' if several else 'run'} {', '.join(str(known_as[number - 1]) for number in numbers)}"
        lie = "lie" if several else "lies"
        yield Doubt(
            "outliers", f"{runs} {lie} far off the others: something else was going on then"
        )
    drifted = drift(rates)
    if drifted is not None:
        way = "faster" if drifted > 0 else "slower"
        yield Doubt(
            "drift",
            f"the runs became {show_ratio(abs(drifted))} {way} from first to last: the data or the "
            "machine changed meanwhile",
        )
    wide = spread(rates)
    if wide is not None and wide >= WIDE_SPREAD:
        yield Doubt(
            "wide_spread",
            f"runs spread by {show_ratio(wide)} (standard deviation over mean): longer runs, or a "
            "quieter machine, tell more",
        )


def slow_first_run(rates: Sequence[float]) -> float | None:
    """By how much the first run was slower than the mean of the others.

    None unless it lies outside their prediction interval at 99 %, and 5 % below them.
    """
    first, others = rates[0], rates[1:]
    if len(others) < 2:
        return None
    usual = fmean(others)
    reach = student_quantile(len(others) - 1, 0.99) * stdev(others) * math.sqrt(1 + 1 / len(others))
    return 1 - first / usual if usual - first > max(reach, TOLERANCE * usual) else None


def outliers(values: Sequence[float]) -> tuple[int, ...]:
    """Numbers of the runs that lie far off the median, and so far that it matters.

    By the modified z-score of Iglewicz and Hoaglin (1993), the distance over the median distance,
    behind which several outliers can't hide each other; 10 standard deviations, as in hyperfine.
    """
    if len(values) < _RUNS_WITH_OUTLIERS:
        return ()
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    usual = max(_OUTLYING * _MAD_TO_STDDEV * median(distances), WIDE_SPREAD * abs(middle))
    return tuple(number for number, far in enumerate(distances, 1) if far > usual)


def drift(values: Sequence[float]) -> float | None:
    """By how much the values rise (or fall, below 0) from the first to the last, over their median.

    None unless the trend is no chance (Mann 1945 and Kendall 1975, at 99 %) and large enough to
    matter. Its slope is the median of the slopes between all pairs (Sen 1968). With fewer than six
    values no trend is that sure.
    """
    pairs = [(j - i, values[j] - values[i]) for i, j in combinations(range(len(values)), 2)]
    rising = sum(math.copysign(1, rise) for _, rise in pairs if rise)
    deviation = math.sqrt(_kendall_variance(values))
    if deviation == 0 or (abs(rising) - 1) / deviation < _DRIFT_IS_NO_CHANCE:
        return None
    slope = median(rise / steps for steps, rise in pairs)
    drifted = slope * (len(values) - 1) / abs(median(values))
    return drifted if abs(drifted) > TOLERANCE else None


def _kendall_variance(values: Sequence[float]) -> float:
    def of(count: int) -> int:
        return count * (count - 1) * (2 * count + 5)

    return (of(len(values)) - sum(of(ties) for ties in Counter(values).values())) / 18
