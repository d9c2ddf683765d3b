"""How a dataset says that perfkit made it: a text that lies with each table, collection or prefix.

Where the text is kept is the backend's: a table's comment, a collection's validator, a key. What lies
without it is somebody else's, and is neither reused nor dropped.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perfkit.backends import datasets
from perfkit.errors import TargetError
from perfkit.scenario import Data

_MARK = re.compile(r"perfkit dataset (\{[^{}]*\})")


@dataclass(frozen=True, slots=True)
class Mark:
    """What perfkit notes with what it made: the dataset's parameters, and whether it is to be kept."""

    parameters: Mapping[str, str | int]
    kept: bool

    def __str__(self) -> str:
        return f"perfkit dataset {json.dumps({**self.parameters, 'kept': self.kept})}"


def mark_of(data: Data) -> Mark:
    """The mark of this dataset when it is complete."""
    return Mark(datasets.parameters(data), data.keep)


def unfinished_mark_of(data: Data) -> Mark:
    """The mark while it is made, where that is not done in a transaction: it is never reused."""
    return replace(mark_of(data), kept=False)


def read_mark(text: str | None) -> Mark | None:
    """The mark in a text, None where there is none: it is not ours."""
    found = _MARK.search(text or "")
    try:
        parameters = json.loads(found[1]) if found else None
    except ValueError:  # a text of the user's that only begins like one of ours
        return None
    return None if parameters is None else Mark(parameters, bool(parameters.pop("kept", False)))


def may_reuse(data: Data, names: Sequence[str], present: Mapping[str, str | None]) -> bool:
    """Is the very dataset there already, kept by an earlier run?

    `names` are those it needs, `present` holds the text that each of them carries which is there.
    TargetError when one was not made by perfkit; where this returns False, all may be dropped.
    """
    marks = {name: read_mark(text) for name, text in present.items()}
    strangers = [name for name, mark in marks.items() if mark is None]
    if strangers:
        raise TargetError(
            f"there is something named {strangers[0]!r} already that perfkit did not make",
            hint="perfkit leaves it alone: use another database or schema, or rename it",
        )
    wanted = datasets.parameters(data)
    return present.keys() == set(names) and all(
        mark is not None and mark.kept and mark.parameters == wanted for mark in marks.values()
    )
