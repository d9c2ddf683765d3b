"""SQLite through the standard library: `sqlite:///relative.db`, `sqlite:////absolute.db`.

Parameters of the URL are pragmas, set on each connection: `sqlite:///app.db?journal_mode=wal`.
"""

import sqlite3

from perfkit.backends.base import Target
from perfkit.backends.sqlite.connection import connect, parse_url
from perfkit.backends.sqlite.metrics import SqliteMetrics
from perfkit.backends.sqlite.settings import SqliteSettings
from perfkit.backends.sqlite.workload import SqliteWorkload
from perfkit.results import TargetInfo

__all__ = ["open_target"]

SETTINGS = (
    "journal_mode", "synchronous", "page_size", "cache_size", "mmap_size", "busy_timeout",
    "foreign_keys", "temp_store", "locking_mode", "wal_autocheckpoint", "auto_vacuum",
)  # fmt: skip


def open_target(url: str) -> Target:
    """Looks at the file, which may be missing as long as its folder is there: data may yet be made.

    TargetError for what can't be a database, UsageError for a bad URL.
    """
    file = parse_url(url)
    settings: dict[str, str | int] = dict(
        file.pragmas
    )  # all that is known of a file yet to be made
    if file.exists:
        with connect(file) as connection:
            for name in SETTINGS:
                (settings[name],) = connection.execute(f"PRAGMA {name}").fetchone()
    return Target(
        info=TargetInfo("sqlite", url, sqlite3.sqlite_version, settings),
        host=str(file.path),
        local=True,
        workload=SqliteWorkload(file),
        metrics=SqliteMetrics(file),
        settings=SqliteSettings(file, url),
    )
