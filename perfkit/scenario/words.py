"""Words in braces in SQL, UPDATE t SET {column} = :value, which no server takes as values.

Such a statement exists once for each choice of its words, so that all can be prepared. Nothing but
plain words and small numbers gets into a statement in this way.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Any

from perfkit.scenario.placeholders import replace_sql_choices, sql_choices
from perfkit.scenario.values import Choice, Param

MOST_FORMS = 100

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_NUMBER = 999_999_999


def forms(sql: str, params: Mapping[str, Param]) -> dict[Any, str]:
    """The statement for each choice of words, by the word or by the tuple of words.

    Without words to choose it is the only one, under None. ValueError for a param whose values can't
    be part of a statement, and for more statements than a connection should prepare.
    """
    chosen = sql_choices(sql, params)
    if not chosen:
        return {None: sql}
    words = [_words(name, params[name]) for name in chosen]
    count = 1
    for each in words:
        count *= len(each)
    if count > MOST_FORMS:
        raise ValueError(
            f"{' and '.join(f'{{{name}}}' for name in chosen)} have {count} combinations, and each is "
            f"a statement of its own: at most {MOST_FORMS}"
        )
    found = {}
    for picked in itertools.product(*words):
        key = picked if len(picked) > 1 else picked[0]
        found[key] = replace_sql_choices(sql, dict(zip(chosen, picked, strict=True)))
    return found


def _words(name: str, param: Param) -> list[str | int]:
    """What may stand in the place of `{name}`: nothing that could be more than a word."""
    if not isinstance(param, Choice):
        raise ValueError(  # noqa: TRY004  what is wrong is in the scenario, not in a type
            f"{{{name}}} is part of the statement, so it must be a choice of words, not {param.kind}; "
            f"for a value write :{name}"
        )
    words: list[str | int] = []
    for value in dict.fromkeys(param.values):
        small = type(value) is int and 0 <= value <= _MOST_NUMBER
        if not small and not (isinstance(value, str) and _WORD.fullmatch(value)):
            raise ValueError(
                f"{{{name}}} is part of the statement, and {value!r} is no plain word or number; "
                f"for a value write :{name}"
            )
        words.append(value)  # type: ignore[arg-type]  # a small int or a word, as just seen
    return words
