"""Think time: the pause of a user between two operations, a duration or a generator of durations."""

from collections.abc import Callable
from math import log
from typing import Any

from perfkit.scenario.fields import Mistake, duration, ordered, shown
from perfkit.scenario.values import Choice, Constant, Exponential, Normal, Param, Uniform
from perfkit.units import NS_PER_S

_CUT = 20  # means; what lies beyond has a probability of e^-20
_PERCENTILE = 95.0


def read_think(value: Any) -> Any:
    """The param, in seconds, for what the file says. Mistake where that is no think time.

    `100ms`, or one of `uniform: [50ms, 150ms]`, `normal: [0s, 1s]` (cut to the range, mean in its
    middle, its width six standard deviations), `exponential: 100ms` (the mean; cut at twenty times
    that), `choice: [0, 1s]`, `choice: {10ms: 9, 1s: 1}`.
    """
    if value is None or isinstance(value, Constant | Uniform | Normal | Exponential | Choice):
        return value
    if not isinstance(value, dict):
        return Constant(value=_seconds(value))
    if len(value) != 1:
        raise Mistake("write a duration, or one of uniform, normal, exponential and choice")
    kind, arguments = next(iter(value.items()))
    if kind not in THINK_GENERATORS:
        raise Mistake(
            f"{kind!r} is no think time: uniform, normal, exponential or choice",
            at=(kind,),
            at_key=True,
        )
    try:
        return THINK_GENERATORS[kind](arguments)
    except ValueError as error:
        raise Mistake(str(error), at=(kind,)) from None


def _seconds(value: Any) -> float:
    return duration(value) / NS_PER_S


def _range(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise Mistake(f"{shown(value)} is no range: write [50ms, 150ms]")
    shortest, longest = ordered((duration(value[0]), duration(value[1])), value)
    return shortest / NS_PER_S, longest / NS_PER_S


def _exponential(value: Any) -> Exponential:
    """As param in YCSB's terms: the mean is range × fraction / −ln(1 − percentile)."""
    mean_s = _seconds(value)
    if mean_s == 0:
        raise Mistake("a mean of zero is no think time")
    fraction = -log(1 - _PERCENTILE / 100) / _CUT
    return Exponential(range=(0.0, mean_s * _CUT), percentile=_PERCENTILE, fraction=fraction)


def _choice(value: Any) -> Choice:
    if isinstance(value, list) and value:
        return Choice(values=tuple(map(_seconds, value)))
    if not isinstance(value, dict) or not value:
        raise Mistake(f"{shown(value)} is nothing to choose from: write a list of durations")
    try:
        return Choice(values=tuple(map(_seconds, value)), weights=tuple(value.values()))
    except ValueError:
        raise Mistake("the weights must be numbers, at least one above zero") from None


THINK_GENERATORS: dict[str, Callable[[Any], Param]] = {
    "uniform": lambda value: Uniform(range=_range(value)),
    "normal": lambda value: Normal(range=_range(value)),
    "exponential": _exponential,
    "choice": _choice,
}
