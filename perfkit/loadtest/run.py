"""`perfkit loadtest`: prepare, drive, measure, judge, clean up."""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from perfkit import __version__
from perfkit.backends import open_target
from perfkit.backends.base import Target, need
from perfkit.load import fleet
from perfkit.load.fleet import Ended
from perfkit.load.recorder import Recorder
from perfkit.load.worker import Plan
from perfkit.loadtest import checks, outcome
from perfkit.loadtest.environment import environment
from perfkit.loadtest.hdrlog import HdrLog
from perfkit.loadtest.interruption import Interruption
from perfkit.loadtest.live import LiveReadings, progress
from perfkit.loadtest.options import Observer, Options
from perfkit.loadtest.preparation import (
    ask,
    check_baseline,
    counted,
    data_for,
    plan_of,
    refuse,
    target_url,
    with_targets,
)
from perfkit.loadtest.resources import Sampler
from perfkit.results import (
    SCHEMA_VERSION,
    Caveat,
    Check,
    LoadtestResult,
    Report,
    Resources,
)
from perfkit.scenario.parse import load_scenario
from perfkit.units import NS_PER_S, show_duration


def run(options: Options, observer: Observer) -> Report:
    """Runs the scenario; the report holds whatever was measured, also when it ended early.

    UsageError, TargetError or MeasurementError when nothing could be measured.
    """
    scenario = load_scenario(options.scenario, overrides=options.overrides)
    if options.targets is not None:
        scenario = with_targets(scenario, options.targets)
    check_baseline(scenario, options)
    url = target_url(scenario, options)
    with Interruption(options.time_limit_ns) as interruption:
        target = open_target(url)
        workload = need(target.workload)
        written = [(each, workload.problem(each)) for each in scenario.operations]
        refuse([(each, why) for each, why in written if why], scenario, target)
        plan = plan_of(scenario, workload, target, options.processes)
        ask(scenario, target, workload, options, observer)
        with data_for(scenario, workload, observer) as caveats:
            refuse(workload.check(scenario.operations), scenario, target)
            report = Run(plan, target, options, observer, interruption).report()
        return dataclasses.replace(report, caveats=(*report.caveats, *caveats))


@dataclass
class Run:
    """One drive of a plan, from opening the connections to the report."""

    plan: Plan
    target: Target
    options: Options
    observer: Observer
    interruption: Interruption

    def report(self) -> Report:
        """Drives the load and reports it."""
        started_at = datetime.now(UTC)
        with contextlib.closing(Drive(self)) as drive:
            result = drive.result()
        return Report(
            schema="perfkit.loadtest",
            schema_version=SCHEMA_VERSION,
            perfkit_version=__version__,
            started_at=started_at.isoformat(timespec="milliseconds"),
            duration_s=(datetime.now(UTC) - started_at).total_seconds(),
            environment=environment(self._settings()),
            target=self.target.info,
            result=result,
            checks=drive.checks(result),
            caveats=tuple(drive.caveats),
        )

    def _settings(self) -> dict[str, str | int | float | bool | None]:
        load = self.plan.scenario.load
        return {
            "workers": self.plan.workers,
            "connections": self.plan.connections,
            "model": load.model,
            "seed": self.plan.scenario.seed,
            "max_lag_s": load.max_lag_ns / NS_PER_S if load.model == "open" else None,
            "allow_saturated": self.options.allow_saturated,
        }


class Drive:
    """The load itself: from the first connection to the last sample."""

    def __init__(self, run: Run) -> None:
        plan = run.plan
        self.caveats: list[Caveat] = []
        self._plan = plan
        self._run = run
        self._recorder = Recorder(len(plan.scenario.operations), plan.schedule, plan.workers)
        self._readout = outcome.Readout(plan, self._recorder)
        self._sampler = Sampler(None if plan.workload.virtual else run.target.metrics)
        self._violated: tuple[Check, ...] = ()
        self._checked_s = 0
        processes = counted(plan.workers, "process", "processes")
        run.observer.note(f"opening {counted(plan.connections, 'connection')} in {processes}")
        self._crew = fleet.start(plan, self._recorder)

    def result(self) -> LoadtestResult:
        """Drives the load to its end, or to where something ended it."""
        interruption = self._run.interruption
        if not self._plan.workload.virtual:
            # Its thread must not exist before the workers are forked.
            self._sampler.start(self._plan.schedule.warmup_ns)
        interruption.on_stop = self._crew.stop
        with self._interval_log():
            ended = self._crew.run(self._tick)
            self._recorder.finish()
        interruption.on_stop = lambda: None  # from here on everything takes only moments
        resources, trouble = self._sampled()
        invalid = self._invalid(ended)
        self.caveats += [*invalid, *trouble]
        self.caveats += outcome.caveats(
            self._readout, allow_saturated=self._run.options.allow_saturated
        )
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
        path = self._run.options.hdr_log
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
            self._run.observer.warn(caveat.message)

    def _invalid(self, ended: list[Ended]) -> list[Caveat]:
        options, reason = self._run.options, self._run.interruption.reason
        found = list(
            outcome.invalidities(self._readout, ended, allow_saturated=options.allow_saturated)
        )
        if reason == "timeout":
            limit = show_duration(options.time_limit_ns or 0)
            found.append(Caveat("timeout", f"the command's time limit of {limit} ended the load"))
        return found

    def _tick(self) -> None:
        """Ten times a second: finished seconds, the live view, and aborting checks once a second."""
        self._recorder.close_seconds()
        now_ns = self._crew.now_ns() - self._crew.origin_ns
        self._run.observer.update(progress(self._readout, now_ns))
        if len(self._recorder.seconds) > self._checked_s and not self._violated:
            self._checked_s = len(self._recorder.seconds)
            self._abort_if_due(now_ns)

    def _abort_if_due(self, now_ns: int) -> None:
        readings = LiveReadings(self._readout, self._sampler, now_ns)
        starts_ns: dict[str | None, int] = {None: self._plan.schedule.warmup_ns}
        starts_ns |= {stage.name: stage.start_ns for stage in self._plan.schedule.stages}
        thresholds = self._plan.scenario.thresholds
        baseline = self._run.options.baseline
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
        thresholds, baseline = self._plan.scenario.thresholds, self._run.options.baseline
        ended_by = {(check.check, check.stage): check for check in self._violated}
        return tuple(
            ended_by.get((check.check, check.stage), check)
            for check in checks.evaluate(thresholds, result, baseline)
        )

    def close(self) -> None:
        """Ends whatever still runs."""
        self._crew.close()
