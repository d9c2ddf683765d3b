"""A sweep read: where it stops to pay, whether the Universal Scalability Law explains it, what to set."""

from collections.abc import Sequence
from dataclasses import dataclass

from perfkit import stats
from perfkit.results import OperationResult, RunResult, Sweep, SweepPoint, Usl

_UNITS = {
    "clients": "clients",
    "pool": "connections",
    "batch": "items a batch",
    "pipeline": "commands a pipeline",
}


_SIDE_BY_SIDE = ("clients", "pool")


@dataclass(frozen=True, slots=True)
class Point:
    """One value, with all its runs together and one by one."""

    value: str
    total: OperationResult
    runs: tuple[RunResult, ...]

    @property
    def rates(self) -> list[float]:
        """What succeeded in each valid run, 0 where none is; in items where operations hold several."""
        return [_succeeded(run.total) for run in self.runs if run.valid] or [0.0]


def _succeeded(total: OperationResult) -> float:
    if total.items_per_s is not None:
        return total.items_per_s
    return total.rate_per_s * (1 - (total.error_ratio or 0.0))


def sweep(name: str, points: Sequence[Point]) -> Sweep:
    """The points in rising order where they are numbers, and what they say."""
    numeric = all(point.value.isdecimal() for point in points)
    ordered = sorted(points, key=lambda point: int(point.value)) if numeric else list(points)
    steps = [
        stats.Step(point.value, tuple(point.rates), point.total.response.p99_ms)
        for point in ordered
    ]
    usl, why_not = _law(name, ordered)
    in_order = name in _UNITS
    return Sweep(
        name=name,
        points=tuple(map(_point, ordered)),
        knee=steps[stats.knee(steps)].value if in_order else None,
        usl=usl,
        usl_why_not=why_not,
        advice=stats.advise(steps, _UNITS[name]) if in_order else stats.advise_setting(name, steps),
    )


def _point(point: Point) -> SweepPoint:
    return SweepPoint(
        value=point.value,
        runs=len(point.runs),
        total=point.total,
        cpu_ratio=_mean([run.cpu_ratio for run in point.runs]),
        server_cpu_ratio=_mean([run.server_cpu_ratio for run in point.runs]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _law(name: str, points: Sequence[Point]) -> tuple[Usl | None, str | None]:
    """Of clients and connections only: the law is about work that is done side by side."""
    if name not in _SIDE_BY_SIDE:
        return None, None
    fitted = stats.fit_usl([(int(point.value), rate) for point in points for rate in point.rates])
    if isinstance(fitted, stats.NoFit):
        return None, fitted.reason
    law = Usl(
        contention=fitted.contention,
        coherency=fitted.coherency,
        peak_value=fitted.peak_value,
        peak_rate_per_s=fitted.peak_rate,
        r_squared=fitted.r_squared,
        rate_of_one_per_s=fitted.rate_of_one,
    )
    return law, None
