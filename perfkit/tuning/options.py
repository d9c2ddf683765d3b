"""What `perfkit profile show`, `diff` and `apply` are asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """`machine` and `only` as given on the command line; `undo` is None for the usual name."""

    action: Literal["show", "diff", "apply"]
    profile: str
    target: str | None = None
    machine: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    yes: bool = False
    undo: Path | None = None
    time_limit_ns: int | None = None
