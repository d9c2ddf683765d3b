"""How a change is written, in checks as in tables."""

from perfkit.results import Comparison

_TIMES = 2.0  # from three times as much on, percentages are hard to read
_BEYOND = 1000.0  # the bound of two runs that lie apart: how far beyond tells nothing


def show_change(ratio: float) -> str:
    """A change with its sign: +12 %, -3.4 %; 0.0 % has none. 12 times, where it is that much."""
    if ratio > _BEYOND:
        return f"over {_BEYOND:,.0f} times"
    if ratio >= _TIMES:
        return f"{1 + ratio:,.{0 if ratio >= 9 else 1}f} times"
    digits = 0 if abs(ratio) >= 0.0995 else 1
    sign = "" if abs(ratio) < 0.0005 else "+"
    return f"{round(ratio * 100, digits) + 0.0:{sign},.{digits}f} %"


def change_text(comparison: Comparison) -> str:
    """The change and, where there is one, its interval: -12 % (-15 % to -9.1 %)."""
    change = show_change(comparison.change_ratio)
    low, high = comparison.change_low, comparison.change_high
    if low is None or high is None:
        return change
    return f"{change} ({show_change(low)} to {show_change(high)})"
