"""How a rate grows with what is swept: the Universal Scalability Law, the knee, and what to set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np
import numpy.typing as npt

from perfkit.stats.intervals import student_quantile
from perfkit.units import show_ratio

GAIN_THAT_PAYS = 0.05
"""Less rate than this for more clients, a larger pool or batch is not worth what they cost."""

_LEAST_POINTS = 4  # three constants, and something left to judge them by
_LEAST_R_SQUARED = 0.9
_LARGEST_RESIDUAL = 0.2  # of the measured rate
_FLAT = 1.1  # a highest rate over the lowest: no curve that a law could explain
_GAIN_IS_NO_CHANCE = 0.95

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UslFit:
    """The law's constants; `peak_value` and `peak_rate` are None where nothing bends the curve down."""

    contention: float
    coherency: float
    rate_of_one: float
    r_squared: float

    def rate(self, value: float) -> float:
        """X(n) = X(1) n / (1 + a (n−1) + b n (n−1))."""
        waiting = self.contention * (value - 1) + self.coherency * value * (value - 1)
        return self.rate_of_one * value / (1 + waiting)

    @property
    def peak_value(self) -> float | None:
        """sqrt((1 − a) / b), and never below one."""
        if self.contention >= 1:
            return 1.0
        if self.coherency == 0:
            return None
        return max(1.0, math.sqrt((1 - self.contention) / self.coherency))

    @property
    def peak_rate(self) -> float | None:
        return None if self.peak_value is None else self.rate(self.peak_value)


@dataclass(frozen=True, slots=True)
class NoFit:
    """Why there are no constants."""

    reason: str


def fit_usl(points: Sequence[tuple[float, float]]) -> UslFit | NoFit:
    """The Universal Scalability Law (Gunther 2007) fitted to (value, rate), one for each run.

    n / X(n) = (1 + a (n−1) + b n (n−1)) / X(1) is linear in 1/X(1), a/X(1) and b/X(1), so least
    squares find them. Rates spread by a share of themselves, hence every equation is divided by its
    left side. Neither a nor b can be below 0. A fit that explains less than 90 % of the variance, or
    is off by a fifth somewhere, is none.
    """
    reason = _why_not(points)
    if reason is not None:
        return NoFit(reason)
    values, rates = np.array(sorted(points)).T
    one, contended, coherent = _least_squares(values, rates)
    fitted = UslFit(contended / one, coherent / one, 1 / one, 0.0)
    r_squared, worst, where = _residuals(fitted, values, rates)
    if r_squared < _LEAST_R_SQUARED:
        return NoFit(
            f"the law does not fit: it explains {show_ratio(max(r_squared, 0.0))} of how the rate varies"
        )
    if worst > _LARGEST_RESIDUAL:
        return NoFit(f"the law does not fit: at {where:g} it is off by {show_ratio(worst)}")
    return UslFit(fitted.contention, fitted.coherency, fitted.rate_of_one, r_squared)


def _why_not(points: Sequence[tuple[float, float]]) -> str | None:
    distinct = len({value for value, _ in points})
    if distinct < _LEAST_POINTS:
        return f"the law has three constants: it needs {_LEAST_POINTS} different values, not {distinct}"
    if any(value < 1 or rate <= 0 for value, rate in points):
        return "the law is about values from 1 up, with a rate at each"
    means = [rate for _, rate in _means(points)]
    if max(means) < _FLAT * min(means):
        return "the rate is about the same everywhere, so there is no curve to explain"
    return None


def _means(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    values = sorted({value for value, _ in points})
    return [(value, fmean(rate for n, rate in points if n == value)) for value in values]


def _least_squares(values: _Floats, rates: _Floats) -> tuple[float, float, float]:
    """Non-negative least squares; with two bounded constants there are four cases to try."""
    columns = np.stack([np.ones_like(values), values - 1, values * (values - 1)], axis=1)
    equations = columns * (rates / values)[:, None]  # each of them says 1
    best, smallest = np.array([(values / rates).mean(), 0.0, 0.0]), math.inf
    for free in ([0, 1, 2], [0, 1], [0, 2], [0]):
        constants = np.zeros(3)
        constants[free] = np.linalg.lstsq(equations[:, free], np.ones_like(values))[0]
        squares = float(((equations @ constants - 1) ** 2).sum())
        if constants[0] > 0 and constants.min() >= 0 and squares < smallest:
            best, smallest = constants, squares
    one, contended, coherent = best.tolist()
    return one, contended, coherent


def _residuals(fitted: UslFit, values: _Floats, rates: _Floats) -> tuple[float, float, float]:
    """R², the largest residual as a share of the rate, and where that is; of the means of the runs."""
    means = _means(list(zip(values.tolist(), rates.tolist(), strict=True)))
    middle = fmean(rate for _, rate in means)
    off = [(rate - fitted.rate(value), rate, value) for value, rate in means]
    unexplained = sum(residual**2 for residual, _, _ in off)
    total = sum((rate - middle) ** 2 for _, rate in means)
    worst, where = max((abs(residual) / rate, value) for residual, rate, value in off)
    return 1 - unexplained / total, worst, where


# -- the knee -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One value of a sweep: the rate of each of its runs, and the p99 of all of them together."""

    value: str
    rates: tuple[float, ...]
    p99_ms: float | None = None

    @property
    def rate(self) -> float:
        """The geometric mean of the runs; 0 where a run got nothing done."""
        return math.exp(fmean(map(math.log, self.rates))) if min(self.rates) > 0 else 0.0


def knee(steps: Sequence[Step]) -> int:
    """The first of the steps, in rising order, after which none has a rate that is 5 % higher.

    A gain that the spread of the runs may have made by chance (95 %, with the spread of all the
    steps together) is none. The last step: the rate was still growing there.
    """
    for number, step in enumerate(steps):
        if not any(_pays(step, later, steps) for later in steps[number + 1 :]):
            return number
    raise ValueError("a sweep has at least one step")


def _pays(step: Step, later: Step, steps: Sequence[Step]) -> bool:
    if step.rate == 0 or later.rate == 0:
        return later.rate > step.rate
    gain = math.log(later.rate / step.rate)
    return gain > math.log1p(GAIN_THAT_PAYS) and gain > _chance(step, later, steps)


def _chance(step: Step, later: Step, steps: Sequence[Step]) -> float:
    """The largest difference of logarithms that two equal steps show 95 times in 100, going up."""
    freedom = sum(len(each.rates) - 1 for each in steps if each.rate)
    if freedom == 0:
        return 0.0
    squares = sum(
        (len(each.rates) - 1) * variance(map(math.log, each.rates))
        for each in steps
        if each.rate and len(each.rates) > 1
    )
    error = math.sqrt(squares / freedom * (1 / len(step.rates) + 1 / len(later.rates)))
    return student_quantile(freedom, 2 * _GAIN_IS_NO_CHANCE - 1) * error


def advise(steps: Sequence[Step], unit: str) -> str:
    """What to set, in a sentence: "use 8 connections: 16 give 3 % more rate and twice the p99".

    The steps are in rising order; `unit` is the plural of what is swept, as in "connections".
    """
    at = knee(steps)
    chosen = steps[at]
    if at == len(steps) - 1:
        return _still_growing(steps, unit)
    if maybe := _perhaps_better(steps, at):
        return _unsure(chosen, maybe, unit)
    nothing = "" if chosen.rate else "no rate was measured: "
    following = steps[at + 1]
    costs = [_more_rate(following.rate / chosen.rate)] if chosen.rate else ["no rate either"]
    if chosen.p99_ms and following.p99_ms:
        costs.append(_more_p99(following.p99_ms / chosen.p99_ms))
    return (
        f"{nothing}use {_amount(chosen.value, unit)}: {following.value} give {' and '.join(costs)}"
    )


def _perhaps_better(steps: Sequence[Step], at: int) -> Step | None:
    """The step above with the highest rate, if that is a gain that pays and may yet be chance."""
    best = max(steps[at + 1 :], key=lambda step: step.rate)
    chosen = steps[at]
    return best if chosen.rate and best.rate > chosen.rate * (1 + GAIN_THAT_PAYS) else None


def _unsure(chosen: Step, maybe: Step, unit: str) -> str:
    gain = _more_rate(maybe.rate / chosen.rate)
    return (
        f"can't tell whether more than {_amount(chosen.value, unit)} would pay: {maybe.value} gave "
        f"{gain}, but the runs of one value lie so far apart that it may be chance; make more or "
        "longer runs"
    )


def _still_growing(steps: Sequence[Step], unit: str) -> str:
    last = _amount(steps[-1].value, unit)
    if len(steps) < 2:
        return f"only {last} measured: a sweep needs more values"
    before = steps[-2]
    gain = steps[-1].rate / before.rate - 1 if before.rate else 0.0
    grown = f", by {_percent(gain)} from {before.value}" if gain > 0 else ""
    return f"the rate still grows at {last}{grown}: sweep further up"


def advise_setting(name: str, steps: Sequence[Step]) -> str:
    """What to set, in a sentence, where the steps are values of a setting in no order."""
    best = max(steps, key=lambda step: step.rate)
    others = [step for step in steps if step is not best]
    behind = [step for step in others if _pays(step, best, steps)]
    if not behind:
        return f"{name} makes no difference to the rate that matters or could be told from chance"
    alike = [step.value for step in others if step not in behind]
    second = max(behind, key=lambda step: step.rate)
    more = _more_rate(best.rate / second.rate) if second.rate else "all of the rate"
    also = f" ({', '.join(alike)} as good)" if alike else ""
    return f"use {name} = {best.value}{also}: {more} than {second.value}"


def _amount(value: str, unit: str) -> str:
    noun, _, rest = unit.partition(" ")
    return f"{value} {noun.removesuffix('s') if value == '1' else noun} {rest}".rstrip()


def _more_rate(factor: float) -> str:
    if abs(factor - 1) < 0.005:
        return "no more rate"
    if factor >= 1.9:
        return f"{_times(factor)} the rate"
    return f"{_percent(abs(factor - 1))} {'more' if factor > 1 else 'less'} rate"


def _more_p99(factor: float) -> str:
    if abs(factor - 1) < 0.05:
        return "the same p99"
    if factor >= 1.9:
        return f"{_times(factor)} the p99"
    return f"{_percent(abs(factor - 1))} {'more' if factor > 1 else 'less'} p99"


def _times(factor: float) -> str:
    if factor < 2.15:
        return "twice"
    return f"{factor:.0f} times" if factor >= 9.95 else f"{factor:.1f} times".replace(".0 ", " ")


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
