"""What every report has: caveats, findings, checks, where it was measured and against what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SettingValue = str | int | float | bool | None
Severity = Literal["info", "warning", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Caveat:
    """It was measured, but trust it less: why. `invalidates`: this makes the whole of it not valid."""

    code: str
    message: str
    invalidates: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What was learnt about the user's system, with the evidence and the mend."""

    rule: str
    severity: Severity
    where: str
    message: str
    evidence: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What was asked, what was seen, and whether it passed; `severity` is "fail" or "warn"."""

    check: str
    observed: str
    passed: bool
    severity: Literal["fail", "warn"] = "fail"
    observed_value: float | None = None
    limit_value: float | None = None
    stage: str | None = None
    variant: str | None = None

    @property
    def failed(self) -> bool:
        """Does this check turn the verdict? A failed check of severity "warn" does not."""
        return not self.passed and self.severity == "fail"


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine that generated the load, and perfkit's settings that matter for the numbers."""

    host: str
    os: str
    cpu: str
    cpu_count: int
    memory_bytes: int
    python: str
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """The server that answered; the URL carries no secret."""

    backend: str
    url: str
    server_version: str | None
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
