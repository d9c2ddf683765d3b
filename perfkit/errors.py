"""What can go wrong, and with which exit status perfkit then ends.

PerfkitError                  70  a bug, when nothing more exact was raised
├── UsageError                 2  a bad option or combination of options
│   └── ScenarioError          2  a scenario, profile or rules file that can't be used
├── TargetError                3  the target can't be reached, refuses, or lacks something
│   └── MissingCapability      3  the server that answers can't do what the command needs
└── MeasurementError           4  it ran, but what was measured is not valid

An error is for what could not be done. What was done but deserves less trust is a caveat, what was
learnt about the user's system is a finding: both are values in the report (see results).
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses that scripts rely on."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    TARGET = 3
    INVALID = 4
    BUG = 70
    INTERRUPTED = 130


class PerfkitError(Exception):
    """Base of all errors; `str()` is one sentence for the user, `hint` says what to do about it."""

    status = ExitStatus.BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(PerfkitError):
    """The command line asks for something impossible."""

    status = ExitStatus.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file that a user wrote; line and column count from 1, 0 where unknown."""

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ScenarioError(UsageError):
    """A file that a user wrote can't be used; `problems` lists every mistake that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class TargetError(PerfkitError):
    """The target can't be reached, refuses, or lacks what the command needs."""

    status = ExitStatus.TARGET


class MissingCapability(TargetError):  # noqa: N818  the name says what it is
    """The server that answers can't do what the command needs; `hint` is the remedy."""


class MeasurementError(PerfkitError):
    """It ran, but what was measured is not valid."""

    status = ExitStatus.INVALID
