"""The forms in which the SQL backends send a statement: numbered values, chosen words, many rows.

A statement with words in braces exists once for each choice of them, so that all can be prepared.
A batch is an INSERT with its one row written many times, where each place has a value of its own.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from perfkit.scenario import Operation
from perfkit.scenario.placeholders import (
    replace_sql_names,
    sql_choices,
    sql_names,
)
from perfkit.scenario.words import forms

NOT_CODE = re.compile(
    r"""
      --[^\n]* | /\*.*?(?:\*/|\Z)
    | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
    | (?<![\w$])(?P<dollar>\$\w*\$).*?(?P=dollar)
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is quoted or a comment."""

_INSERT = re.compile(
    r"""
    \s* (?: insert (?: \s+ or \s+ \w+ )? | replace ) \s+ into \b
    [^()]* (?: \( [^()]* \) [^()]* )?   # the table, its columns
    \b values \s* (?= \( )
    """,
    re.VERBOSE,
)
_SELECT = re.compile(r"\bselect\b")
_AFTER_ROW = re.compile(r"\s*(?:;|\Z|(?:on\s+conflict|returning)\b)")
_BATCH_TAKES = (
    "a batch takes an INSERT of one row, INSERT INTO … VALUES (…), with nothing after it but "
    "ON CONFLICT or RETURNING"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement as it is sent: in which forms, and where in a draw its values are.

    `texts` are by what `key` gives of a draw; without words to choose, `key` is None and the only
    text is under None. `picks` are the places of the values of one row in its draw, and `rows` such
    rows are sent.
    """

    texts: Mapping[Any, str]
    key: Callable[[tuple[Any, ...]], Any] | None
    picks: tuple[int, ...]
    rows: int = 1

    @property
    def values(self) -> int:
        """How many values are sent with it."""
        return len(self.picks) * self.rows


def plan(text: str, operation: Operation, names: Sequence[str], sign: str) -> Plan:
    """The plan of a statement, whose draws are in the order of `names`.

    `sign` stands before the number of a value: $ or ?. ValueError for words that can't be chosen.
    """
    if operation.batch > 1:
        picks = tuple(map(names.index, _places(text)))
        return Plan({None: _many_rows(text, sign, operation.batch)}, None, picks, operation.batch)
    used = sql_names(text)
    number = {name: f"{sign}{place}" for place, name in enumerate(used, start=1)}
    written = forms(text, operation.params).items()
    texts = {key: replace_sql_names(form, number.__getitem__) for key, form in written}
    chosen = sql_choices(text, operation.params)
    key = itemgetter(*map(names.index, chosen)) if chosen else None
    return Plan(texts, key, tuple(map(names.index, used)))


def spellings(text: str, operation: Operation) -> list[str]:
    """The statement with each choice of its words; itself, where there is none to choose.

    ValueError for words that can't be chosen.
    """
    return list(forms(text, operation.params).values())


def prepared_texts(text: str, operation: Operation, sign: str) -> list[tuple[str, int]]:
    """Each form of a statement as it would be prepared, with the number of its values."""
    names = (*operation.params, *sql_names(text))
    planned = plan(text, operation, names, sign)
    return [(form, planned.values) for form in planned.texts.values()]


def batch_problem(operation: Operation, most_values: int) -> str | None:
    """Why this can't be a batch; None where it can, or is none."""
    if operation.batch == 1:
        return None
    row = _row_of(operation.sql) if operation.sql is not None else None
    if operation.sql is None or row is None:
        return _BATCH_TAKES
    if chosen := sql_choices(operation.sql, operation.params):
        return f"a batch is one statement: {{{chosen[0]}}} can't be another word in each row"
    outside = sql_names(operation.sql[: row.start] + operation.sql[row.end :])
    if outside:
        return f"a batch has a :{outside[0]} in each row: outside VALUES (…) write excluded.column"
    values = len(_places(operation.sql))
    if operation.batch * values > most_values:
        return (
            f"a batch of {operation.batch} rows of {values} values is too large for one statement: "
            f"at most {most_values // values} rows"
        )
    return None


# -- rows of a batch ------------------------------------------------------------------------------


def _places(text: str) -> list[str]:
    """The names in the order of the places where they stand, each as often as it stands there."""
    names: list[str] = []

    def note(name: str) -> str:
        names.append(name)
        return ""

    replace_sql_names(text, note)
    return names


def _many_rows(text: str, sign: str, rows: int) -> str:
    """The INSERT with so many rows.

    SQLite, whose sign is ?, takes the values in their order: of 20,000 numbers it would look up each
    among all others, which takes a second where this takes 20 ms.
    """
    row = _row_of(text)
    if row is None:
        raise ValueError(_BATCH_TAKES)
    numbers = itertools.count(1)
    pattern = text[row.start : row.end]
    written = [
        replace_sql_names(pattern, lambda _: sign if sign == "?" else f"{sign}{next(numbers)}")
        for _ in range(rows)
    ]
    return text[: row.start] + ", ".join(written) + text[row.end :]


class _Row(NamedTuple):
    """Where the brackets of the only row of an INSERT begin, and where they have ended."""

    start: int
    end: int


def _row_of(text: str) -> _Row | None:
    """The row of an INSERT that has just one."""
    code = NOT_CODE.sub(lambda match: " " * len(match[0]), text).lower()
    head = _INSERT.match(code)
    if not head or _SELECT.search(head[0]):
        return None
    depth = 0
    for bracket in re.finditer(r"[()]", code[head.end() :]):
        depth += 1 if bracket[0] == "(" else -1
        if depth == 0:
            end = head.end() + bracket.end()
            return _Row(head.end(), end) if _AFTER_ROW.match(code, end) else None
    return None
