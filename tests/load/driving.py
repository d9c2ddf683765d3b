"""Runs a load on the virtual clock and gives its raw samples: exact nanoseconds, no waiting."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from perfkit.backends.base import Failure, need
from perfkit.backends.fake import FakeSession, open_target
from perfkit.load import fleet, pacing, worker
from perfkit.load.engine import DROPPED, OUTCOME_SHIFT, ROW, TRIES_SHIFT
from perfkit.load.fleet import Vitals
from perfkit.scenario import Load, Operation, Scenario, Stage
from perfkit.units import NS_PER_MS, NS_PER_S

MS, S = NS_PER_MS, NS_PER_S


def stage(level: float | tuple[float, float], seconds: float | None, **more: Any) -> Stage:
    start, end = level if isinstance(level, tuple) else (level, level)
    duration = None if seconds is None else round(seconds * NS_PER_S)
    return Stage(
        name=more.pop("name", f"at-{start}"), duration_ns=duration, start=start, end=end, **more
    )


def scenario(
    load: Load,
    operations: tuple[Operation, ...] = (Operation(name="read", sql="SELECT 1"),),
    **more: Any,
) -> Scenario:
    return Scenario(
        name="test", path=Path("test.yml"), target=None, operations=operations, load=load, **more
    )


def open_load(*stages: Stage, connections: int = 1000, **more: Any) -> Load:
    return Load(model="open", stages=stages, connections=connections, **more)


def closed_load(*stages: Stage, **more: Any) -> Load:
    return Load(model="closed", stages=stages, **more)


@dataclass
class Samples:
    """All that an engine handed on, in the order of completion."""

    rows: list[bytes] = field(default_factory=list)
    outcomes: dict[int, tuple[int | None, Failure]] = field(default_factory=dict)
    connect_failures: list[int] = field(default_factory=list)
    why: str = ""
    served: int = 0

    def begin(self, origin_ns: int) -> None: ...

    def samples(self, number: int, rows: bytes, vitals: Vitals) -> None:
        self.rows.append(rows)

    def outcome(
        self, number: int, outcome: int, operation: int | None, failure: Failure, at_ns: int
    ) -> None:
        if outcome == 0:
            self.connect_failures.append(at_ns)
        self.outcomes[outcome] = (operation, failure)

    def stopped(self, now_ns: int) -> None: ...

    def worker_ended(self, number: int) -> None: ...

    def __post_init__(self) -> None:
        self._table: Any = None

    @property
    def table(self) -> Any:
        """(code, due, ready, start, end) of every operation sent."""
        all_rows = np.frombuffer(b"".join(self.rows), np.int64).reshape(-1, ROW.size // 8)
        return all_rows[all_rows[:, 0] & 0xFFFF != DROPPED]

    @property
    def dropped(self) -> int:
        return len(b"".join(self.rows)) // ROW.size - len(self.table)

    def column(self, name: str) -> list[int]:
        index = ("code", "due", "ready", "start", "end").index(name)
        values: list[int] = self.table[:, index].tolist()
        return values

    @property
    def operations(self) -> list[int]:
        return [code & 0xFFFF for code in self.column("code")]

    @property
    def tries(self) -> list[int]:
        return [max(1, code >> TRIES_SHIFT) for code in self.column("code")]

    @property
    def failures(self) -> list[str | None]:
        numbers = [(code >> OUTCOME_SHIFT) & 0xFFFF for code in self.column("code")]
        return [self.outcomes[n][1].error_class if n else None for n in numbers]

    @property
    def response(self) -> list[int]:
        return [e - d for e, d in zip(self.column("end"), self.column("due"), strict=True)]

    @property
    def service(self) -> list[int]:
        return [e - s for e, s in zip(self.column("end"), self.column("start"), strict=True)]

    @property
    def lag(self) -> list[int]:
        return [s - d for s, d in zip(self.column("start"), self.column("due"), strict=True)]

    @property
    def delay(self) -> list[int]:
        return [s - r for s, r in zip(self.column("start"), self.column("ready"), strict=True)]


@dataclass
class Told:
    """Where an engine that a test made by itself puts its samples."""

    into: Samples

    def samples(self, rows: bytes, now_ns: int) -> None:
        self.into.rows.append(rows)

    def outcome(self, number: int, operation: int | None, failure: Failure, at_ns: int) -> None:
        self.into.outcome(0, number, operation, failure, at_ns)


def drive(
    given: Scenario,
    url: str = "fake://?latency=1ms",
    stop_at_ns: int | None = None,
    begin_at_ns: int = 0,
) -> Samples:
    """Drives the scenario against the scripted server to its end, or stops it at a time."""
    workload = need(open_target(url).workload)
    schedule = pacing.layout(given.load)
    if given.load.model == "closed":
        users = pacing.peak_users(schedule)
        connections = min(users, given.load.connections or users)
    else:
        connections = given.load.connections or 1
    samples = Samples()
    plan = worker.Plan(given, schedule, workload, connections, 1)
    crew = fleet.Inline(plan, samples)
    if stop_at_ns is not None:
        crew._engine.at(stop_at_ns, lambda _: crew.stop())
    session = crew._engine.session
    assert isinstance(session, FakeSession)
    session.server.clock.now_ns = begin_at_ns
    samples.why = crew.run(lambda: None)[0].why
    samples.served = session.server.served
    crew.close()
    return samples
