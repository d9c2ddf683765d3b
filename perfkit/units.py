"""Quantities as people write them, to base units and back.

Base units inside: nanoseconds (int) for time, bytes (int) for size, per second (float) for rates, a
number from 0 to 1 for ratios. They are scaled only when shown.
"""

import re

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_TIME_NS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": NS_PER_MS, "s": NS_PER_S,
    "m": 60 * NS_PER_S, "min": 60 * NS_PER_S, "h": 3600 * NS_PER_S, "d": 86_400 * NS_PER_S,
}  # fmt: skip
_SIZE_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_PER_S = {"s": 1.0, "sec": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600}

_NUMBER = r"(\d+(?:_\d+)*(?:\.\d+)?|\.\d+)"
_QUANTITY = re.compile(rf"\s*{_NUMBER}\s*([^\d\s.]*)\s*")
_DURATION = re.compile(rf"\s*(?:{_NUMBER}\s*([a-zµμ]+)\s*)+")
_DURATION_PART = re.compile(rf"{_NUMBER}\s*([a-zµμ]+)")
_RATE = re.compile(rf"\s*{_NUMBER}\s*/\s*([a-z]+)\s*")


def duration_ns(text: str | float) -> int:
    """Nanoseconds in "250ms", "1m30s" or "1.5 h"; "0" needs no unit. ValueError otherwise."""
    if str(text).strip() == "0":
        return 0
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError(
            f"{text!r} is no duration: write a number with its unit, as in 250ms or 1m30s"
        )
    total = 0.0
    for number, unit in _DURATION_PART.findall(text):
        if unit not in _TIME_NS:
            raise ValueError(f"{text!r}: unknown unit {unit!r}: use ns, us, ms, s, m, h or d")
        total += float(number) * _TIME_NS[unit]
    return round(total)


def size_bytes(text: str | int) -> int:
    """Bytes in "64MiB", "10 kB" or 100. ValueError otherwise."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    unit = (match[2] or "B") if match else ""
    if not match or unit not in _SIZE_BYTES:
        raise ValueError(
            f"{text!r} is no size: write a number with its unit, as in 100B, 64KiB or 2GB"
        )
    return round(float(match[1]) * _SIZE_BYTES[unit])


def rate_per_s(text: str | float) -> float:
    """Events a second in "500/s", "30/min" or a plain number. ValueError otherwise."""
    if isinstance(text, int | float) and not isinstance(text, bool) and text >= 0:
        return float(text)
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match and match[2] in _PER_S:
        return float(match[1]) * _PER_S[match[2]]
    bare = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if bare and not bare[2]:
        return float(bare[1])
    raise ValueError(f"{text!r} is no rate: write events a time unit, as in 500/s or 30/min")


def ratio(text: str | float) -> float:
    """A number from 0 to 1 for "1%" or 0.01. ValueError otherwise."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if not match or match[2] not in {"", "%"}:
        raise ValueError(f"{text!r} is no ratio: write 1% or 0.01")
    return float(match[1]) / (100 if match[2] == "%" else 1)


def show_duration(ns: float) -> str:
    """A duration with three significant digits and the unit that fits: 1.23 ms, 45.0 s."""
    for unit, size in (("s", NS_PER_S), ("ms", NS_PER_MS), ("µs", 1_000)):
        if abs(ns) >= size:
            return f"{_three_digits(ns / size)} {unit}"
    return f"{ns:.0f} ns"


def show_ms(ms: float) -> str:
    """As show_duration, of milliseconds."""
    return show_duration(ms * NS_PER_MS)


def show_size(size: float) -> str:
    """A size in binary units with three significant digits: 1.50 MiB."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if abs(size) >= _SIZE_BYTES[unit]:
            return f"{_three_digits(size / _SIZE_BYTES[unit])} {unit}"
    return f"{size:.0f} B"


def show_count(count: float) -> str:
    """A count with thousands separated; small fractions keep three digits: 12,345 or 0.50."""
    if abs(count) >= 100 or count == int(count):
        return f"{count:,.0f}"
    return _three_digits(count)


def show_ratio(value: float) -> str:
    """A ratio as a percentage that never rounds something to nothing: 0.004 %, 12.5 %."""
    percent = value * 100
    if percent == 0 or abs(percent) >= 10:
        return f"{percent:.3g} %"
    return f"{percent:.2g} %"


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    return (
        f"{value:,.0f}"
        if magnitude >= 100
        else f"{value:.1f}"
        if magnitude >= 10
        else f"{value:.2f}"
    )
