"""One worker: its share of a scenario's load, driven by one engine in one process."""

import contextlib
import gc
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfkit.backends.base import Workload
from perfkit.load import generate, pacing
from perfkit.load.engine import Engine, Rules, Sink
from perfkit.load.mix import mix
from perfkit.load.policy import ClosedUsers, OpenArrivals
from perfkit.scenario import Operation, Scenario


@dataclass(frozen=True, slots=True)
class Plan:
    """What all workers of a run have in common; `connections` is of all together."""

    scenario: Scenario
    schedule: pacing.Schedule
    workload: Workload
    connections: int
    workers: int

    def share(self, worker: int, total: int) -> int:
        """How many of a total belong to a worker when they are dealt out in turn."""
        return total // self.workers + (worker < total % self.workers)


def prepare(plan: Plan, worker: int, sink: Sink) -> Engine:
    """An engine with all its connections open. TargetError when the target refuses one."""
    scenario = plan.scenario
    _raise_descriptor_limit()
    bound = generate.bind_all(scenario, seed=scenario.seed, worker=worker, workers=plan.workers)
    session = plan.workload.session(bound)
    chosen = mix([op.weight for op in scenario.operations], seed=scenario.seed, worker=worker)
    rules = [_rules(scenario, operation, worker) for operation in scenario.operations]
    engine = Engine(session, chosen, rules, sink)
    engine.connect(plan.share(worker, plan.connections))
    gc.collect()  # takes longer than there is time between the order to go and the first arrival
    gc.freeze()  # what is there now stays: no collection has to look at it again
    return engine


def run(engine: Engine, plan: Plan, worker: int, origin_ns: int) -> str:
    """Drives the worker's share of the load from the origin on; why it ended (see Engine.run)."""
    load = plan.scenario.load
    if load.model == "open":
        due = pacing.arrivals(
            plan.schedule,
            poisson=load.arrivals == "poisson",
            seed=plan.scenario.seed,
            worker=worker,
            workers=plan.workers,
        )
        engine.policy = OpenArrivals(engine, map(origin_ns.__add__, due), load.max_lag_ns)
    else:
        engine.policy = _users(engine, plan, worker, origin_ns)
    return engine.run()


def _users(engine: Engine, plan: Plan, worker: int, origin_ns: int) -> ClosedUsers:
    spans = [
        [
            (origin_ns + start, None if end is None else origin_ns + end)
            for start, end in pacing.user_spans(plan.schedule, user)
        ]
        for user in range(worker, plan.connections, plan.workers)
    ]
    last = plan.schedule.stages[-1]
    iterations = None if last.iterations is None else plan.share(worker, last.iterations)
    return ClosedUsers(engine, spans, iterations, origin_ns + last.start_ns)


def _rules(scenario: Scenario, operation: Operation, worker: int) -> Rules:
    thinking = operation.think or scenario.load.think
    think: Iterator[int] | None = None
    if thinking is not None:
        think = generate.think(thinking, seed=scenario.seed, worker=worker)
    return Rules(operation.timeout_ns, operation.retry, think)


def _raise_descriptor_limit() -> None:
    """A connection is a descriptor, and 1,024 of them are soon used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_delay_ns() -> int | None:
    """How long this process was ready to run but had no core, so far; None where unknown."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
