"""SQLite's settings are pragmas: most belong to a connection, a few stay in the file.

What a file keeps: that it is in WAL (any other journal mode is a connection's own), its page size
and its auto_vacuum. https://www.sqlite.org/pragma.html
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from perfkit.backends.base import Change
from perfkit.backends.client_settings import first_reason, unknown
from perfkit.backends.sqlite.connection import (
    PRAGMAS,
    File,
    busy_timeout_ns,
    connect,
    refused,
)
from perfkit.errors import TargetError
from perfkit.units import NS_PER_MS

_SWITCH = {"0": "off", "1": "on", "false": "off", "true": "on"}
# SQLite answers with numbers where people write words.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "synchronous": {"0": "off", "1": "normal", "2": "full", "3": "extra"},
    "temp_store": {"0": "default", "1": "file", "2": "memory"},
    "auto_vacuum": {"0": "none", "1": "full", "2": "incremental"},
    "secure_delete": {**_SWITCH, "2": "fast"},
    "automatic_index": _SWITCH,
    "cache_spill": _SWITCH,
    "foreign_keys": _SWITCH,
    "query_only": _SWITCH,
    "read_uncommitted": _SWITCH,
    "recursive_triggers": _SWITCH,
}
_REBUILT = ("page_size", "auto_vacuum")  # kept in the file, and changed by writing it anew
_APPLICATION = (
    "it lasts as long as its connection: the application must run it whenever it has connected"
)


def _busy_timeout_ms(text: str) -> str:
    return str(busy_timeout_ns(text) // NS_PER_MS)


_READERS: Mapping[str, Callable[[str], str]] = {**PRAGMAS, "busy_timeout": _busy_timeout_ms}


class SqliteSettings:
    """See `perfkit.backends.base.Settings`. Names are pragmas, values as people write them: wal."""

    def __init__(self, file: File, url: str) -> None:
        self._file = file
        self._url = url

    def facts(self) -> Mapping[str, int | str]:
        """None: its machine is the one that perfkit runs on."""
        return {}

    def live(self, names: Sequence[str]) -> Mapping[str, str | None]:
        """Of a fresh connection; for a file that is yet to be made, those that it would have.

        A journal mode that the URL asks for is told, and not tried: the file would keep it.
        """
        known = [name for name in names if name in _READERS]
        if self._file.exists:
            asked = dict(self._file.pragmas)
            with connect(self._file.left_alone) as connection:
                found = {name: _value(connection, name) for name in known}
            return {
                name: asked.get(name, value) if name == "journal_mode" else value
                for name, value in found.items()
            }
        with _scratch(self._file) as connection:
            return {name: _value(connection, name) for name in known}

    def problem(self, name: str, value: str) -> str | None:
        """SQLite leaves out quietly what it does not like, so a scratch database is asked."""
        if name not in _READERS:
            return unknown(name, _READERS, "SQLite")
        try:
            wanted = _canonical(name, value)
        except ValueError as error:
            return f"{name} = {value}: {error}"
        with _scratch(replace(self._file, pragmas=())) as connection:
            connection.execute(f"PRAGMA {name} = {wanted}")
            got = _value(connection, name)
        if got is None:
            return f"this SQLite is built without {name}"
        return None if got == wanted else f"SQLite makes {got} of {name} = {value}"

    def same(self, name: str, live: str, wanted: str) -> bool:
        try:
            return _canonical(name, live) == _canonical(name, wanted)
        except ValueError:
            return live == wanted

    def change(self, name: str, value: str) -> Change:
        """The statements that set it in the file, or in a connection."""
        wanted = self._taken(name, value)
        lasting = self._stays(name, wanted)
        statement = "; ".join(self._statements(name, wanted)) + ";"
        return Change(statement, note=None if lasting else _APPLICATION, lasting=lasting)

    def undo(self, name: str) -> Change:
        """What takes the file back, whatever mode it is in by then. TargetError without a file."""
        bare = replace(self._file, pragmas=())
        mode = _file_mode(bare)
        if mode is None:
            raise TargetError(
                f"there is no database {str(bare.path)!r}, and so nothing to set for good"
            )
        now = SqliteSettings(bare, self._url).live([name])[name]
        assert now is not None  # asked for what apply is about to set
        if name != "page_size":
            return self.change(name, now)
        statements = ("journal_mode = delete", f"page_size = {now}", f"journal_mode = {mode}")
        leave, resize, enter = (f"PRAGMA {each};" for each in statements)
        return Change(f"{leave} {resize} VACUUM; {enter}")

    def why_not_in_session(self, name: str) -> str | None:
        if name not in _READERS:
            return unknown(name, _READERS, "SQLite")
        if name in _REBUILT and self._file.exists:
            return f"{name} of a file that is there changes only when VACUUM writes it anew"
        return None

    def session_url(self, values: Mapping[str, str]) -> str:
        if why := first_reason({name: self.why_not_in_session(name) for name in values}):
            raise TargetError(why)
        parts = urlsplit(self._url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        given |= {name: self._taken(name, value) for name, value in values.items()}
        path = f"{parts.scheme}://{parts.netloc}{parts.path}"
        return f"{path}?{urlencode(given, quote_via=quote)}"

    @contextmanager
    def restored(self, names: Sequence[str]) -> Iterator[None]:
        """Only WAL stays in a file, so only the journal mode is put back.

        TargetError when another connection keeps the file from leaving it. A file that was made
        in between gets the mode that the URL gives it.
        """
        if "journal_mode" not in names:
            yield
            return
        bare = replace(self._file, pragmas=())
        before = _file_mode(bare) or dict(self._file.pragmas).get("journal_mode", "delete")
        try:
            yield
        finally:
            if bare.exists and _file_mode(bare) != before:
                _set_mode(bare, before)

    def apply(self, name: str, value: str) -> None:
        """Only what stays in the file can be set for good; page_size and auto_vacuum by VACUUM."""
        wanted = self._taken(name, value)
        if not self._stays(name, wanted):
            raise TargetError(f"{name} can't be set for good: {_APPLICATION}")
        if name == "journal_mode":
            _set_mode(replace(self._file, pragmas=()), wanted)
            return
        with connect(replace(self._file, pragmas=())) as connection:
            for statement in self._statements(name, wanted):
                connection.execute(statement)

    def _taken(self, name: str, value: str) -> str:
        """The value as SQLite takes it. TargetError where it does not."""
        if problem := self.problem(name, value):
            raise TargetError(problem)
        return _canonical(name, value)

    def _stays(self, name: str, wanted: str) -> bool:
        """Does the file keep it? A journal mode other than WAL is kept only as far as it ends WAL."""
        return name in _REBUILT or (name == "journal_mode" and wanted in {"wal", "delete"})

    def _statements(self, name: str, wanted: str) -> list[str]:
        """A page size changes with VACUUM, and not while the file is in WAL."""
        statement = f"PRAGMA {name} = {wanted}"
        if name not in _REBUILT:
            return [statement]
        if name == "page_size" and self._file.exists and _file_mode(self._file) == "wal":
            leave, enter = "PRAGMA journal_mode = delete", "PRAGMA journal_mode = wal"
            return [leave, statement, "VACUUM", enter]
        return [statement, "VACUUM"]


def _canonical(name: str, text: str) -> str:
    """The value in one way of writing, that of `live`. ValueError."""
    value = _READERS[name](text)
    return _WORDS.get(name, {}).get(value, value)


def _value(connection: sqlite3.Connection, name: str) -> str | None:
    """What the pragma answers; None where this SQLite is built without it."""
    row = connection.execute(f"PRAGMA {name}").fetchone()
    if row is None:
        return None
    if name == "cache_spill":  # answers from how many pages on it spills
        return "on" if row[0] else "off"
    return _WORDS.get(name, {}).get(str(row[0]), str(row[0]))


@contextmanager
def _scratch(file: File) -> Iterator[sqlite3.Connection]:
    """A connection to a new database that is gone afterwards, set up as the file's would be."""
    with tempfile.TemporaryDirectory(prefix="perfkit-") as folder:
        path = Path(folder) / "scratch.db"
        with connect(replace(file, path=path), create=True) as connection:
            yield connection


def _file_mode(file: File) -> str | None:
    """The journal mode in which a connection without pragmas finds the file; None without a file."""
    if not file.exists:
        return None
    with connect(replace(file, pragmas=())) as connection:
        return _value(connection, "journal_mode")


def _set_mode(file: File, mode: str) -> None:
    with connect(file) as connection:
        try:
            got = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise _stays_as_it_is(file, mode, str(refused(file, error))) from error
    if got != mode:
        raise _stays_as_it_is(file, mode, f"it stays in {got}")


def _stays_as_it_is(file: File, mode: str, words: str) -> TargetError:
    return TargetError(
        f"the journal mode of {file.path} could not be set to {mode}: {words}",
        hint=f"when nothing else uses the file: PRAGMA journal_mode = {mode}",
    )
