"""The Universal Scalability Law, the knee of a sweep, and what it advises."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfkit.stats import NoFit, Step, UslFit, advise, advise_setting, fit_usl, knee
from perfkit.stats.scaling import GAIN_THAT_PAYS

CLIENTS = (1, 2, 4, 8, 16, 32)
LAWS = st.builds(
    UslFit,
    contention=st.floats(0, 0.4),
    coherency=st.floats(0, 0.02),
    rate_of_one=st.floats(1, 1e6),
    r_squared=st.just(1.0),
)


def steps(*rates: float, runs: int = 1, noise: float = 0.0, p99_ms: float = 1.0) -> list[Step]:
    random = np.random.default_rng(5)
    drawn = [rate * np.exp(noise * random.standard_normal(runs)) for rate in rates]
    return [
        Step(str(2**number), tuple(each.tolist()), p99_ms * 2**number)
        for number, each in enumerate(drawn)
    ]


# -- the law ----------------------------------------------------------------------------------------


@given(LAWS)
def test_the_law_is_found_again_in_its_own_points(law: UslFit) -> None:
    found = fit_usl([(n, law.rate(n)) for n in CLIENTS])
    assert isinstance(found, UslFit)
    assert found.contention == pytest.approx(law.contention, abs=1e-5)
    assert found.coherency == pytest.approx(law.coherency, abs=1e-6)
    assert found.rate_of_one == pytest.approx(law.rate_of_one, rel=1e-5)
    assert found.r_squared == pytest.approx(1)


@given(st.floats(0.02, 0.3), st.floats(0.001, 0.02), st.integers(0, 2**32))
def test_the_law_is_found_in_runs_that_spread(
    contention: float, coherency: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    law = UslFit(contention, coherency, 1000, 1)
    points = [
        (n, law.rate(n) * float(np.exp(0.02 * random.standard_normal())))
        for n in CLIENTS
        for _ in range(3)
    ]
    found = fit_usl(points)
    assert isinstance(found, UslFit)
    assert found.contention >= 0
    assert found.coherency >= 0
    assert found.contention == pytest.approx(contention, abs=0.08)
    assert found.coherency == pytest.approx(coherency, abs=0.3 * coherency + 0.002)
    for n in CLIENTS:
        assert found.rate(n) == pytest.approx(law.rate(n), rel=0.06)


@given(LAWS, st.floats(0.01, 100))
def test_the_unit_of_the_rate_changes_only_the_rate(law: UslFit, unit: float) -> None:
    points = [(n, law.rate(n)) for n in CLIENTS]
    found, scaled = fit_usl(points), fit_usl([(n, unit * rate) for n, rate in points])
    assert isinstance(found, UslFit)
    assert isinstance(scaled, UslFit)
    assert scaled.contention == pytest.approx(found.contention, abs=1e-6)
    assert scaled.rate_of_one == pytest.approx(unit * found.rate_of_one)


@given(LAWS)
def test_the_peak_is_where_the_law_is_highest(law: UslFit) -> None:
    assume(law.coherency > 1e-6)
    assert law.peak_value == pytest.approx(max(1, math.sqrt((1 - law.contention) / law.coherency)))
    assert law.peak_value is not None
    assert law.peak_rate is not None
    for factor in (0.5, 0.9, 1.1, 2):
        assert law.rate(max(1, factor * law.peak_value)) <= law.peak_rate * (1 + 1e-9)


def test_what_nothing_bends_down_has_no_peak() -> None:
    found = fit_usl([(n, 100.0 * n) for n in CLIENTS])
    assert isinstance(found, UslFit)
    assert (found.contention, found.coherency) == pytest.approx((0, 0), abs=1e-9)
    unbent = UslFit(0.1, 0.0, 100, 1)
    assert (unbent.peak_value, unbent.peak_rate) == (None, None)


def test_what_only_falls_has_its_peak_at_one() -> None:
    found = fit_usl([(1, 1000.0), (2, 700.0), (4, 450.0), (8, 270.0)])
    assert isinstance(found, UslFit)
    assert found.peak_value == 1
    assert found.peak_rate == pytest.approx(found.rate_of_one)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([(1, 10.0), (2, 19.0), (4, 36.0)], "needs 4 different values, not 3"),
        ([(1, 10.0), (2, 19.0), (2, 18.0), (4, 36.0)], "needs 4 different values, not 3"),
        ([(1, 1000.0), (2, 1010.0), (4, 995.0), (8, 1005.0)], "about the same everywhere"),
        ([(0, 10.0), (2, 19.0), (4, 36.0), (8, 70.0)], "values from 1 up"),
        ([(1, 10.0), (2, 0.0), (4, 36.0), (8, 70.0)], "with a rate at each"),
        ([(1, 100.0), (2, 20.0), (4, 100.0), (8, 15.0), (16, 90.0)], "does not fit: it explains"),
        ([(1, 100.0), (2, 120.0), (4, 480.0), (8, 960.0), (16, 1920.0)], "does not fit: at 2"),
    ],
)
def test_what_does_not_fit_gives_a_reason_and_no_number(
    points: list[tuple[float, float]], reason: str
) -> None:
    found = fit_usl(points)
    assert isinstance(found, NoFit)
    assert reason in found.reason


# -- the knee ---------------------------------------------------------------------------------------


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=8))
def test_after_the_knee_nothing_pays_and_before_it_something_does(rates: list[float]) -> None:
    found = knee(steps(*rates))
    assert max(rates[found:]) <= rates[found] * (1 + GAIN_THAT_PAYS) * (1 + 1e-9)
    for number in range(found):
        assert max(rates[number:]) > rates[number] * (1 + GAIN_THAT_PAYS) * (1 - 1e-9)


def test_a_plateau_on_the_way_up_is_no_knee() -> None:
    assert knee(steps(100, 102, 200, 201)) == 2


def test_a_gain_that_the_runs_may_have_made_by_chance_is_none() -> None:
    up_and_down = [(1000.0, 1300.0, 800.0), (1100.0, 1400.0, 900.0), (1150.0, 1350.0, 880.0)]
    noisy = [Step(str(2**n), rates) for n, rates in enumerate(up_and_down)]
    assert knee(noisy) == 0
    quiet = [Step(step.value, (step.rate,) * 3) for step in noisy]
    assert knee(quiet) == 1


def test_the_knee_is_found_in_runs_that_spread() -> None:
    assert knee(steps(1000, 1900, 3400, 5000, 5100, 5050, runs=3, noise=0.02)) == 3


def test_a_value_at_which_nothing_got_done_is_no_knee() -> None:
    assert knee(steps(0, 1000, 0)) == 1


# -- the advice -------------------------------------------------------------------------------------


def test_the_advice_says_what_more_would_give_and_cost() -> None:
    assert advise(steps(1000, 1900, 3400, 5000, 5150, 5100), "connections") == (
        "use 8 connections: 16 give 3 % more rate and twice the p99"
    )


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ((1000, 900, 800), "use 1 client: 2 give 10 % less rate and twice the p99"),
        ((1000, 1001, 1002), "use 1 client: 2 give no more rate and twice the p99"),
        ((0, 0), "no rate was measured: use 1 client: 2 give no rate either and twice the p99"),
        ((1000, 1900), "the rate still grows at 2 clients, by 90 % from 1: "),
        ((1000, 3000), "the rate still grows at 2 clients, by 200 % from 1: "),
    ],
)
def test_the_advice_fits_the_shape_of_the_curve(rates: tuple[float, ...], told: str) -> None:
    assert advise(steps(*rates), "clients").startswith(told)


@pytest.mark.parametrize(
    ("p99_ms", "told"),
    [(1.01, "the same p99"), (1.4, "40 % more p99"), (0.8, "20 % less p99"), (3.5, "3.5 times the p99")],
)  # fmt: skip
def test_the_cost_in_p99_is_told_as_people_say_it(p99_ms: float, told: str) -> None:
    both = [Step("8", (1000.0,), 1.0), Step("16", (1020.0,), p99_ms)]
    assert advise(both, "clients") == f"use 8 clients: 16 give 2 % more rate and {told}"


def test_a_gain_that_may_be_chance_is_no_reason_to_stop_below_it() -> None:
    wild = [Step("1", (400.0, 1600.0)), Step("2", (1100.0, 4400.0)), Step("4", (1000.0, 2000.0))]
    advice = advise(wild, "clients")
    assert knee(wild) == 0
    assert advice.startswith("can't tell whether more than 1 client would pay: 2 gave 2.8 times")


def test_a_setting_is_advised_by_its_rate_alone() -> None:
    values = [Step("4MB", (1000.0,)), Step("64MB", (1500.0,)), Step("256MB", (1490.0,))]
    assert advise_setting("work_mem", values) == (
        "use work_mem = 64MB (256MB as good): 50 % more rate than 4MB"
    )
    alike = [Step("on", (1000.0,)), Step("off", (1010.0,))]
    assert "makes no difference" in advise_setting("jit", alike)
