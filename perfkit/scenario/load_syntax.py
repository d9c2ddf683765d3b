"""What users write of the load: how much of it, for how long, in which model."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from perfkit.scenario.fields import (
    Duration,
    Frozen,
    Mistake,
    Positive,
    PositiveDuration,
    Words,
    at_least,
    rate,
    shown,
    whole,
)
from perfkit.scenario.schema_parts import THINK_SCHEMA
from perfkit.scenario.think import read_think

_MOST_USERS = 1_000_000


def _levels(value: Any, read: Any) -> tuple[float, float]:
    """Start and end from `0..500/s`, `0/s..500/s` or a single level."""
    start, dots, end = value.partition("..") if isinstance(value, str) else (value, "", "")
    if not dots:
        return read(value), read(value)
    end_level = read(end)
    unit = end[end.find("/") :] if "/" in end and "/" not in start else ""
    return read(start + unit), end_level


def _rate_levels(value: Any) -> tuple[float, float]:
    return _levels(value, rate)


def _user_count(value: Any) -> float:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    users = at_least(0, whole)(value)
    if users > _MOST_USERS:
        raise ValueError(f"{users} is too many: at most {_MOST_USERS} users")
    return float(users)


def _user_levels(value: Any) -> tuple[float, float]:
    try:
        return _levels(value, _user_count)
    except ValueError:
        raise ValueError(
            f"{shown(value)} is no number of users: write 50, or 0..50 for a ramp"
        ) from None


def _stage_name(value: str) -> str:
    if len(value) > 100 or not value.isprintable() or "." in value:
        raise ValueError(f"{shown(value)} is no name for a stage: up to 100 characters, no dot")
    return value


Think = Annotated[Any, BeforeValidator(read_think), WithJsonSchema(THINK_SCHEMA)]
StageName = Annotated[Words, AfterValidator(_stage_name)]
Rates = Annotated[
    tuple[float, float],
    BeforeValidator(_rate_levels),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["500/s", "0..500/s", "30/min"]},
                {"type": "number", "minimum": 0},
            ]
        }
    ),
]
Users = Annotated[
    tuple[float, float],
    BeforeValidator(_user_levels),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "examples": ["0..50"]}]}
    ),
]


class Levels(Frozen):
    """How much load for how long."""

    duration: Annotated[PositiveDuration | None, Field(description="How long: 30s, 5m.")] = None
    iterations: Annotated[
        Positive | None,
        Field(description="In place of a duration, in the last stage: operations in all."),
    ] = None
    rate: Annotated[
        Rates | None, Field(description="Open load: arrivals, 500/s, or 0..500/s for a ramp.")
    ] = None
    users: Annotated[Users | None, Field(description="Closed load: 50, or 0..50 for a ramp.")] = (
        None
    )
    steps: Annotated[
        Positive, Field(le=10_000, description="Climb in this many equal steps, not in a ramp.")
    ] = 1

    @property
    def levels(self) -> tuple[float, float] | None:
        """Start and end, in arrivals a second or users."""
        return self.rate or self.users

    def require_whole(self) -> None:
        """Mistake unless this says how much, how long, and nothing that contradicts itself."""
        if (self.duration is None) == (self.iterations is None):
            both = "either a duration or iterations" if self.duration else "a duration"
            raise Mistake(f"needs {both}", at=("iterations",) if self.duration else ())
        if (self.rate is None) == (self.users is None):
            raise Mistake(
                "needs a rate (open load) or users (closed load)"
                + (", not both" if self.rate else "")
            )
        start, end = self.levels or (0, 0)
        if self.iterations and start != end:
            raise Mistake("iterations need a constant load, not a ramp", at=("iterations",))
        if self.iterations and not start:
            raise Mistake("iterations never end without load", at=("iterations",))
        if self.steps > 1 and start == end:
            raise Mistake("steps need a ramp, as in 0..500/s", at=("steps",))


class StageSyntax(Levels):
    """A part of the load."""

    name: Annotated[
        StageName | None,
        Field(description="Name in reports and thresholds; stage-1, … unless said."),
    ] = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.require_whole()
        return self


class LoadSyntax(Levels):
    """How much load, for how long, in which model; a single stage may stand here without a list."""

    model: Annotated[
        Literal["open", "closed"],
        Field(description="open: arrivals that do not wait for answers; closed: users who do."),
    ]
    stages: Annotated[
        tuple[StageSyntax, ...] | None,
        Field(min_length=1, max_length=1000, description="One after the other."),
    ] = None
    warmup: Annotated[
        Duration, Field(description="Time before the first stage, measured and reported apart.")
    ] = 0
    arrivals: Annotated[
        Literal["regular", "poisson"],
        Field(description="Open load: evenly spaced, or at random as independent users arrive."),
    ] = "regular"
    connections: Annotated[
        Positive | None,
        Field(
            le=100_000,
            description="At most this many connections; in a closed load the users share them, as a pool.",
        ),
    ] = None
    max_lag: Annotated[
        PositiveDuration,
        Field(
            description="Open load: an arrival that waits longer for a connection is dropped; 15s unless said."
        ),
    ] = 15_000_000_000
    think: Annotated[
        Think, Field(description="Closed load: pause of a user between two operations.")
    ] = None

    @model_validator(mode="after")
    def _has_stages(self) -> Self:
        single = {"duration", "iterations", "rate", "users", "steps"} & self.model_fields_set
        if self.stages is None:
            if not single:
                raise Mistake("needs stages, or a duration with a rate or users")
            self.require_whole()
        elif single:
            raise Mistake("stands beside stages: put it into one of them", at=(min(single),))
        return self
