"""How often the comparison errs on real runs: what it calls a change of nothing, and what it misses.

Each comparison is one that `perfkit bench` makes: two variants, runs of each in blocks, their order
drawn by lot, all metrics with 99 % confidence together. Only the runs are shorter, so that all the
comparisons take eight minutes.
"""

from dataclasses import dataclass
from pathlib import Path

from perfkit.backends import open_target
from perfkit.bench.options import RUNS_OF_A_COMPARISON, Options
from perfkit.bench.outcome import run_result
from perfkit.bench.runs import Runs
from perfkit.bench.variants import Scheme, Variant
from perfkit.comparison import compare_variants
from perfkit.drive.interruption import Interruption
from perfkit.results import Progress, Verdict
from perfkit.scenario import Load, Operation, Scenario, Stage
from perfkit.units import NS_PER_MS

RUN_NS = 150 * NS_PER_MS
COUNTED = 1000  # numbers that a statement of SQLite counts up to, which takes 0.2 ms


@dataclass(frozen=True)
class Size:
    """How many comparisons, and of how many runs of each variant."""

    comparisons: int
    runs: int


OF_THE_SAME = Size(100, RUNS_OF_A_COMPARISON)
OF_A_SLOWDOWN = Size(50, 2 * RUNS_OF_A_COMPARISON)
"""Ten runs find a change of 10 % where they spread by 3 %; on a virtual machine it can be 6 %."""


def changes_of_a_load_against_itself(url: str) -> int:
    """How many comparisons of GET on this Redis with itself were called a change."""
    get = Operation(name="get", redis=(("GET", "key"),))
    verdicts = _verdicts(url, _scenario(get, users=8), _scenario(get, users=8), OF_THE_SAME)
    return sum(bool(each & {"faster", "slower"}) for each in verdicts)


def slowdowns_found(url: str) -> int:
    """How many comparisons with a statement that does 10 % more were called slower, and only so."""
    usual, longer = (
        _scenario(Operation(name="count", sql=_counting(round(COUNTED * factor))), users=1)
        for factor in (1, 1.1)
    )
    verdicts = _verdicts(url, usual, longer, OF_A_SLOWDOWN)
    return sum("slower" in each and "faster" not in each for each in verdicts)


def _counting(numbers: int) -> str:
    """A statement whose work is exactly as long as these are many, but for some microseconds."""
    return (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        f"WHERE i < {numbers}) SELECT count(*) FROM n"
    )


def _scenario(operation: Operation, users: int) -> Scenario:
    stage = Stage(name="steady", duration_ns=RUN_NS, start=users, end=users)
    load = Load(model="closed", stages=(stage,))
    return Scenario(
        name="bench", path=Path("bench.yml"), target=None, operations=(operation,), load=load
    )


def _verdicts(url: str, baseline: Scenario, candidate: Scenario, size: Size) -> list[set[Verdict]]:
    """What each comparison said of its metrics."""
    target = open_target(url)
    options = Options(url, cooldown_ns=0)
    said = []
    for number in range(size.comparisons):
        # Another seed draws another order, too.
        a, b = (
            each.model_copy(update={"seed": 1000 * number + 1}) for each in (baseline, candidate)
        )
        variants = (Variant("a", a, target), Variant("b", b, target))
        with Interruption(None) as interruption:
            runs = Runs(Scheme(variants, size.runs), options, _Nobody(), interruption)
            runs.drive()
        results = [run_result(run) for run in runs.made]
        compared = compare_variants("a", "b", results, paired=True)
        said.append({each.verdict for each in compared})
        if interruption.reason is not None:
            raise KeyboardInterrupt
    return said


class _Nobody:
    """Watches the runs without a word."""

    def note(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def update(self, progress: Progress) -> None: ...
    def confirm(self, question: str) -> bool:
        return False
