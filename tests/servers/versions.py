"""What is on this machine, for the head of a test report."""

import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.servers import ServerMissingError
from tests.servers.download import MONGOD_VERSION, cached_mongod
from tests.servers.postgres import postgres_program
from tests.servers.redis import redis_program


def server_versions() -> dict[str, str]:
    """Give each server's version, or "missing", without starting any."""
    return {
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _ask(postgres_program),
        "MongoDB": MONGOD_VERSION if cached_mongod() else "not downloaded yet",
        "Redis": _ask(redis_program),
    }


def _ask(find_program: Callable[[], Path]) -> str:
    try:
        program = find_program()
    except ServerMissingError:
        return "missing"
    asked = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    version = re.search(r"\d+(\.\d+)+", asked.stdout)
    return version[0] if version else asked.stdout.strip()
