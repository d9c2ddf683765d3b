"""How the value of a formula is written for the program that takes it."""

import math
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from perfkit.scenario.fields import Mistake
from perfkit.tuning.formula import Kind, Quantity
from perfkit.units import NS_PER_MS, NS_PER_S

Notation = Literal[
    "count", "number", "size", "bytes", "KiB", "MiB", "GiB", "duration", "s", "ms", "us", "text"
]

NOTATIONS: tuple[Notation, ...] = get_args(Notation)

_KIND: Mapping[Notation, Kind] = {
    "count": "number",
    "number": "number",
    "size": "size",
    "bytes": "size",
    "KiB": "size",
    "MiB": "size",
    "GiB": "size",
    "duration": "duration",
    "s": "duration",
    "ms": "duration",
    "us": "duration",
    "text": "text",
}
_DEFAULT: Mapping[Kind, Notation] = {
    "number": "count",
    "size": "size",
    "duration": "duration",
    "text": "text",
}
# PostgreSQL and Redis both take these for powers of 1024.
_SIZES = {"TB": 2**40, "GB": 2**30, "MB": 2**20, "kB": 2**10}
_TIMES = {
    "d": 86_400 * NS_PER_S, "h": 3600 * NS_PER_S, "min": 60 * NS_PER_S,
    "s": NS_PER_S, "ms": NS_PER_MS, "us": 1_000,
}  # fmt: skip
_KEPT = 100  # a size is cut to whole units of which it has so many


def written(found: Quantity, notation: Notation | None) -> str:
    """The text of a value; without a notation, the usual one of its kind.

    Whole numbers are rounded towards zero, so that a limit in a formula holds. Mistake where the
    value has no such notation.
    """
    wanted = notation or _DEFAULT.get(found.kind)
    if wanted is None or _KIND[wanted] != found.kind:
        what = "a comparison" if found.kind == "condition" else f"a {found.kind}"
        raise Mistake(
            f"the result is {what.replace('a text', 'text')}, which can't be written as {wanted or 'a value'}"
        )
    if isinstance(found.value, str):
        return found.value
    return _WRITE[wanted](found.value)


def _plain(value: float, decimals: int) -> str:
    scaled = math.trunc(value * 10**decimals) / 10**decimals
    text = f"{scaled:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if decimals else text).replace("-0", "0", text == "-0")


def _in(unit: float, decimals: int = 0) -> Callable[[float], str]:
    return lambda value: _plain(value / unit, decimals)


def _size(value: float) -> str:
    """As servers take it: 4GB, 5461kB. Cut to what leaves three digits at least."""
    sign, whole = "-" if value < 0 else "", math.trunc(abs(value))
    if not whole:
        return "0"
    cut = next((unit for unit in _SIZES.values() if whole >= _KEPT * unit), 1)
    whole -= whole % cut
    name, unit = next(((n, u) for n, u in _SIZES.items() if whole % u == 0), ("B", 1))
    return f"{sign}{whole // unit}{name}"


def _duration(value: float) -> str:
    """As PostgreSQL takes it: 5min, 1500ms."""
    whole = math.trunc(abs(value)) // 1_000 * 1_000
    if not whole:
        return "0"
    name, unit = next((n, u) for n, u in _TIMES.items() if whole % u == 0)
    return f"{'-' if value < 0 else ''}{whole // unit}{name}"


_WRITE: Mapping[Notation, Callable[[float], str]] = {
    "count": _in(1),
    "number": _in(1, decimals=3),
    "size": _size,
    "bytes": _in(1),
    "KiB": _in(2**10),
    "MiB": _in(2**20),
    "GiB": _in(2**30, decimals=2),
    "duration": _duration,
    "s": _in(NS_PER_S, decimals=3),
    "ms": _in(NS_PER_MS),
    "us": _in(1_000),
}
