"""How reports write what is not a plain quantity of perfkit.units."""

from collections.abc import Callable, Mapping

from perfkit.units import NS_PER_S, show_count, show_duration, show_ms, show_ratio, show_size

NOTHING = "-"  # stands for a value that could not be had


def printable(text: str) -> str:
    """The text on one line, with every character that a terminal would obey made visible."""
    line = " ".join(text.split()) if not text.isprintable() else text
    return "".join(c if c.isprintable() else _escaped(c) for c in line)


def _escaped(character: str) -> str:
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code <= 0xFF
        else f"\\u{code:04x}"
        if code <= 0xFFFF
        else f"\\U{code:08x}"
    )


def show_span(seconds: float) -> str:
    """How long something lasts, as people say it: 850 ms, 12.3 s, 2 min 05 s, 3 h 20 min."""
    if seconds <= 0:
        return "0 s"
    if seconds < 120:
        return show_duration(seconds * NS_PER_S)
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    return f"{hours} h {rest_min:02} min" if hours else f"{minutes} min {rest_s:02} s"


def show_rate(rate_per_s: float) -> str:
    """Events a second: 1,234/s or 0.50/s."""
    return f"{show_count(rate_per_s)}/s"


_SHOW: Mapping[str, Callable[[float], str]] = {
    "ratio": show_ratio,
    "bytes": show_size,
    "bytes_per_s": lambda value: f"{show_size(value)}/s",
    "ms": show_ms,
    "s": lambda value: show_duration(value * NS_PER_S),
    "per_s": show_rate,
    "count": show_count,
    "": show_count,
}


def show_quantity(value: float | None, unit: str) -> str:
    """A value in one of the units that results.Series names; other units are put behind it."""
    if value is None:
        return NOTHING
    return _SHOW[unit](value) if unit in _SHOW else f"{show_count(value)} {unit}"
