"""Settings that no server knows: those of drivers and poolers, which the application's side has.

A backend's adapter lists its own; here is what the lists have in common, and the sentence for a name
that nobody knows.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from perfkit.backends.base import Change


@dataclass(frozen=True, slots=True)
class ClientSetting:
    """`place` says where it is written; `read` raises ValueError for a value that it can't have."""

    place: str
    read: Callable[[str], object]

    def problem(self, name: str, value: str) -> str | None:
        """Why it can't have this value, in a sentence."""
        try:
            self.read(value)
        except ValueError as error:
            return f"{name} = {value!r}: {error}"
        return None

    def same(self, live: str, wanted: str) -> bool:
        """Do both texts mean the same: 30 and 30.0?"""
        try:
            return self.read(live) == self.read(wanted)
        except ValueError:
            return live == wanted

    def change(self, name: str, value: str) -> Change:
        """A client's setting is written where the client is set up; there is nothing to run."""
        return Change(None, note=f"{name} = {value} in {self.place}")


def whole(least: int = 0) -> Callable[[str], int]:
    """Reads a whole number of at least `least`."""

    def read(text: str) -> int:
        if not text.strip().isdecimal() or int(text) < least:
            raise ValueError(f"write a whole number from {least}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Reads a number of seconds, written without a unit as drivers and PgBouncer take it."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise ValueError("write seconds as a plain number")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Reads one of the words, whatever its case."""

    def read(text: str) -> str:
        for word in words:
            if word.lower() == text.lower():
                return word
        raise ValueError(f"write one of {', '.join(words)}")

    return read


def switch(text: str) -> bool:
    """Reads true or false."""
    return one_of("true", "false")(text) == "true"


def unknown(name: str, known: Iterable[str], whose: str) -> str:
    """The sentence for a name that is none, with the nearest one that is."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"{whose} has no setting {name!r}" + (f", did you mean {near[0]!r}?" if near else "")


def first_reason(reasons: Mapping[str, str | None]) -> str | None:
    """The first name that has a reason against it, with the reason; None where all are fine."""
    return next((f"{name}: {why}" for name, why in reasons.items() if why), None)
