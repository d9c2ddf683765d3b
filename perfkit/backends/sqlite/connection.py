"""From a URL to connections to one file, and from SQLite's errors to sentences."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from perfkit.backends.address import redact
from perfkit.errors import TargetError, UsageError
from perfkit.units import NS_PER_MS, NS_PER_S, duration_ns, size_bytes

BUSY_TIMEOUT_NS = 5 * NS_PER_S  # as the sqlite3 module has it

_HINT = "write sqlite:///relative.db or sqlite:////absolute.db"


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return text.lower()

    return read


def _number(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        raise ValueError("write a whole number") from None


def _size(text: str) -> str:
    return str(size_bytes(int(text) if text.isdigit() else text))


_SWITCH = _one_of("on", "off", "1", "0", "true", "false")
PRAGMAS: Mapping[str, Callable[[str], str]] = {
    "page_size": _size,  # first: it counts only before the file has a page, or a journal mode of WAL
    "auto_vacuum": _one_of("none", "full", "incremental"),
    "journal_mode": _one_of("delete", "truncate", "persist", "memory", "wal", "off"),
    "synchronous": _one_of("off", "normal", "full", "extra", "0", "1", "2", "3"),
    "automatic_index": _SWITCH,
    "cache_size": _number,
    "cache_spill": _SWITCH,
    "foreign_keys": _SWITCH,
    "journal_size_limit": _number,
    "locking_mode": _one_of("normal", "exclusive"),
    "mmap_size": _size,
    "query_only": _SWITCH,
    "read_uncommitted": _SWITCH,
    "recursive_triggers": _SWITCH,
    "secure_delete": _one_of("on", "off", "fast", "1", "0", "true", "false"),
    "temp_store": _one_of("default", "file", "memory", "0", "1", "2"),
    "threads": _number,
    "wal_autocheckpoint": _number,
}


@dataclass(frozen=True, slots=True)
class File:
    """The database file, the pragmas for each connection, and how long to wait for its locks."""

    path: Path
    pragmas: tuple[tuple[str, str], ...] = ()
    busy_timeout_ns: int = BUSY_TIMEOUT_NS

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def left_alone(self) -> "File":
        """The file without the URL's journal mode, which a mere look at it would make it keep."""
        kept = tuple(pair for pair in self.pragmas if pair[0] != "journal_mode")
        return replace(self, pragmas=kept)


def parse_url(url: str) -> File:
    """The file that a URL means. UsageError for a URL, TargetError for a folder that is not there."""
    parts, url = urlsplit(url), redact(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or parts.fragment:
        raise UsageError(f"{url!r} is no SQLite URL", hint=_HINT)
    if path in {"", ":memory:"}:
        raise UsageError(
            f"{url!r} names no file: a database in memory can't be shared between worker processes",
            hint="a file on a RAM disk is as fast: sqlite:////dev/shm/test.db",
        )
    file = File(Path(path), *_options(url, parts.query))
    if not file.path.parent.is_dir():
        raise TargetError(f"there is no folder {str(file.path.parent)!r} for {file.path.name}")
    if file.path.is_dir():
        raise TargetError(f"{path} is a folder, no database file")
    return file


def _options(url: str, query: str) -> tuple[tuple[tuple[str, str], ...], int]:
    """The pragmas in the order in which they are to be set, and the busy timeout."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    busy = given.pop("busy_timeout", None)
    unknown = [name for name in given if name not in PRAGMAS]
    if unknown:
        known = ", ".join(["busy_timeout", *PRAGMAS])
        raise UsageError(f"{url!r}: unknown pragma {unknown[0]!r}", hint=f"known are {known}")
    name = "busy_timeout"
    try:
        busy_ns = BUSY_TIMEOUT_NS if busy is None else busy_timeout_ns(busy)
        pragmas = []
        for name, read in PRAGMAS.items():
            if name in given:
                pragmas.append((name, read(given[name])))
    except ValueError as error:
        raise UsageError(f"{url!r}: {name}={given.get(name, busy)}: {error}") from error
    return tuple(pragmas), busy_ns


def busy_timeout_ns(text: str) -> int:
    """A duration; a bare number means milliseconds, as in the pragma."""
    return int(text) * NS_PER_MS if text.isdigit() else duration_ns(text)


def connect_raw(file: File, *, create: bool = False, statements: int = 128) -> sqlite3.Connection:
    """A connection in autocommit that may move between threads; `statements` are kept prepared.

    A missing file is made only with `create`. TargetError.
    """
    if not create and not file.exists:
        raise TargetError(
            f"there is no database {str(file.path)!r}",
            hint="give the scenario `data` to make it, or check the URL: "
            "sqlite:///x.db is relative, sqlite:////x.db absolute",
        )
    mode = "rwc" if create else "rw"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(file.path.absolute()))}?mode={mode}",
            uri=True,
            timeout=file.busy_timeout_ns / NS_PER_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=statements,
        )
    except sqlite3.Error as error:
        raise refused(file, error) from error
    try:
        _prepare(connection, file)
    except sqlite3.Error as error:
        connection.close()
        raise refused(file, error) from error
    except TargetError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, file: File) -> None:
    for name, value in file.pragmas:
        row = connection.execute(f"PRAGMA {name} = {value}").fetchone()
        if name == "journal_mode" and row[0] != value:
            raise TargetError(
                f"{file.path} does not change to journal_mode={value}, it stays {row[0]}",
                hint="WAL needs a file system with shared memory, and a file that is not in use",
            )
    connection.execute("PRAGMA schema_version").fetchone()  # the first look into the file
    _check_kept(connection, file)


def _check_kept(connection: sqlite3.Connection, file: File) -> None:
    """SQLite ignores these pragmas quietly where the file has a page already."""
    words = {"0": "none", "1": "full", "2": "incremental"}
    for name, value in file.pragmas:
        if name in {"page_size", "auto_vacuum"}:
            answer = str(connection.execute(f"PRAGMA {name}").fetchone()[0])
            kept = words.get(answer, answer)
            if kept != value:
                raise TargetError(
                    f"{file.path} does not change to {name}={value}, it stays {kept}",
                    hint="leave it out of the URL; only VACUUM changes it in a file that is there",
                )


@contextmanager
def connect(file: File, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """As connect_raw, closed at the end; SQLite's errors leave as TargetError."""
    connection = connect_raw(file, create=create)
    try:
        yield connection
    except sqlite3.Error as error:
        raise refused(file, error) from error
    finally:
        connection.close()


_REFUSALS = {
    "SQLITE_NOTADB": ("{path} is no SQLite database, or an encrypted one", None),
    "SQLITE_CANTOPEN": ("{path} can't be opened", "check the permissions of the file and its folder"),
    "SQLITE_PERM": ("{path} can't be opened", "check the permissions of the file and its folder"),
    "SQLITE_BUSY": (
        "{path} is locked by another process",
        "wait for it to finish, or give it longer: ?busy_timeout=30s in the URL",
    ),
    "SQLITE_READONLY": (
        "{path} is read-only: {words}",
        "check the permissions of the file and of its folder, where SQLite keeps its journal",
    ),
    "SQLITE_FULL": ("{path}: the disk is full", None),
    "SQLITE_CORRUPT": ("{path} is damaged: {words}", "PRAGMA integrity_check says more"),
}  # fmt: skip


def refused(file: File, error: sqlite3.Error) -> TargetError:
    """What an error of the database file means, for a person."""
    name = "_".join(
        error_class(error).split("_")[:2]
    )  # the primary code: SQLITE_BUSY_SNAPSHOT is busy
    sentence, hint = _REFUSALS.get(name, ("{path}: {words}", None))
    return TargetError(sentence.format(path=file.path, words=error), hint=hint)


def error_class(error: Exception) -> str:
    """SQLite's name for its error code (SQLITE_CONSTRAINT_UNIQUE), else the Python exception's."""
    return getattr(error, "sqlite_errorname", type(error).__name__)
