"""A sweep read: by what succeeded, in runs that are valid."""

from dataclasses import replace

from perfkit.bench.scaling import Point, sweep
from perfkit.results import RunResult
from tests.bench.test_merging import operation


def point(value: str, rate: int, *, error_ratio: float = 0.0, valid: bool = True) -> Point:
    total = replace(operation([1_000_000] * rate, 1.0), error_ratio=error_ratio)
    runs = tuple(
        RunResult(n, n, value, 0.0, 1.0, valid, 0.5, 0.5, (total,), total) for n in range(1, 4)
    )
    return Point(value, total, runs)


def test_errors_are_no_rate_that_would_pay() -> None:
    points = [point("1", 100), point("2", 200), point("4", 800, error_ratio=0.9)]
    assert sweep("clients", points).knee == "2"


def test_runs_that_are_not_valid_are_no_rate_either() -> None:
    points = [point("1", 100), point("2", 200), point("4", 800, valid=False)]
    assert sweep("clients", points).knee == "2"
