"""The mean of a few runs, and how far they lie apart."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem
from scipy.stats import t as student

from perfkit.stats import mean_interval, spread
from perfkit.stats.intervals import student_quantile

VALUES = st.lists(st.floats(1, 1000), min_size=2, max_size=20)


@given(VALUES, st.floats(0.5, 0.999))
def test_the_interval_of_a_mean_is_students(values: list[float], confidence: float) -> None:
    interval = mean_interval(values, confidence)
    assert interval.low is not None
    assert interval.high is not None
    half = student.ppf((1 + confidence) / 2, len(values) - 1) * sem(values)
    assert interval.mean == pytest.approx(np.mean(values))
    assert interval.high - interval.mean == pytest.approx(half, abs=1e-6)
    assert interval.mean - interval.low == pytest.approx(half, abs=1e-6)


def test_one_value_has_neither_interval_nor_spread() -> None:
    interval = mean_interval([3.0], 0.99)
    assert (interval.mean, interval.low, interval.high) == (3.0, None, None)
    assert spread([3.0]) is None


def test_the_spread_is_a_share_of_the_mean() -> None:
    assert spread([90.0, 110.0]) == pytest.approx(math.sqrt(200) / 100)
    assert spread([0.0, 0.0]) is None


def test_intervals_that_shall_hold_together_share_their_risk() -> None:
    assert student_quantile(9, 0.99, 10) == pytest.approx(student_quantile(9, 0.999))
