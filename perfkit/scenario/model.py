"""A scenario as the rest of perfkit sees it: frozen, checked, in base units."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from perfkit.scenario.datasets import DEFAULT_ROWS, DatasetName
from perfkit.scenario.document import Place
from perfkit.scenario.fields import DurationNs, Frozen, Size
from perfkit.scenario.threshold import Threshold
from perfkit.scenario.values import Param

SetupStatement = str | list[Any] | dict[str, Any]
"""SQL text, a Redis command as a list, or a MongoDB command as a mapping."""


class Data(Frozen):
    """Data made before the run: a built-in dataset, the user's own statements, or both."""

    use: DatasetName | None = None
    rows: Annotated[int, Field(ge=1)] = DEFAULT_ROWS
    value_size: Size = 100
    keep: bool = False
    setup: tuple[SetupStatement, ...] = ()
    teardown: tuple[SetupStatement, ...] = ()


class Expect(Frozen):
    """What a right answer looks like; `error` lists error classes that are all right."""

    rows: int | str | None = None  # 1, ">=1", "1..10"
    value: str | int | float | bool | None = None
    has_value: bool = False  # tells `value: null` from no value at all
    error: tuple[str, ...] = ()


class Statement(Frozen):
    """One statement of a transaction."""

    sql: str
    expect: Expect = Expect()


class Retry(Frozen):
    """Tries in all, and the wait before each further one (doubling, with jitter up to itself)."""

    tries: Annotated[int, Field(ge=1, le=1000)] = 1
    wait_ns: DurationNs = 0


class Operation(Frozen):
    """One operation of the mix; exactly one of sql, transaction, statements, mongo and redis is set.

    `statements` are sent in turn, each by itself. `mongo` holds one command or several in turn.
    `redis` holds one command, or several, which are sent as a pipeline, or in turn where `pipeline`
    is False. `batch` items, each with its own draw of the params, go in one request: rows or
    documents of an insert, commands of Redis.
    """

    name: str
    weight: Annotated[float, Field(ge=0)] = 1.0
    sql: str | None = None
    transaction: tuple[Statement, ...] | None = None
    statements: tuple[Statement, ...] | None = None
    isolation: Literal["read committed", "repeatable read", "serializable"] | None = None
    mongo: dict[str, Any] | tuple[dict[str, Any], ...] | None = None
    redis: tuple[tuple[Any, ...], ...] | None = None
    pipeline: bool = True
    batch: Annotated[int, Field(ge=1)] = 1
    params: dict[str, Param] = {}  # noqa: RUF012  pydantic copies it, and the model is frozen
    expect: Expect = Expect()
    timeout_ns: DurationNs = 30_000_000_000
    retry: Retry = Retry()
    think: Param | None = None  # seconds

    @property
    def items(self) -> int:
        """How many rows, documents or commands one operation stands for."""
        return self.batch


class Stage(Frozen):
    """A part of the load: `start` to `end` in operations a second (open) or users (closed).

    With `steps` > 1 the stage is cut into that many equal parts of constant load from start to end.
    """

    name: str
    duration_ns: int | None
    iterations: int | None = None
    start: float
    end: float
    steps: int = 1


class Load(Frozen):
    """How much, for how long, in which model."""

    model: Literal["open", "closed"]
    stages: tuple[Stage, ...]
    warmup_ns: DurationNs = 0
    arrivals: Literal["regular", "poisson"] = "regular"
    connections: int | None = None
    max_lag_ns: DurationNs = 15_000_000_000
    think: Param | None = None  # seconds


class Targets(Frozen):
    """A named set of limits; meant for so many users at least, on so much data ("100MB")."""

    name: str
    purpose: str
    checks: tuple[Threshold, ...]
    users: int | None = None
    data: str | None = None


class Scenario(Frozen):
    """A whole scenario file."""

    name: str
    path: Path
    target: Annotated[str | None, Field(repr=False)]  # may hold a password
    seed: int = 1
    data: Data | None = None
    operations: tuple[Operation, ...]
    load: Load
    thresholds: tuple[Threshold, ...] = ()
    targets: Targets | None = None  # whose checks are among the thresholds
    places: Annotated[dict[str, Place], Field(repr=False)] = {}  # noqa: RUF012  where each operation stands
