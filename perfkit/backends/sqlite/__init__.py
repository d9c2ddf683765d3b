"""SQLite through the standard library: `sqlite:///relative.db`, `sqlite:////absolute.db`.

Parameters of the URL are pragmas, set on each connection: `sqlite:///app.db?journal_mode=wal`.
"""

import sqlite3

from perfkit.backends.base import Target
from perfkit.backends.sqlite.connection import File, connect, parse_url
from perfkit.backends.sqlite.metrics import SqliteMetrics
from perfkit.backends.sqlite.settings import SqliteSettings
from perfkit.backends.sqlite.workload import SqliteWorkload
from perfkit.results import TargetInfo

__all__ = ["look_at", "open_target"]

SETTINGS = (
    "journal_mode", "synchronous", "page_size", "cache_size", "mmap_size", "busy_timeout",
    "foreign_keys", "temp_store", "locking_mode", "wal_autocheckpoint", "auto_vacuum",
)  # fmt: skip


def open_target(url: str) -> Target:
    """Looks at the file, which may be missing as long as its folder is there: data may yet be made.

    TargetError for what can't be a database, UsageError for a bad URL.
    """
    file = parse_url(url)
    return _target(url, file, file)


def look_at(url: str) -> Target:
    """As `open_target`, but a journal mode in the URL is left to those who use the database."""
    file = parse_url(url)
    return _target(url, file, file.left_alone)


def _target(url: str, file: File, looked_at: File) -> Target:
    settings: dict[str, str | int] = dict(
        file.pragmas
    )  # all that is known of a file yet to be made
    if file.exists:
        with connect(looked_at) as connection:
            for name in SETTINGS:
                (settings[name],) = connection.execute(f"PRAGMA {name}").fetchone()
        settings |= {name: mode for name, mode in file.pragmas if name == "journal_mode"}
    return Target(
        info=TargetInfo("sqlite", url, sqlite3.sqlite_version, settings),
        host=str(file.path),
        local=True,
        workload=SqliteWorkload(file),
        metrics=SqliteMetrics(file),
        settings=SqliteSettings(file, url),
    )
