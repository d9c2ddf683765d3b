"""The load itself: from the first connection to the last sample."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from perfkit.backends.base import Target
from perfkit.drive import checks, outcome
from perfkit.drive.hdrlog import HdrLog
from perfkit.drive.interruption import Interruption
from perfkit.drive.limits import shortfalls
from perfkit.drive.live import LiveReadings, progress
from perfkit.drive.observer import Observer
from perfkit.drive.preparation import counted
from perfkit.drive.resources import Sampler
from perfkit.load import fleet
from perfkit.load.fleet import Ended
from perfkit.load.recorder import Recorder
from perfkit.load.worker import Plan
from perfkit.results import Caveat, Check, LoadtestResult, Resources
from perfkit.units import show_duration


@dataclass(frozen=True, slots=True)
class Terms:
    """How a drive is judged, and what is written meanwhile."""

    allow_saturated: bool = False
    baseline: LoadtestResult | None = None
    hdr_log: Path | None = None


class Drive:
    """One drive of a plan; made with all connections open.

    `caveats` are complete when `result` has returned. TargetError when a connection is refused.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        observer: Observer,
        interruption: Interruption,
        terms: Terms = Terms(),
    ) -> None:
        self.caveats: list[Caveat] = []
        self._plan = plan
        self._observer = observer
        self._interruption = interruption
        self._terms = terms
        self._recorder = Recorder(len(plan.scenario.operations), plan.schedule, plan.workers)
        self._readout = outcome.Readout(plan, self._recorder)
        self._violated: tuple[Check, ...] = ()
        self._checked_s = 0
        processes = counted(plan.workers, "process", "processes")
        observer.note(f"opening {counted(plan.connections, 'connection')} in {processes}")
        self._crew = fleet.start(plan, self._recorder)
        inside = self._crew.pids if plan.workload.channel_per_worker else None
        metrics = None if plan.workload.virtual else target.metrics
        self._sampler = Sampler(metrics, pids=inside)

    def result(self) -> LoadtestResult:
        """Drives the load to its end, or to where something ended it."""
        interruption = self._interruption
        if not self._plan.workload.virtual:
            # Its thread must not exist before the workers are forked.
            self._sampler.start(self._plan.schedule.warmup_ns)
        interruption.on_stop = self._crew.stop
        if interruption.reason is not None:  # it came between two drives
            self._crew.stop()
        with self._interval_log():
            ended = self._crew.run(self._tick)
            self._recorder.finish()
        interruption.on_stop = lambda: None  # from here on everything takes only moments
        resources, trouble = self._sampled()
        invalid = self._invalid(ended)
        self.caveats += [*invalid, *trouble]
        self.caveats += outcome.caveats(self._readout, allow_saturated=self._terms.allow_saturated)
        self.caveats += shortfalls(self._plan.scenario)
        return outcome.result(
            self._readout,
            invalid=bool(invalid),
            interrupted=interruption.reason == "interrupted",
            workers=outcome.workers(self._recorder, self._crew, ended),
            resources=resources,
        )

    def _sampled(self) -> tuple[Resources, tuple[Caveat, ...]]:
        if self._plan.workload.virtual:
            return Resources(), ()  # a simulated minute takes this machine a moment
        return self._sampler.stop()

    @contextlib.contextmanager
    def _interval_log(self) -> Iterator[None]:
        """Logs each finished second while the block runs, where that was asked for."""
        path = self._terms.hdr_log
        if path is None:
            yield
            return
        starts_in_ns = fleet.START_AFTER_NS + self._plan.schedule.warmup_ns
        names = [operation.name for operation in self._plan.scenario.operations]
        load_starts_at = datetime.now(UTC) + timedelta(microseconds=starts_in_ns / 1000)
        with HdrLog(path, load_starts_at) as log:
            self._recorder.interval = lambda second, number, times_ns: log.interval(
                names[number], second, second + 1, times_ns
            )
            yield
        self.caveats += log.caveats
        for caveat in log.caveats:
            self._observer.warn(caveat.message)

    def _invalid(self, ended: list[Ended]) -> list[Caveat]:
        allow_saturated = self._terms.allow_saturated
        found = list(outcome.invalidities(self._readout, ended, allow_saturated=allow_saturated))
        if self._interruption.reason == "timeout":
            limit = show_duration(self._interruption.time_limit_ns or 0)
            found.append(Caveat("timeout", f"the command's time limit of {limit} ended the load"))
        return found

    def _tick(self) -> None:
        """Ten times a second: finished seconds, the live view, and aborting checks once a second."""
        self._recorder.close_seconds()
        now_ns = self._crew.now_ns() - self._crew.origin_ns
        self._observer.update(progress(self._readout, now_ns))
        if len(self._recorder.seconds) > self._checked_s and not self._violated:
            self._checked_s = len(self._recorder.seconds)
            self._abort_if_due(now_ns)

    def _abort_if_due(self, now_ns: int) -> None:
        readings = LiveReadings(self._readout, self._sampler, now_ns)
        starts_ns: dict[str | None, int] = {None: self._plan.schedule.warmup_ns}
        starts_ns |= {stage.name: stage.start_ns for stage in self._plan.schedule.stages}
        thresholds = self._plan.scenario.thresholds
        baseline = self._terms.baseline
        self._violated = checks.violations(
            thresholds, readings, lambda stage: now_ns - starts_ns[stage], baseline
        )
        for check in self._violated:
            why = f"ended early by the check {check.check}: it was {check.observed}"
            self.caveats.append(Caveat("aborted", why))
        if self._violated:
            self._crew.stop()

    def checks(self, result: LoadtestResult) -> tuple[Check, ...]:
        """The verdicts; a check that ended the load has failed, whatever came after."""
        thresholds, baseline = self._plan.scenario.thresholds, self._terms.baseline
        ended_by = {(check.check, check.stage): check for check in self._violated}
        return tuple(
            ended_by.get((check.check, check.stage), check)
            for check in checks.evaluate(thresholds, result, baseline)
        )

    def close(self) -> None:
        """Ends whatever still runs."""
        self._crew.close()
