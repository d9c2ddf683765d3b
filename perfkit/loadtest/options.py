"""What a load test is asked to do, and who watches it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perfkit.results import LoadtestResult, Progress


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


class Observer(Protocol):
    """Who watches a run: the live view."""

    def note(self, text: str) -> None:
        """Something is being done besides the load."""

    def warn(self, text: str) -> None:
        """Something that must be seen, also where nothing else is shown."""

    def update(self, progress: Progress) -> None:
        """How the load is going."""

    def confirm(self, question: str) -> bool:
        """Asks the user; False when there is nobody to ask."""
