"""What gives reason to doubt the runs of a variant."""

from dataclasses import replace

import numpy as np
import pytest

from perfkit.backends import open_target
from perfkit.bench.merging import merged
from perfkit.bench.options import Options
from perfkit.bench.outcome import Outcome, run_result
from perfkit.bench.runs import Run
from perfkit.bench.subject import described, measured
from perfkit.bench.trust import doubts
from perfkit.bench.variants import Scheme, Variant
from tests.bench.test_merging import operation
from tests.report.samples import passed_report

ASKED = Options(target="fake://", query="SELECT 1")


def run(number: int, times_ns: list[int], elapsed_s: float = 1.0) -> Run:
    only = operation(times_ns, elapsed_s)
    result = replace(passed_report().result, operations=(only,), total=only)
    variant = Variant("query", measured(ASKED, "sqlite").scenario, open_target("fake://"))
    return Run(number, number, variant, number * 2.0, result, ())


def times(seed: int, slow_share: float, factor: float = 1.0) -> list[int]:
    random = np.random.default_rng(seed)
    slower = np.where(random.random(2000) < slow_share, 10, 1)
    drawn: list[int] = (factor * slower * random.lognormal(13, 0.2, 2000)).astype(int).tolist()
    return drawn


def codes(runs: list[Run]) -> list[str]:
    whole = merged([each.result for each in runs], [each.started_s for each in runs])
    return [each.code for each in doubts(runs, whole)]


def test_two_peaks_that_every_run_has_are_told() -> None:
    assert "two_peaks" in codes([run(n, times(n, 0.4)) for n in range(1, 4)])


def test_two_peaks_that_came_and_went_are_not() -> None:
    runs = [run(1, times(1, 0.6)), run(2, times(2, 0.0)), run(3, times(3, 0.6))]
    assert "two_peaks" not in codes(runs)


def test_runs_of_different_speed_make_no_two_peaks() -> None:
    assert "two_peaks" not in codes([run(n, times(n, 0.0, factor=5**n)) for n in (1, 2)])


def test_where_no_run_is_long_enough_to_have_two_peaks_none_are_told() -> None:
    """All together may have them only because one run was slower than another."""
    assert "two_peaks" not in codes([run(n, times(n, 0.0, factor=3**n)[:150]) for n in (1, 2, 3)])


def test_an_outlier_is_told_by_the_number_that_the_run_has_in_the_report() -> None:
    numbers = (2, 3, 6, 7, 9, 12)
    runs = [run(n, [1] * 500, 5.0 if n == 7 else 1.0 + n / 1000) for n in numbers]
    whole = merged([each.result for each in runs], [each.started_s for each in runs])
    (told,) = [each.message for each in doubts(runs, whole) if each.code == "outliers"]
    assert told.startswith("run 7 ")


def test_a_run_that_was_cut_short_is_none_that_is_compared() -> None:
    runs = [run(number, [1] * 1000, 1.0 + number / 1000) for number in (1, 2, 3)]
    cut = run(4, [1] * 10, 1.0)
    runs.append(replace(cut, result=replace(cut.result, interrupted=True)))
    assert [run_result(each).valid for each in runs] == [True, True, True, False]
    outcome = Outcome(
        Scheme((runs[0].variant,), 4), runs, ASKED, described(measured(ASKED, "sqlite"))
    )
    (variant,) = outcome.result(valid=True, interrupted=True).variants
    assert variant.spread_ratio == pytest.approx(0.001, rel=0.1)
    assert variant.total.count == 3010  # what was measured is told nevertheless
