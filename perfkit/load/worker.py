"""One worker: its share of a scenario's load, driven by one engine in one process."""

import contextlib
import gc
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from perfkit.backends.base import Workload
from perfkit.load import generate, pacing
from perfkit.load.engine import Engine, Policy, Rules, Sink
from perfkit.load.mix import mix
from perfkit.load.policy import ClosedUsers, OpenArrivals, PooledUsers
from perfkit.scenario import Operation, Scenario


@dataclass(frozen=True, slots=True)
class Plan:
    """What all workers of a run have in common; `connections` is of all together.

    Where a closed load has fewer connections than users, each worker's connections are a pool of its
    own, which its users share: there are as many to a connection in every worker.
    """

    scenario: Scenario
    schedule: pacing.Schedule
    workload: Workload
    connections: int
    workers: int

    def share(self, number: int, total: int) -> int:
        """How many of a total belong to a worker when they are dealt out in turn."""
        return total // self.workers + (number < total % self.workers)

    def users(self, number: int) -> list[int]:
        """The users of a worker, dealt out to connections in turn as these are to workers."""
        users = range(pacing.peak_users(self.schedule))
        return [user for user in users if user % self.connections % self.workers == number]


class Worker:
    """An engine with all its connections open and its part of the load at hand, ready to start.

    Whatever takes time is done here, before the order to go: what comes after is late. TargetError
    when the target refuses a connection.
    """

    def __init__(self, plan: Plan, number: int, sink: Sink) -> None:
        scenario = plan.scenario
        seed, workers = scenario.seed, plan.workers
        _raise_descriptor_limit()
        bound = generate.bind_all(scenario, seed=seed, worker=number, workers=workers)
        session = plan.workload.session(bound)
        chosen = mix([op.weight for op in scenario.operations], seed=seed, worker=number)
        rules = [_rules(scenario, operation, number) for operation in scenario.operations]
        self.engine = Engine(session, chosen, rules, sink)
        self.engine.connect(plan.share(number, plan.connections))
        is_open = scenario.load.model == "open"
        self._policy = self._arrivals(plan, number) if is_open else self._users(plan, number)
        gc.collect()
        gc.freeze()  # what is there now stays: no collection has to look at it again

    def run(self, origin_ns: int) -> str:
        """Drives its part of the load from the origin on; why it ended (see Engine.run)."""
        self.engine.policy = self._policy(origin_ns)
        return self.engine.run()

    def _arrivals(self, plan: Plan, number: int) -> Callable[[int], Policy]:
        load, schedule = plan.scenario.load, plan.schedule
        due = pacing.arrivals(
            schedule,
            poisson=load.arrivals == "poisson",
            seed=plan.scenario.seed,
            worker=number,
            workers=plan.workers,
        )
        first = next(due, None)  # the first block of arrivals is made now
        due = due if first is None else chain([first], due)
        return lambda origin_ns: OpenArrivals(
            self.engine,
            map(origin_ns.__add__, due),
            load.max_lag_ns,
            origin_ns + schedule.warmup_ns,
        )

    def _users(self, plan: Plan, number: int) -> Callable[[int], Policy]:
        users = plan.users(number)
        spans = [pacing.user_spans(plan.schedule, user) for user in users]
        pooled = len(users) > plan.share(number, plan.connections)
        model = PooledUsers if pooled else ClosedUsers
        last = plan.schedule.stages[-1]
        iterations = None if last.iterations is None else plan.share(number, last.iterations)

        def begin(origin_ns: int) -> Policy:
            shifted = [
                [
                    (origin_ns + start, None if end is None else origin_ns + end)
                    for start, end in user
                ]
                for user in spans
            ]
            return model(self.engine, shifted, iterations, origin_ns + last.start_ns)

        return begin


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
