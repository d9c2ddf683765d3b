"""The report: what a command hands to the formats, and the exit status that follows from it."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from perfkit.errors import ExitStatus
from perfkit.results.common import Caveat, Check, Environment, Finding, TargetInfo

SCHEMA_VERSION = 1  # 1: the first


class Result(Protocol):
    """What the result of any command tells."""

    @property
    def valid(self) -> bool:
        """May a verdict rest on it?"""

    @property
    def interrupted(self) -> bool:
        """Was it ended before its time by the user?"""


R_co = TypeVar("R_co", bound=Result, covariant=True)


@dataclass(frozen=True, slots=True)
class Report(Generic[R_co]):
    """What a command hands to the report formats; `schema` names the kind of `result`."""

    schema: str
    schema_version: int
    perfkit_version: str
    started_at: str
    duration_s: float
    environment: Environment
    target: TargetInfo | None
    result: R_co
    checks: tuple[Check, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def status(self) -> ExitStatus:
        """The exit status: a verdict on an interrupted or invalid measurement is none."""
        if self.result.interrupted:
            return ExitStatus.INTERRUPTED
        if not self.result.valid:
            return ExitStatus.INVALID
        failed = any(check.failed for check in self.checks)
        return ExitStatus.CHECK_FAILED if failed else ExitStatus.OK
