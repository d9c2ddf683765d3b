"""What is told about tuning profiles."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["session", "database", "reload", "restart", "client"]
"""Where a setting takes effect: in each session, in the database, in the server after a reload or a
restart of it, or in the client (a driver, a pool)."""


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A profile that ships, or a file of the user's own."""

    name: str
    backend: str
    purpose: str


@dataclass(frozen=True, slots=True)
class ProfileList:
    """Every profile that ships."""

    profiles: tuple[ProfileRow, ...]
    valid: bool = True
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class MachineFact:
    """What a formula used, and who says so: the server, this machine, the profile, the user."""

    name: str
    value: float | str
    unit: Literal["bytes", "count", "ms", "text"]
    origin: str


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting of a profile, worked out for a machine, and what the live server has.

    `live` is None where it was not asked for or can't be seen. `differs` is None where that can't
    be told. `statement` is what would set it, None where perfkit knows none; `restart` says whether
    the server must then be restarted by its operator. `problem`: why this server does not take it.
    """

    name: str
    live: str | None
    wanted: str
    formula: str | None
    differs: bool | None
    scope: Scope
    reason: str
    risk: str | None
    source: str | None
    statement: str | None
    restart: bool
    note: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """A profile worked out (`show`), held against a live server (`diff`), or applied to it (`apply`).

    `machine` are the facts that the formulas used. `due` is what `apply`
    sets: all that differs and can be set from here; `applied` is what it has set. `undo_file` holds
    the statements that take that back.
    """

    action: Literal["show", "diff", "apply"]
    profile: ProfileRow
    machine: tuple[MachineFact, ...]
    settings: tuple[SettingRow, ...]
    due: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    undo_file: str | None = None
    valid: bool = True
    interrupted: bool = False
