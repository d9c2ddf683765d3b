"""The values of PostgreSQL's settings: their units, their bounds, and when two texts mean the same.

The rules are the server's own (src/backend/utils/misc/guc.c): a number without a unit is in the
setting's unit, one with a unit is converted and rounded.
https://www.postgresql.org/docs/current/config-setting.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Value = bool | float | str

_SIZES = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_TIMES = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_BASED = re.compile(r"\s*[+-]?0(?:[xX][0-9a-fA-F]+|[0-7]+)\s*")  # as in C: 0777 is octal
_UNIT = re.compile(r"(\d*)([A-Za-z]+)")
_TRUE, _FALSE = ("on", "true", "yes", "1", "t", "y"), ("off", "false", "no", "0", "f", "n")

# Settings that hold a list of names, each of them a literal of its own in SQL.
# src/bin/pg_dump/dumputils.c, variable_is_guc_list_quote.
_LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guc:
    """A row of pg_settings. `may_set`: this user may set it in a session, where that is a question."""

    name: str
    shown: str
    unit: str | None
    context: str
    vartype: str
    least: str | None
    most: str | None
    words: Sequence[str]
    source: str
    pending_restart: bool
    may_set: bool

    def read(self, text: str) -> Value:
        """The value in the setting's own unit. ValueError with what it takes."""
        if self.vartype == "bool":
            return _truth(text)
        if self.vartype == "enum":
            return self._word(text)
        if self.vartype in {"integer", "real"}:
            return self._number(text)
        return ",".join(names_in(text)) if self.name in _LISTS else text

    def _word(self, text: str) -> str:
        known = {word.lower(): word for word in self.words}
        word = text.lower()
        if word not in known and word in _TRUE + _FALSE:
            word = "on" if _truth(word) else "off"  # an enum that once was a switch
        if word not in known:
            raise ValueError(f"write one of {', '.join(filter(None, self.words))}")
        return known[word]

    def _number(self, text: str) -> float:
        if self.vartype == "integer" and _BASED.fullmatch(text):
            return int(text, 16 if "x" in text.lower() else 8)
        match = _NUMBER.fullmatch(text)
        if not match:
            raise ValueError(
                "write a number" + (f", in {self.unit} or with a unit" if self.unit else "")
            )
        value = float(match[1]) * _factor(match[2], self.unit)
        if self.vartype == "integer":
            value = round(value)
        if not float(self.least or "-inf") <= value <= float(self.most or "inf"):
            unit = f" (in {self.unit})" if self.unit else ""
            raise ValueError(f"it must be from {self.least} to {self.most}{unit}")
        return value


def _truth(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError("write on or off")
    return text.lower() in _TRUE


def _factor(given: str, unit: str | None) -> float:
    """What one `given` is in the setting's unit, which may be a block: 8kB."""
    if not given:
        return 1
    match = _UNIT.fullmatch(unit or "")
    if match:
        for table in (_SIZES, _TIMES):
            if match[2] in table and given in table:
                return table[given] / (table[match[2]] * int(match[1] or 1))
    units = _SIZES if match and match[2] in _SIZES else _TIMES if match else {}
    raise ValueError(f"{given!r} is none of its units ({', '.join(units) or 'it has none'})")


def names_in(text: str) -> list[str]:
    """The names of a list as settings hold them: pg_stat_statements, "My Schema"."""
    return [part.strip().strip('"') for part in text.split(",") if part.strip()]


def assignment(name: str, value: str) -> str:
    """The right side of a SET: one literal, or several for a list of names."""
    values = names_in(value) if name in _LISTS else [value]
    return ", ".join("'" + each.replace("'", "''") + "'" for each in values or [""])
