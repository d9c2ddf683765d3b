"""Runs that deserve less trust are named, and others are left in peace."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.stats import doubts, drift, outliers, slow_first_run

RATES = st.lists(st.floats(1, 1e6), min_size=1, max_size=15)
STEADY = [1000.0, 1012.0, 995.0, 1003.0, 990.0, 1008.0, 1001.0, 997.0]


def codes(rates: list[float]) -> list[str]:
    return [doubt.code for doubt in doubts(rates)]


def test_steady_runs_give_no_reason_to_doubt() -> None:
    assert doubts(STEADY) == ()


def test_a_slow_first_run_is_told_once_and_by_how_much() -> None:
    rates = [600.0, *STEADY]
    assert slow_first_run(rates) == pytest.approx(0.4, abs=0.01)
    assert codes(rates) == ["slow_first_run", "wide_spread"]
    assert "40 % slower" in doubts(rates)[0].message


def test_a_fast_first_run_is_an_outlier_like_any_other() -> None:
    assert codes([1600.0, *STEADY]) == ["outliers", "wide_spread"]


def test_outliers_are_named_by_their_numbers_and_do_not_hide_each_other() -> None:
    rates = [*STEADY[:3], 600.0, *STEADY[3:], 640.0]
    assert outliers(rates) == (4, 10)
    assert "runs 4, 10 lie far off" in doubts(rates)[0].message


def test_one_outlier_is_told_in_the_singular() -> None:
    assert "run 4 lies far off" in doubts([*STEADY[:3], 600.0, *STEADY[3:]])[0].message


def test_a_drift_is_told_with_its_direction_and_size() -> None:
    rising = [1000.0 * 1.02**n for n in range(10)]
    assert drift(rising) == pytest.approx(0.18, abs=0.01)
    assert "faster from first to last" in doubts(rising)[0].message
    assert "slower from first to last" in doubts(rising[::-1])[0].message


def test_a_drift_too_small_to_matter_is_left_alone() -> None:
    assert drift([1000.0 + n for n in range(10)]) is None


def test_a_wide_spread_and_too_few_runs_are_told() -> None:
    assert codes([1000.0, 1300.0, 800.0, 1200.0]) == ["wide_spread"]
    assert codes([1000.0]) == ["few_runs"]
    assert codes([1000.0, 1000.0]) == ["few_runs"]


def test_runs_that_got_nothing_done_can_be_looked_at_too() -> None:
    assert codes([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) == []


@given(RATES, st.integers(-20, 20))
def test_the_unit_changes_nothing(rates: list[float], unit: int) -> None:
    """A power of two, because any other rounds, and rounding may carry a value over an edge."""
    scaled = [rate * 2.0**unit for rate in rates]
    assert doubts(scaled) == doubts(rates)


@pytest.mark.parametrize("runs", [5, 10, 20])
def test_ordinary_runs_seldom_cause_a_false_alarm(runs: int) -> None:
    random = np.random.default_rng(1)
    benchmarks = (1000 * (1 + 0.03 * random.standard_normal((2000, runs)))).tolist()
    assert np.mean([bool(doubts(rates)) for rates in benchmarks]) <= 0.02


def test_runs_that_are_alike_do_not_hide_a_drift() -> None:
    assert drift([1000.0] * 6 + [1100.0] * 6) is not None
