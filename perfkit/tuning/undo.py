"""The undo file: statements that take back what is about to be applied, written before anything is."""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from perfkit.backends.base import Change
from perfkit.errors import UsageError
from perfkit.results import TargetInfo


def _of_sql(text: str) -> str:
    return f"-- {text}"


_SUFFIX = {"mongodb": "js", "redis": "txt"}
_RUN_WITH = {
    "sqlite": "sqlite3 FILE < {file}",
    "postgresql": "psql URL -f {file}",
    "mongodb": "mongosh URL {file}",
    "redis": "redis-cli -u URL < {file}",
}
# redis-cli knows no comments; what ECHO says is seen when the file is run.
_COMMENT: Mapping[str, Callable[[str], str]] = {
    "mongodb": lambda text: f"// {text}",
    "redis": lambda text: f"ECHO {json.dumps(text)}",
}


def undo_path(profile: str, backend: str, now: datetime) -> Path:
    """Its usual name, in the current folder."""
    plain = re.sub(r"[^\w.-]", "_", profile)
    suffix = _SUFFIX.get(backend, "sql")
    return Path(f"perfkit-undo-{plain}-{now:%Y%m%d-%H%M%S}.{suffix}")


def undo_text(
    profile: str, target: TargetInfo, file: str, undone: Sequence[tuple[str, str, Change]]
) -> str:
    """The statements in the language of the server's own client, what was applied last coming first.

    `undone`: name, value before, and what takes it back, in the order of applying. No secret is in it.
    """
    comment = _COMMENT.get(target.backend, _of_sql)

    def said(text: str) -> str:
        return comment(" ".join(text.split()))

    run = _RUN_WITH.get(target.backend, "{file}").format(file=file)
    lines = [
        said(f"Takes back what perfkit applied of the profile {profile} to {target.url}."),
        said(f"Run it with: {run}"),
    ]
    for name, before, change in reversed(undone):
        lines.append(said(f"{name} was {before}"))
        lines += [change.statement] if change.statement else []
        notes = [change.note, "then restart the server" if change.restart else None]
        lines += [said(note) for note in notes if note]
    return "\n".join(lines) + "\n"


def write_undo(path: Path, text: str) -> None:
    """Writes it for its owner's eyes only, whole or not at all. UsageError where that can't be.

    A file that is there already is another's undo: it is never overwritten.
    """
    beside = path.parent / f".perfkit-{secrets.token_hex(8)}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.link(beside, path)  # unlike a rename, it fails where something is
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(
            f"--undo {path}: exists already, and may be needed", hint="give another name"
        ) from None
    except OSError as error:
        raise UsageError(
            f"--undo {path}: the undo file can't be written, so nothing was changed: {error.strerror}"
        ) from None
