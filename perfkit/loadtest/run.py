"""`perfkit loadtest`: prepare, drive, measure, judge, clean up."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from perfkit import __version__
from perfkit.backends import open_target
from perfkit.backends.base import Target, Workload, need
from perfkit.errors import PerfkitError, Problem, ScenarioError, UsageError
from perfkit.load import fleet, pacing
from perfkit.load.fleet import Ended
from perfkit.load.recorder import Recorder
from perfkit.load.worker import Plan
from perfkit.loadtest import checks, outcome
from perfkit.loadtest.environment import environment
from perfkit.loadtest.hdrlog import HdrLog
from perfkit.loadtest.interruption import Interruption
from perfkit.loadtest.live import LiveReadings, progress
from perfkit.loadtest.resources import Sampler
from perfkit.results import (
    SCHEMA_VERSION,
    Caveat,
    Check,
    LoadtestResult,
    Progress,
    Report,
    Resources,
)
from perfkit.scenario import Data, Operation, Scenario
from perfkit.scenario.parse import load_scenario
from perfkit.scenario.targets import load_targets
from perfkit.scenario.threshold import RESERVED
from perfkit.units import NS_PER_S, show_duration

DEFAULT_CONNECTIONS = 32
"""Of an open load: enough to keep a server busy, and within any server's default limit."""
CONNECTIONS_PER_WORKER = 8
"""Fewer than this many connections leave a worker process idle most of the time."""


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


def run(options: Options, observer: Observer) -> Report:
    """Runs the scenario; the report holds whatever was measured, also when it ended early.

    UsageError, TargetError or MeasurementError when nothing could be measured.
    """
    scenario = load_scenario(options.scenario, overrides=options.overrides)
    if options.targets is not None:
        scenario = _with_targets(scenario, options.targets)
    _check_baseline(scenario, options)
    url = _target_url(scenario, options)
    with Interruption(options.time_limit_ns) as interruption:
        target = open_target(url)
        workload = need(target.workload)
        written = [(each, workload.problem(each)) for each in scenario.operations]
        _refuse([(each, why) for each, why in written if why], scenario, target)
        _ask(scenario, target, workload, options, observer)
        with _data(scenario.data, workload, observer) as caveats:
            _refuse(workload.check(scenario.operations), scenario, target)
            plan = plan_of(scenario, workload, target, options.processes)
            report = Run(plan, target, options, observer, interruption).report()
        return dataclasses.replace(report, caveats=(*report.caveats, *caveats))


def plan_of(
    scenario: Scenario, workload: Workload, target: Target, processes: int | None = None
) -> Plan:
    """How many connections on how many worker processes. UsageError when it is more than can be."""
    schedule = pacing.layout(scenario.load)
    cores = max(1, len(os.sched_getaffinity(0)))
    if scenario.load.model == "closed":
        connections = pacing.peak_users(schedule)
    else:
        default = cores if workload.channel_per_worker else DEFAULT_CONNECTIONS
        connections = scenario.load.connections or default
    if workload.channel_per_worker:
        workers = connections
        if processes not in {None, connections}:
            raise UsageError(
                f"--processes {processes}: {target.info.backend} takes a process for each connection",
                hint="lower `users` or `load.connections`",
            )
    else:
        free = max(1, cores // 2 if target.local else cores - 1)
        workers = processes or min(free, max(1, connections // CONNECTIONS_PER_WORKER))
    if workload.max_workers is not None and workers > workload.max_workers:
        if workload.channel_per_worker:
            raise UsageError(
                f"{connections} connections asked for, but {target.info.backend} needs a process for "
                f"each and takes at most {workload.max_workers}",
                hint="lower `users` or `load.connections`",
            )
        workers = workload.max_workers
    return Plan(scenario, schedule, workload, connections, min(workers, connections))


def _target_url(scenario: Scenario, options: Options) -> str:
    if options.target is not None and not options.target.strip():
        # As in --target "$DATABASE_URL" without that variable: never the wrong database instead.
        raise UsageError("--target is empty", hint="is the variable set that it is taken from?")
    url = options.target or scenario.target
    if not url:
        raise UsageError(
            f"{options.scenario} names no target", hint="add `target:` to it or give --target URL"
        )
    return url


def _with_targets(scenario: Scenario, name: str) -> Scenario:
    """The scenario with the checks of named targets besides its own."""
    checks = load_targets(name)
    known = {*RESERVED, *(operation.name for operation in scenario.operations)}
    for check in checks:
        if check.path[0] not in known:
            raise UsageError(
                f"--targets {name}: {check.text!r}: this scenario has no operation {check.path[0]!r}"
            )
    return scenario.model_copy(update={"thresholds": scenario.thresholds + checks})


def _check_baseline(scenario: Scenario, options: Options) -> None:
    for threshold in scenario.thresholds:
        if threshold.baseline and options.baseline is None:
            raise UsageError(
                f"the check {threshold.text!r} compares with a baseline, and none was given",
                hint="give --baseline REPORT.json, the JSON report of an earlier run",
            )


def _ask(
    scenario: Scenario, target: Target, workload: Workload, options: Options, observer: Observer
) -> None:
    """Other people's data: what would write to a host that is not this machine needs a yes."""
    if target.local:
        return
    plans = []
    data = scenario.data
    if data is not None and data.use is not None:
        plans.append(workload.describe_data(data))
    if data is not None and (data.setup or data.teardown):
        plans.append(f"run {len(data.setup)} setup and {len(data.teardown)} teardown statements")
    writing = [op.name for op in scenario.operations if op.weight and workload.writes(op)]
    if writing:
        plans.append(f"run operations that write: {', '.join(writing)}")
    if not plans:
        return
    what = f"On {target.host}, which is not this machine, this will {'; '.join(plans)}."
    if options.yes:
        observer.note(what)
    elif not observer.confirm(f"{what} Go on?"):
        raise UsageError(what, hint="--yes agrees to it")


@contextlib.contextmanager
def _data(data: Data | None, workload: Workload, observer: Observer) -> Iterator[list[Caveat]]:
    """The scenario's data for as long as the block runs; caveats say what could not be cleaned up."""
    caveats: list[Caveat] = []
    data = data or Data()
    made = False
    try:
        if data.use is not None:
            observer.note(f"data: {workload.describe_data(data)}")
            made = True  # also one that is made half when something fails
            made = workload.make_data(data)
        if data.setup:
            observer.note(f"running {_counted(len(data.setup), 'setup statement')}")
            workload.run_statements(data.setup)
        yield caveats
    finally:
        steps = [partial(workload.run_statements, [statement]) for statement in data.teardown]
        caveats += _clean_up("teardown_failed", "a teardown statement failed", steps, observer)
        if made and not data.keep:
            drop = [partial(workload.drop_data, data)]
            caveats += _clean_up("data_left", "the dataset could not be dropped", drop, observer)


def _clean_up(
    code: str, what: str, steps: Sequence[Callable[[], None]], observer: Observer
) -> list[Caveat]:
    """Takes every step; that one fails must not keep the others from being taken."""
    caveats = []
    for step in steps:
        try:
            step()
        except PerfkitError as error:
            caveats.append(Caveat(code, f"{what}: {error}"))
            observer.warn(caveats[-1].message)
    return caveats


def _refuse(refused: Sequence[tuple[Operation, str]], scenario: Scenario, target: Target) -> None:
    """ScenarioError when there are operations that can't be run here, with the reasons."""
    path, backend = str(scenario.path), target.info.backend
    problems = [
        Problem(path, 0, 0, f"operation {operation.name!r} can't run on {backend}: {why}")
        for operation, why in refused
    ]
    if problems:
        raise ScenarioError(problems)


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
        processes = _counted(plan.workers, "process", "processes")
        run.observer.note(f"opening {_counted(plan.connections, 'connection')} in {processes}")
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


def _counted(count: int, what: str, several: str | None = None) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {several or what + 's'}"
