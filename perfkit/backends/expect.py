"""What `expect` asks of a reply, made ready once so that judging a reply is one cheap call.

The same for every backend: a count of rows (or documents, or elements), a first value, and error
classes that are all right.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from perfkit.backends.base import Failure
from perfkit.scenario import Expect

RowsTest = Callable[[int], bool]
ValueTest = Callable[[Any], bool]

_COMPARISON = re.compile(r"\s*(>=|<=|==|=|>|<)?\s*(\d+)\s*")
_RANGE = re.compile(r"\s*(\d+)\s*\.\.\s*(\d+)\s*")
_TRUE = frozenset({"true", "t", "1"})
_FALSE = frozenset({"false", "f", "0"})
_SHOWN_CHARACTERS = 60


def rows_test(expect: Expect) -> RowsTest | None:
    """Is this the number of rows that was asked for? None when any number is right.

    ValueError for text that is none of 1, ">=1" and "1..10".
    """
    return None if expect.rows is None else _rows_test(str(expect.rows))


def _rows_test(text: str) -> RowsTest:
    if between := _RANGE.fullmatch(text):
        low, high = int(between[1]), int(between[2])
        return lambda rows: low <= rows <= high
    comparison = _COMPARISON.fullmatch(text)
    if comparison is None:
        raise ValueError(f"{text!r} is no number of rows: write 1, >=1 or 1..10")
    wanted = int(comparison[2])
    tests: dict[str, RowsTest] = {
        ">=": lambda rows: rows >= wanted,
        "<=": lambda rows: rows <= wanted,
        ">": lambda rows: rows > wanted,
        "<": lambda rows: rows < wanted,
    }
    return tests.get(comparison[1], lambda rows: rows == wanted)


def value_test(expect: Expect) -> ValueTest | None:
    """Is this the value that was asked for? None when any value is right.

    Servers answer in types of their own, some in text only, so 5 is also "5" and 5.0, and true is
    also 1 and "t"; text is compared exactly.
    """
    wanted = expect.value
    if wanted is None:
        return (lambda seen: seen is None) if expect.has_value else None
    if isinstance(wanted, bool):
        words = _TRUE if wanted else _FALSE
        return lambda seen: _text(seen).lower() in words
    if isinstance(wanted, str):
        return lambda seen: seen is not None and _text(seen) == wanted
    number = Decimal(str(wanted))
    return lambda seen: _number(seen) == number


def _text(seen: Any) -> str:
    return seen.decode(errors="replace") if isinstance(seen, bytes) else str(seen)


def _number(seen: Any) -> Decimal | None:
    try:
        number = None if seen is None or isinstance(seen, bool) else Decimal(_text(seen))
    except InvalidOperation:
        return None
    return None if number is None or number.is_snan() else number  # snan can't even be compared


def unexpected_rows(expect: Expect, seen: int, what: str = "rows") -> Failure:
    """The failure of a reply with another number of rows."""
    return Failure("unexpected", f"expected {expect.rows} {what}, got {seen}")


def unexpected_value(expect: Expect, seen: Any) -> Failure:
    """The failure of a reply with another first value, which is shown shortened."""
    shown = "null" if seen is None else repr(_text(seen))
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "…"
    wanted = "null" if expect.value is None else repr(expect.value)
    return Failure("unexpected", f"expected the value {wanted}, got {shown}")


def forgiven(expect: Expect, failure: Failure) -> Failure | None:
    """None when the failure's class is one that is all right, else the failure itself."""
    return None if failure.error_class in expect.error else failure
