"""Field types of the files that users write: quantities with units, ranges, frozen models.

Each refuses what it does not take with one sentence of ours, and describes itself to editors.
"""

import math
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from perfkit import units

T = TypeVar("T", float, int, str)
Key = str | int

_LONGEST_NS = 1000 * 86_400 * units.NS_PER_S
_HIGHEST_RATE_PER_S = 1e9
_HIGHEST_WHOLE = 10**15
_LARGEST_VALUE_BYTES = 64 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_CHARACTERS = 60


class Mistake(ValueError):  # noqa: N818  the name says what it is
    """A value that can't be used.

    `at` leads from it to the part that is wrong; `at_key` says that it is the key there, not its
    value.
    """

    def __init__(
        self,
        message: str,
        *,
        at: tuple[Key, ...] = (),
        at_key: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.at = at
        self.at_key = at_key
        self.hint = hint


class Frozen(BaseModel):
    """A frozen model that takes no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def shown(value: Any) -> str:
    """A value as an error names it: in quotes where it is text, by its kind where it is long."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    short = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return repr(short) if isinstance(value, str) else short


def nearest(word: str, known: Sequence[str]) -> str | None:
    """A hint that names the known word most like this one; all of them where none is and few are."""
    close = get_close_matches(word, known, n=1) or get_close_matches(
        word.lower(), [name for name in known if name.lower() == name], n=1
    )
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if 0 < len(known) <= 24 else None


def is_number(value: Any) -> bool:
    """A finite number of 64 bits, and not a boolean, which Python counts among the whole numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**63  # which NaN is not


def number(value: Any) -> float:
    """A finite number. ValueError otherwise, also for a number in quotes."""
    if not is_number(value):
        raise ValueError(f"{shown(value)} is no number")
    return value  # type: ignore[no-any-return]  # is_number has just told


def whole(value: Any) -> int:
    """A whole number, also written as 1e6. ValueError otherwise."""
    if not is_number(value) or value != int(value) or abs(value) > _HIGHEST_WHOLE:
        raise ValueError(f"{shown(value)} is no whole number")
    return int(value)


def at_least(least: int, read: Callable[[Any], Any] = whole) -> Callable[[Any], Any]:
    """A reader of numbers that are not below `least`."""

    def checked(value: Any) -> Any:
        result = read(value)
        if result < least:
            raise ValueError(f"{shown(value)} is too low: at least {least}")
        return result

    return checked


def flag(value: Any) -> bool:
    """True or false. ValueError otherwise."""
    if not isinstance(value, bool):
        raise Mistake(f"{shown(value)} is neither true nor false")
    return value


def text(value: Any) -> str:
    """Text that is not blank. ValueError otherwise."""
    if not isinstance(value, str):
        raise Mistake(f"{shown(value)} is no text: put it in quotes if it was meant as text")
    if not value.strip():
        raise ValueError("the text is empty")
    return value


def name(value: Any) -> str:
    """A name that a threshold's path can hold. ValueError otherwise."""
    if not _NAME.fullmatch(text(value)):
        raise ValueError(f"{shown(value)} is no name: use letters, digits, - and _")
    return str(value)


def duration(value: Any) -> int:
    """Nanoseconds in "250ms". ValueError otherwise, also for a number without a unit."""
    try:
        result = units.duration_ns(value)
    except OverflowError:
        result = _LONGEST_NS + 1
    if result > _LONGEST_NS:
        raise ValueError(f"{shown(value)} is too long: at most 1000d")
    return result


def positive_duration(value: Any) -> int:
    """As `duration`; ValueError for zero as well."""
    result = duration(value)
    if result == 0:
        raise ValueError(f"{shown(value)} is no time at all: write a duration above zero")
    return result


def rate(value: Any) -> float:
    """Events a second in "500/s" or 500. ValueError otherwise."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{shown(value)} is no rate: write events a time unit, as in 500/s")
    try:
        result = units.rate_per_s(value)
    except OverflowError:
        result = math.inf
    if result > _HIGHEST_RATE_PER_S:
        raise ValueError(f"{shown(value)} is too high a rate")
    return result


def size(value: Any) -> int:
    """Bytes of a single value, in "1KiB" or 1024. ValueError otherwise."""
    try:
        result = units.size_bytes(value)
    except OverflowError:
        result = _LARGEST_VALUE_BYTES + 1
    if result > _LARGEST_VALUE_BYTES:
        raise ValueError(f"{shown(value)} is too large: at most 64MiB")
    return result


def number_range(value: Any) -> tuple[float, float]:
    """Two numbers, the lower first. ValueError otherwise."""
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(is_number, value)):
        raise ValueError(f"{_listed(value)} is no range: write [low, high] with two numbers")
    return ordered((value[0], value[1]))


def whole_range(value: Any) -> tuple[int, int]:
    """Two whole numbers, the lower first. ValueError otherwise."""
    low, high = number_range(value)
    if low != int(low) or high != int(high):
        raise ValueError(f"{_listed(value)} has a fraction: this takes whole numbers")
    return int(low), int(high)


def size_range(value: Any) -> tuple[int, int]:
    """A size, or a list of the smallest and the largest. ValueError otherwise."""
    if not isinstance(value, list | tuple):
        return size(value), size(value)
    if len(value) != 2:
        raise ValueError(f"{_listed(value)} is no range: write [low, high] with two sizes")
    return ordered((size(value[0]), size(value[1])), value)


def ordered(pair: tuple[T, T], written: Any = None) -> tuple[T, T]:
    """The pair. ValueError, which shows it as written, where the first is above the second."""
    if pair[0] > pair[1]:
        raise ValueError(
            f"{_listed(written or pair)} starts above its end: write the lower one first"
        )
    return pair


def _listed(value: Any) -> str:
    if not isinstance(value, list | tuple) or len(value) > 4:
        return shown(value)
    return f"[{', '.join(map(shown, value))}]"


def _internal_ns(value: Any) -> Any:
    return units.duration_ns(value) if isinstance(value, str) else value


# What an editor is told: a number may also come from the environment.
_FROM_ENVIRONMENT = {"type": "string", "pattern": r"\$\{"}


def schema_of_number(kind: str, **limits: Any) -> WithJsonSchema:
    """The JSON Schema of a number or whole number that may also be ${VAR}."""
    return WithJsonSchema({"anyOf": [{"type": kind, **limits}, _FROM_ENVIRONMENT]})


_DURATION_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string", "examples": ["250ms", "30s", "1m30s"]}, {"const": 0}]}
)
_SIZE_SCHEMA = {
    "anyOf": [{"type": "string", "examples": ["100B", "1KiB"]}, {"type": "integer", "minimum": 0}]
}
_TABLE_NAME = {"type": "string", "examples": ["kv"]}  # stands for the range of its rows
_PAIR = {"type": "array", "minItems": 2, "maxItems": 2}

DurationNs = Annotated[int, BeforeValidator(_internal_ns)]
Size = Annotated[int, BeforeValidator(size), WithJsonSchema(_SIZE_SCHEMA)]
Range = Annotated[
    tuple[int | float, int | float],
    BeforeValidator(number_range),
    WithJsonSchema(
        {
            "anyOf": [
                {**_PAIR, "items": {"anyOf": [{"type": "number"}, _FROM_ENVIRONMENT]}},
                _TABLE_NAME,
            ]
        }
    ),
]
WholeRange = Annotated[
    tuple[int, int],
    BeforeValidator(whole_range),
    WithJsonSchema(
        {
            "anyOf": [
                {**_PAIR, "items": {"anyOf": [{"type": "integer"}, _FROM_ENVIRONMENT]}},
                _TABLE_NAME,
            ]
        }
    ),
]
SizeRange = Annotated[
    tuple[int, int],
    BeforeValidator(size_range),
    WithJsonSchema({"anyOf": [*_SIZE_SCHEMA["anyOf"], {**_PAIR, "items": _SIZE_SCHEMA}]}),
]
Number = Annotated[float, BeforeValidator(number), schema_of_number("number")]
Weight = Annotated[
    float, BeforeValidator(at_least(0, number)), schema_of_number("number", minimum=0)
]
Whole = Annotated[int, BeforeValidator(whole), schema_of_number("integer")]
Natural = Annotated[int, BeforeValidator(at_least(0)), schema_of_number("integer", minimum=0)]
Positive = Annotated[int, BeforeValidator(at_least(1)), schema_of_number("integer", minimum=1)]
Flag = Annotated[
    bool,
    BeforeValidator(flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, _FROM_ENVIRONMENT]}),
]
Words = Annotated[str, BeforeValidator(text), WithJsonSchema({"type": "string", "minLength": 1})]
NameText = Annotated[
    str, BeforeValidator(name), WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9_-]+$"})
]
Duration = Annotated[int, BeforeValidator(duration), _DURATION_SCHEMA]
PositiveDuration = Annotated[int, BeforeValidator(positive_duration), _DURATION_SCHEMA]
