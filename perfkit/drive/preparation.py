"""Before the load: which checks, which target, how many connections, whose consent, which data."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from perfkit.backends.base import Target, Workload
from perfkit.drive.observer import Observer
from perfkit.errors import PerfkitError, Problem, ScenarioError, UsageError
from perfkit.load import pacing
from perfkit.load.worker import Plan
from perfkit.results import Caveat
from perfkit.scenario import Data, Operation, Scenario
from perfkit.scenario.targets import load_targets
from perfkit.scenario.threshold import RESERVED
from perfkit.units import NS_PER_S

DEFAULT_CONNECTIONS = 32
"""Of an open load: enough to keep a server busy, and within any server's default limit."""
CONNECTIONS_PER_WORKER = 8
"""Fewer than this many connections leave a worker process idle most of the time."""


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
        workers = _a_process_each(connections, workload, target, processes)
    else:
        free = max(1, cores // 2 if target.local else cores - 1)
        workers = processes or min(free, max(1, connections // CONNECTIONS_PER_WORKER))
        workers = min(workers, connections, workload.max_workers or workers)
    return Plan(scenario, schedule, workload, connections, workers)


def _a_process_each(
    connections: int, workload: Workload, target: Target, processes: int | None
) -> int:
    backend, most = target.info.backend, workload.max_workers
    if most is not None and connections > most:
        raise UsageError(
            f"{connections} connections asked for, but {backend} needs a process for each and takes "
            f"at most {most}",
            hint="lower `users` or `load.connections`",
        )
    if processes not in {None, connections}:
        raise UsageError(
            f"--processes {processes}: {backend} takes a process for each of {connections} connections",
            hint="lower `users` or `load.connections`",
        )
    return connections


def target_url(scenario: Scenario, asked: str | None) -> str:
    """The target asked for, or the scenario's. UsageError when there is none."""
    if asked is not None and not asked.strip():
        # As in --target "$DATABASE_URL" without that variable: never the wrong database instead.
        raise UsageError("--target is empty", hint="is the variable set that it is taken from?")
    url = asked or scenario.target
    if not url:
        raise UsageError(
            f"{scenario.path} names no target", hint="add `target:` to it or give --target URL"
        )
    return url


def with_targets(scenario: Scenario, name: str) -> Scenario:
    """The scenario with the checks of named targets besides its own."""
    checks = load_targets(name)
    known = {*RESERVED, *(operation.name for operation in scenario.operations)}
    for check in checks:
        if check.path[0] not in known:
            raise UsageError(
                f"--targets {name}: {check.text!r}: this scenario has no operation {check.path[0]!r}"
            )
    return scenario.model_copy(update={"thresholds": scenario.thresholds + checks})


def refuse_baseline_checks(scenario: Scenario) -> None:
    """UsageError for a check that compares with a baseline, where there is none."""
    for threshold in scenario.thresholds:
        if threshold.baseline:
            raise UsageError(
                f"the check {threshold.text!r} compares with a baseline, and none was given",
                hint="give --baseline REPORT.json, the JSON report of an earlier run",
            )


def ask(
    scenario: Scenario, target: Target, workload: Workload, observer: Observer, *, yes: bool
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
    if yes:
        observer.note(what)
    elif not observer.confirm(f"{what} Go on?"):
        raise UsageError(what, hint="--yes agrees to it")


@contextlib.contextmanager
def data_for(scenario: Scenario, workload: Workload, observer: Observer) -> Iterator[list[Caveat]]:
    """The scenario's data for as long as the block runs; caveats say what could not be cleaned up."""
    caveats: list[Caveat] = []
    data = scenario.data or Data()
    made = False
    try:
        if data.use is not None:
            observer.note(f"data: {workload.describe_data(data)}")
            made = True  # also one that is made half when something fails
            made = workload.make_data(data)
        if data.setup:
            observer.note(f"running {counted(len(data.setup), 'setup statement')}")
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


def refuse(refused: Sequence[tuple[Operation, str]], scenario: Scenario, target: Target) -> None:
    """ScenarioError when there are operations that can't be run here, with the reasons."""
    path, backend = str(scenario.path), target.info.backend
    problems = [
        Problem(path, 0, 0, f"operation {operation.name!r} can't run on {backend}: {why}")
        for operation, why in refused
    ]
    if problems:
        raise ScenarioError(problems)


def settings_of(plan: Plan) -> dict[str, str | int | float | bool | None]:
    """What perfkit chose or was told that matters for the numbers."""
    load = plan.scenario.load
    return {
        "workers": plan.workers,
        "connections": plan.connections,
        "model": load.model,
        "seed": plan.scenario.seed,
        "max_lag_s": load.max_lag_ns / NS_PER_S if load.model == "open" else None,
    }


def counted(count: int, what: str, several: str | None = None) -> str:
    """The count with its noun: 1 process, 2 processes."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {several or what + 's'}"
