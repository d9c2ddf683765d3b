"""What is called a change: its rules, and how often it is right, by simulation."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind, ttest_rel

from perfkit.stats import RUNS, Change, compare_runs

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]

VALUES = st.floats(0.5, 2.0)
SAMPLES = st.lists(VALUES, min_size=4, max_size=12)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=4, max_size=12)
CONFIDENCES = st.floats(0.5, 0.999)


def bounds(change: Change) -> tuple[float, float]:
    assert change.low is not None
    assert change.high is not None
    return change.low, change.high


# -- the rules --------------------------------------------------------------------------------------


@given(SAMPLES, SAMPLES, st.floats(1e-6, 1e9))
def test_the_unit_of_the_values_changes_nothing_but_them(
    before: list[float], after: list[float], unit: float
) -> None:
    change = compare_runs(before, after, paired=False)
    scaled = compare_runs([unit * x for x in before], [unit * x for x in after], paired=False)
    assert scaled.change_ratio == pytest.approx(change.change_ratio, abs=1e-9)
    assert bounds(scaled) == pytest.approx(bounds(change), rel=1e-6, abs=1e-9)
    assert scaled.baseline_value == pytest.approx(unit * change.baseline_value)


@given(SAMPLES, SAMPLES)
def test_sides_that_change_places_give_the_reciprocal(
    before: list[float], after: list[float]
) -> None:
    change = compare_runs(before, after, paired=False)
    swapped = compare_runs(after, before, paired=False)
    low, high = bounds(change)
    assert 1 + swapped.change_ratio == pytest.approx(1 / (1 + change.change_ratio))
    assert [1 + each for each in bounds(swapped)] == pytest.approx([1 / (1 + high), 1 / (1 + low)])


@pytest.mark.parametrize("paired", [True, False])
@given(pairs=PAIRS, one=CONFIDENCES, other=CONFIDENCES)
def test_more_confidence_gives_a_wider_interval_around_the_same_change(
    pairs: list[tuple[float, float]], one: float, other: float, *, paired: bool
) -> None:
    before, after = zip(*pairs, strict=True)
    less, more = (
        compare_runs(before, after, paired=paired, confidence=level)
        for level in sorted((one, other))
    )
    assert less.change_ratio == more.change_ratio
    assert bounds(more)[0] <= bounds(less)[0] <= less.change_ratio
    assert less.change_ratio <= bounds(less)[1] <= bounds(more)[1]


@pytest.mark.parametrize("paired", [True, False])
@given(pairs=PAIRS, comparisons=st.integers(1, 30))
def test_more_comparisons_at_once_make_each_of_them_less_sure(
    pairs: list[tuple[float, float]], comparisons: int, *, paired: bool
) -> None:
    before, after = zip(*pairs, strict=True)
    fewer, more = (
        bounds(compare_runs(before, after, paired=paired, comparisons=count))
        for count in (comparisons, comparisons + 1)
    )
    assert more[0] <= fewer[0]
    assert fewer[1] <= more[1]


@given(SAMPLES, SAMPLES, st.floats(0, 0.3))
def test_a_change_is_called_only_when_it_is_both_sure_and_larger_than_the_tolerance(
    before: list[float], after: list[float], tolerance: float
) -> None:
    change = compare_runs(before, after, paired=False, tolerance=tolerance)
    low, high = bounds(change)
    called = (low > 0 or high < 0) and abs(change.change_ratio) > tolerance
    assert (change.kind in {"up", "down"}) == called
    assert (change.kind == "same") == (not called and -tolerance <= low and high <= tolerance)
    if called:
        assert (change.kind == "up") == (change.change_ratio > 0)


def test_a_sure_change_within_the_tolerance_is_none() -> None:
    change = compare_runs([1.0, 1.001, 0.999, 1.0], [1.03, 1.031, 1.029, 1.03], paired=False)
    assert bounds(change)[0] > 0
    assert change.kind == "same"


def test_a_large_change_that_is_not_sure_is_none() -> None:
    change = compare_runs([1.0, 1.5, 0.7], [1.4, 2.0, 1.0], paired=False)
    assert change.change_ratio > 0.3
    assert change.kind == "unknown"


@given(PAIRS, CONFIDENCES)
def test_pairs_are_compared_as_the_t_test_of_their_differences_does(
    pairs: list[tuple[float, float]], confidence: float
) -> None:
    before, after = (np.log(side) for side in zip(*pairs, strict=True))
    assume(np.ptp(after - before) > 1e-3)
    expected = ttest_rel(after, before).confidence_interval(confidence)
    change = compare_runs(
        np.exp(before).tolist(), np.exp(after).tolist(), paired=True, confidence=confidence
    )
    assert bounds(change) == pytest.approx(np.expm1([expected.low, expected.high]), rel=1e-6)


@given(SAMPLES, SAMPLES, CONFIDENCES)
def test_others_are_compared_as_welchs_t_test_does(
    before: list[float], after: list[float], confidence: float
) -> None:
    assume(min(np.ptp(before), np.ptp(after)) > 1e-3)
    test = ttest_ind(np.log(after), np.log(before), equal_var=False)
    expected = test.confidence_interval(confidence)
    change = compare_runs(before, after, paired=False, confidence=confidence)
    assert bounds(change) == pytest.approx(
        np.expm1([expected.low, expected.high]), rel=1e-6, abs=1e-12
    )


def test_two_runs_that_lie_far_apart_bound_nothing_and_break_nothing() -> None:
    low, high = bounds(compare_runs([1.0, 0.5], [0.5, 2.0], paired=True, comparisons=10))
    assert low == pytest.approx(-1)
    assert 1e100 < high < math.inf


@pytest.mark.parametrize("paired", [True, False])
def test_a_single_run_decides_nothing(*, paired: bool) -> None:
    change = compare_runs([100.0], [50.0], paired=paired)
    assert (change.low, change.high) == (None, None)
    assert (change.kind, change.runs_needed) == ("unknown", RUNS)
    assert change.change_ratio == pytest.approx(-0.5)


@pytest.mark.parametrize("paired", [True, False])
def test_runs_without_any_spread_are_the_same_or_not(*, paired: bool) -> None:
    assert compare_runs([2.0] * 3, [2.0] * 3, paired=paired).kind == "same"
    assert compare_runs([2.0] * 3, [2.2] * 3, paired=paired).kind == "up"
    assert compare_runs([2.0] * 3, [2.2] * 3, paired=paired, tolerance=0.2).kind == "same"


@pytest.mark.parametrize(
    ("before", "after", "paired"),
    [([], [1.0], False), ([1.0, 0.0], [1.0, 1.0], False), ([1.0, 2.0], [1.0], True)],
)
def test_what_has_no_ratio_can_not_be_compared(
    before: list[float], after: list[float], *, paired: bool
) -> None:
    with pytest.raises(ValueError, match=r"values above 0|shorter|longer"):
        compare_runs(before, after, paired=paired)


# -- how many runs would tell -----------------------------------------------------------------------


@given(SAMPLES, SAMPLES)
def test_runs_are_asked_for_only_where_they_are_missing(
    before: list[float], after: list[float]
) -> None:
    change = compare_runs(before, after, paired=False)
    if change.kind == "unknown":
        assert change.runs_needed is None or change.runs_needed > min(len(before), len(after))
    else:
        assert change.runs_needed is None


def test_a_difference_at_the_edge_of_the_tolerance_is_never_decided() -> None:
    edge = math.exp(math.log1p(0.05) - 1e-6)
    change = compare_runs([1.0, 1.1, 0.9], [edge, 1.1 * edge, 0.9 * edge], paired=False)
    assert (change.kind, change.runs_needed) == ("unknown", None)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("factor", [1.0, 0.9])
def test_the_runs_asked_for_decide_four_times_in_five(factor: float, *, paired: bool) -> None:
    """Given that the first runs showed the true change and spread, as they do here by construction."""
    deviations = np.array([-0.12, 0.12, -0.06, 0.06])
    before = np.exp(deviations)
    after = factor * np.exp(deviations[[2, 0, 3, 1]])
    change = compare_runs(before.tolist(), after.tolist(), paired=paired)
    assert change.runs_needed is not None
    spread = float(np.std(deviations, ddof=1))
    if paired:  # of one side, so that their differences spread as those above do
        spread = float(np.std(np.log(after / before), ddof=1)) / math.sqrt(2)
    kinds = simulated(normal(spread), change.runs_needed, factor, 1000, paired=paired)
    assert 0.7 < 1 - np.mean(kinds == "unknown") < 0.95


# -- how often it is right --------------------------------------------------------------------------


def normal(spread: float) -> Draw:
    return lambda random, shape: np.maximum(1 + spread * random.standard_normal(shape), 0.01)


def lognormal(spread: float) -> Draw:
    return lambda random, shape: np.exp(spread * random.standard_normal(shape))


def heavy_tailed(spread: float) -> Draw:
    """Student's t with 3 degrees of freedom, whose variance is 3: now and then a run is far off."""
    return lambda random, shape: np.exp(spread * random.standard_t(3, shape) / math.sqrt(3))


def drifting(spread: float) -> Draw:
    """Everything becomes a third slower over the time of the comparison, and swings besides."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        blocks = np.arange(shape[-1])
        course = np.linspace(1, 0.67, shape[-1]) * (1 + 0.1 * np.sin(blocks))
        drawn: Floats = np.exp(spread * random.standard_normal(shape)) * course
        return drawn

    return draw


NOISE: dict[str, Callable[[float], Draw]] = {
    "normal": normal, "lognormal": lognormal, "heavy-tailed": heavy_tailed,
}  # fmt: skip
CASES = [
    *((name, paired) for name in NOISE for paired in (True, False)),
    ("drifting", True),
]


def simulated(
    draw: Draw, runs: int, factor: float, times: int, *, paired: bool, comparisons: int = 1
) -> npt.NDArray[np.str_]:
    """The verdicts on candidates that truly are `factor` times as fast: (times, comparisons)."""
    random = np.random.default_rng(20260314)
    before = draw(random, (times * comparisons, runs))
    after = factor * draw(random, (times * comparisons, runs))
    kinds = [
        compare_runs(old, new, paired=paired, comparisons=comparisons).kind
        for old, new in zip(before.tolist(), after.tolist(), strict=True)
    ]
    return np.array(kinds).reshape(times, comparisons)


def noise(name: str, spread: float) -> Draw:
    return drifting(spread) if name == "drifting" else NOISE[name](spread)


def changes(kinds: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    return np.isin(kinds, ["up", "down"])


@pytest.mark.parametrize(("name", "paired"), CASES)
def test_of_a_hundred_comparisons_of_a_thing_with_itself_at_most_one_is_called_a_change(
    name: str, *, paired: bool
) -> None:
    kinds = simulated(noise(name, 0.03), RUNS, 1.0, 4000, paired=paired)
    assert changes(kinds).mean() <= 0.01


@pytest.mark.parametrize(("name", "paired"), CASES)
def test_so_it_is_where_runs_spread_so_far_that_the_tolerance_is_no_help(
    name: str, *, paired: bool
) -> None:
    """The rate is 1 in 100 here by design; what 20,000 simulations see varies by 0.0007 around it."""
    kinds = simulated(noise(name, 0.10), RUNS, 1.0, 20_000, paired=paired)
    assert changes(kinds).mean() <= 0.01 + 4 * 0.0007


@pytest.mark.parametrize(("name", "paired"), CASES)
@pytest.mark.parametrize("factor", [0.9, 1.1, 1 / 1.1])
def test_of_a_hundred_true_changes_of_10_percent_at_least_95_are_found(
    name: str, factor: float, *, paired: bool
) -> None:
    kinds = simulated(noise(name, 0.03), RUNS, factor, 2000, paired=paired)
    assert np.mean(kinds == ("up" if factor > 1 else "down")) >= 0.95


@pytest.mark.parametrize(("name", "paired"), CASES)
def test_with_five_metrics_together_both_hold_still(name: str, *, paired: bool) -> None:
    """Then at most one in a hundred pairs has a false change in any of them."""
    alike = simulated(noise(name, 0.10), RUNS, 1.0, 4000, paired=paired, comparisons=5)
    assert changes(alike).any(axis=1).mean() <= 0.01 + 4 * 0.0016
    assert changes(alike).mean() <= 0.01
    slower = simulated(noise(name, 0.03), RUNS, 0.9, 1000, paired=paired, comparisons=5)
    assert np.mean(slower == "down") >= 0.95


def test_what_drifts_cancels_in_pairs_and_hides_a_change_otherwise() -> None:
    in_pairs, apart = (
        simulated(drifting(0.03), RUNS, 0.9, 500, paired=paired) for paired in (True, False)
    )
    assert np.mean(in_pairs == "down") >= 0.95
    assert np.mean(apart == "down") < 0.5
