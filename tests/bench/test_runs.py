"""The runs, driven one after the other."""

from perfkit.backends import open_target
from perfkit.bench.options import Options
from perfkit.bench.runs import Runs
from perfkit.bench.subject import measured
from perfkit.bench.variants import scheme
from perfkit.drive.interruption import Interruption
from perfkit.results import Progress

ASKED = Options(target="fake://", query="SELECT 1", duration_ns=10**8, warmup_ns=0, runs=3)


class Unseen:
    """Nobody watches."""

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def update(self, progress: Progress) -> None: ...

    def confirm(self, question: str) -> bool:
        return bool(question)


def driven(interruption: Interruption) -> Runs:
    target = open_target(ASKED.target)
    runs = Runs(scheme(ASKED, measured(ASKED, "fake"), target), ASKED, Unseen(), interruption)
    runs.drive()
    return runs


def test_every_run_draws_other_values() -> None:
    with Interruption(None) as interruption:
        runs = driven(interruption)
    seeds = [run.result.seed for run in runs.made]
    assert len({*seeds}) == len(seeds) == ASKED.runs
