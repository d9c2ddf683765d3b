"""Before the load: which checks, which target, how many connections, whose consent, which data."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NoReturn

from perfkit.backends.base import Target, Workload
from perfkit.drive.observer import Observer
from perfkit.errors import PerfkitError, Problem, ScenarioError, UsageError
from perfkit.load import pacing
from perfkit.load.worker import Plan
from perfkit.results import Caveat
from perfkit.scenario import Data, Operation, Scenario, Threshold
from perfkit.scenario.document import Place
from perfkit.scenario.fields import nearest
from perfkit.scenario.targets import load_targets
from perfkit.scenario.threshold import RESERVED
from perfkit.scenario.values import Sequential
from perfkit.units import NS_PER_S

DEFAULT_CONNECTIONS = 32
"""Of an open load: enough to keep a server busy, and within any server's default limit."""
CONNECTIONS_PER_WORKER = 8
"""Fewer than this many connections leave a worker process idle most of the time."""
CONNECTIONS_PER_POOL = 64
"""So many connections that users share stay one pool in one process, as in an application."""


def plan_of(
    scenario: Scenario, workload: Workload, target: Target, processes: int | None = None
) -> Plan:
    """How many connections on how many worker processes. UsageError when it is more than can be.

    Users of a closed load have a connection each, or share `load.connections` where these are fewer.
    A pool is within a process, so several processes have several: a user waits for a connection of
    its own process only, which with small pools is longer than it would be with one. SQLite needs a
    process for each connection: its pools are of one.
    """
    schedule = pacing.layout(scenario.load)
    cores = max(1, len(os.sched_getaffinity(0)))
    per_worker = CONNECTIONS_PER_WORKER
    if scenario.load.model == "closed":
        users = pacing.peak_users(schedule)
        connections = min(users, scenario.load.connections or users)
        per_worker = CONNECTIONS_PER_POOL if connections < users else per_worker
    else:
        default = cores if workload.channel_per_worker else DEFAULT_CONNECTIONS
        connections = scenario.load.connections or default
    if workload.channel_per_worker:
        workers = _a_process_each(connections, workload, target, processes)
    else:
        free = max(1, cores // 2 if target.local else cores - 1)
        workers = processes or min(free, max(1, connections // per_worker))
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
    if asked is not None:
        refuse_empty("--target", asked)
    url = asked or scenario.target
    if not url:
        raise UsageError(
            f"{scenario.path} names no target", hint="add `target:` to it or give --target URL"
        )
    return url


def refuse_empty(option: str, url: str) -> None:
    """UsageError for "$DATABASE_URL" without that variable: never the wrong database instead."""
    if not url.strip():
        raise UsageError(f"{option} is empty", hint="is the variable set that it is taken from?")


def with_targets(scenario: Scenario, name: str) -> Scenario:
    """The scenario with the checks of named targets besides its own.

    UsageError where the scenario has not the operation or the stage of a check.
    """
    targets = load_targets(name)
    operations = [operation.name for operation in scenario.operations]
    stages = [stage.name for stage in scenario.load.stages]
    for check in targets.checks:
        if check.path[0] not in {*RESERVED, *operations}:
            _refuse_check(name, check, "operation", check.path[0], operations)
        if check.stage not in {None, *stages}:
            _refuse_check(name, check, "stage", str(check.stage), stages)
    thresholds = scenario.thresholds + targets.checks
    return scenario.model_copy(update={"thresholds": thresholds, "targets": targets})


def _refuse_check(
    targets: str, check: Threshold, kind: str, name: str, known: Sequence[str]
) -> NoReturn:
    there = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    near = nearest(name, known) or ""
    raise UsageError(
        f"--targets {targets}: {check.text!r}: this scenario has no {kind} {name!r}; it has {there}",
        hint=near if near.startswith("did you mean") else None,
    )


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
            if inserts_on(scenario):
                workload.drop_data(data)  # what an earlier run inserted would be in the way
            made = True  # also one that is made half when something fails
            made = workload.make_data(data)
            if not made and not data.keep:
                observer.note("data: an earlier run kept it; it is used as it is, and stays there")
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


def inserts_on(scenario: Scenario) -> bool:
    """Does the scenario number what it inserts, so that it can't run twice on the same data?"""
    numbers = (
        getattr(param, "number", param)
        for operation in scenario.operations
        for param in operation.params.values()
    )
    return any(isinstance(each, Sequential) and each.end is None for each in numbers)


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
    backend, nowhere = target.info.backend, Place(str(scenario.path))
    places = scenario.places if scenario.path.is_file() else {}  # a --query has no lines
    problems = [
        Problem(
            *places.get(operation.name, nowhere),
            f"operation {operation.name!r} can't run on {backend}: {why}",
        )
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
