"""What a load test is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from perfkit.results import LoadtestResult


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; `processes` is None to choose by the cores that are free."""

    scenario: Path
    target: str | None = None
    overrides: tuple[str, ...] = ()
    targets: str | None = None
    baseline: LoadtestResult | None = None
    yes: bool = False
    allow_saturated: bool = False
    hdr_log: Path | None = None
    processes: int | None = None
    time_limit_ns: int | None = None
