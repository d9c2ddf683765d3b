"""The runs themselves, one after the other, each a whole drive with connections of its own."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from perfkit.backends.base import Missing, need
from perfkit.bench.lot import in_blocks
from perfkit.bench.options import Options
from perfkit.bench.sequences import Leaps
from perfkit.bench.variants import Scheme, Variant
from perfkit.drive.interruption import Interruption
from perfkit.drive.observer import Observer
from perfkit.drive.preparation import plan_of
from perfkit.drive.run import Drive, Terms
from perfkit.errors import PerfkitError
from perfkit.load.worker import Plan
from perfkit.results import Caveat, LoadtestResult, Progress
from perfkit.scenario import Data
from perfkit.units import NS_PER_S, show_duration


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was made; `started_s` counts from the first."""

    number: int
    block: int
    variant: Variant
    started_s: float
    result: LoadtestResult
    caveats: tuple[Caveat, ...]


@dataclass
class Runs:
    """Drives every variant in turn until all runs are made, or something ends them early."""

    scheme: Scheme
    options: Options
    observer: Observer
    interruption: Interruption
    made: list[Run] = field(default_factory=list)
    caveats: list[Caveat] = field(default_factory=list)

    def drive(self) -> None:
        """Makes the runs; what ends them early stands in `caveats`, what was made in `made`.

        PerfkitError when not even the first run could be made.
        """
        leaps = Leaps()
        began_s = time.monotonic()
        order = list(in_blocks(self.scheme.variants, self.scheme.runs, self._seed))
        for number, (block, variant) in enumerate(order, start=1):
            if number > 1:
                self._cool_down()
            if self.interruption.reason is not None:
                break
            label = self._named(number, len(order), variant, began_s)
            started_s = time.monotonic() - began_s
            try:
                result, caveats = self._run(variant, leaps, number, label)
            except PerfkitError as error:
                if not self.made:
                    raise
                self._ended_by(error, number)
                break
            if result.interrupted and not result.total.count and self.made:
                break  # it came before anything was measured
            self.made.append(Run(number, block, variant, started_s, result, caveats))
        self._say_what_is_missing(len(order))

    @property
    def _seed(self) -> int:
        return self.scheme.variants[0].scenario.seed

    def _named(self, number: int, of: int, variant: Variant, began_s: float) -> str:
        name = f"run {number} of {of}"
        if len(self.scheme.variants) > 1:
            name += f": {self._label(variant)}"
        if number > 1:
            left_s = (time.monotonic() - began_s) / (number - 1) * (of - number + 1)
            name += f", {show_duration(round(left_s) * NS_PER_S)} left"
        return name

    def _label(self, variant: Variant) -> str:
        return f"{self.scheme.sweep}={variant.name}" if self.scheme.sweep else variant.name

    def _cool_down(self) -> None:
        if need(self.scheme.variants[0].target.workload).virtual:
            return  # a simulated server has nothing left to do
        ends_s = time.monotonic() + self.options.cooldown_ns / NS_PER_S
        while self.interruption.reason is None and (left_s := ends_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.1))

    def _run(
        self, variant: Variant, leaps: Leaps, number: int, label: str
    ) -> tuple[LoadtestResult, tuple[Caveat, ...]]:
        scenario = leaps.applied(variant.scenario)
        # Another seed for each run: what is drawn is part of what varies between runs.
        scenario = scenario.model_copy(update={"seed": scenario.seed + number - 1})
        workload = need(variant.target.workload)
        plan = plan_of(scenario, workload, variant.target, self.options.processes)
        with restored(variant):
            workload.freshen_data(scenario.data or Data())
            result, caveats = self._driven(plan, variant, label)
        leaps.note(scenario, plan.workers, result)
        result = dataclasses.replace(result, scenario=variant.scenario.name)
        return result, caveats

    def _driven(
        self, plan: Plan, variant: Variant, label: str
    ) -> tuple[LoadtestResult, tuple[Caveat, ...]]:
        terms = Terms(allow_saturated=self.options.allow_saturated)
        watching = Watching(self.observer, label)
        drive = Drive(plan, variant.target, watching, self.interruption, terms)
        with contextlib.closing(drive):
            result = drive.result()
        return result, tuple(drive.caveats)

    def _ended_by(self, error: PerfkitError, number: int) -> None:
        message = f"run {number} could not be made, and with it the runs ended: {error}"
        self.caveats.append(Caveat("run_failed", message, invalidates=True))
        self.observer.warn(message)

    def _say_what_is_missing(self, planned: int) -> None:
        reason = self.interruption.reason
        if reason is None or not self.made:
            return
        what = "interrupted" if reason == "interrupted" else "ended by the command's time limit"
        message = f"{what} after {len(self.made)} of {planned} runs"
        self.caveats.append(Caveat(reason, message, invalidates=reason == "timeout"))


@dataclass(frozen=True, slots=True)
class Watching:
    """Shows the runs as one thing: which of them it is, and how it is doing once it gets going."""

    observer: Observer
    label: str

    def note(self, text: str) -> None:
        """What every run does besides its load is not told again for each."""

    def warn(self, text: str) -> None:
        """Something that must be seen."""
        self.observer.warn(text)

    def update(self, progress: Progress) -> None:
        """The run's name stands where a load test shows its stage."""
        if progress.elapsed_s >= 1 or progress.rate_per_s:
            self.observer.update(dataclasses.replace(progress, stage=self.label))

    def confirm(self, question: str) -> bool:
        """Asks the user."""
        return self.observer.confirm(question)


@contextlib.contextmanager
def restored(variant: Variant) -> Iterator[None]:
    """What the connections of this run leave in the database is put back after it."""
    settings = variant.target.settings
    if not variant.settings or isinstance(settings, Missing):
        yield
        return
    with settings.restored(list(variant.settings)):
        yield
