"""What a benchmark is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from perfkit.units import NS_PER_S

RUNS = 3
"""Of a benchmark that compares nothing: enough to see how far runs lie apart."""
RUNS_OF_A_SWEEP_POINT = 3
RUNS_OF_A_COMPARISON = 10
"""Of each variant: finds a change of 10 % where runs spread by 3 % (see perfkit.stats)."""
DURATION_NS = 5 * NS_PER_S
WARMUP_NS = NS_PER_S
COOLDOWN_NS = NS_PER_S // 2
"""Between two runs: for what the server does after a load (a checkpoint, the writing of its log)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; None where the workload, or the table above, decides.

    Exactly one of `workload`, `query` and `scenario` is given. `batch` is --pipeline too.
    """

    target: str
    workload: str | None = None
    query: str | None = None
    scenario: Path | None = None
    params: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    scale: int | None = None
    clients: int | None = None
    batch: int | None = None
    duration_ns: int | None = None
    iterations: int | None = None
    warmup_ns: int | None = None
    cooldown_ns: int = COOLDOWN_NS
    runs: int | None = None
    keep: bool = False
    true_zipfian: bool = False
    profiles: tuple[str, ...] = ()
    each_setting: bool = False
    machine: tuple[str, ...] = ()
    sweep: str | None = None
    tolerance: float = 0.05
    confidence: float = 0.99
    targets: str | None = None
    yes: bool = False
    allow_saturated: bool = False
    processes: int | None = None
    time_limit_ns: int | None = None
