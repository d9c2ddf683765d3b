"""The generators of values that a scenario's `params` may name.

Each takes a list or a mapping: `zipfian: [1, 100000]` or `zipfian: {range: [1, 100000], theta: 1.2}`.
These classes only say what was asked for; `perfkit.load.generate` draws the values.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from perfkit.scenario.fields import (
    Frozen,
    Mistake,
    Number,
    Range,
    SizeRange,
    Weight,
    Whole,
    WholeRange,
    Words,
    nearest,
    ordered,
    shown,
)

Scalar = str | int | float | bool | None


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise Mistake(f"{shown(value)} is no single value: text, a number, true, false or null")
    return value


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no RFC 3339 time: write 2026-01-31T12:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _limited(low: float, high: float, *, open_low: bool = False) -> AfterValidator:
    """Checks a number against its bounds; the lower one is excluded where it is open."""

    def checked(value: float) -> float:
        if value < low or value > high or (open_low and value == low):
            asked = f"above {low:g}" if open_low else f"from {low:g}"
            raise ValueError(f"{shown(value)} is out of bounds: {asked} to {high:g}")
        return value

    return AfterValidator(checked)


Theta = Annotated[
    Number,
    _limited(0, 10),
    Field(description="Skew: 0 is uniform, 0.99 is YCSB's; any value up to 10."),
]
Moment = Annotated[Words, AfterValidator(_moment)]
ScalarValue = Annotated[
    Scalar,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
WholeRangeField = Annotated[
    WholeRange, Field(description="Lowest and highest value, both included.")
]
RangeField = Annotated[Range, Field(description="Lowest and highest value, both included.")]
LengthField = Annotated[
    SizeRange, Field(description="Length, or the shortest and the longest: 100 or [10, 200].")
]


class Uniform(Frozen):
    """Every integer of the range equally often; floats where a bound has a fraction."""

    kind: Literal["uniform"] = "uniform"
    range: RangeField


class Zipfian(Frozen):
    """Rank r with probability ∝ r^−theta, the lowest number the most frequent (Gray et al. 1994).

    `scrambled` spreads the hot keys over the range as YCSB's ScrambledZipfian does.
    """

    kind: Literal["zipfian", "scrambled_zipfian"] = "zipfian"
    range: WholeRangeField
    theta: Theta = 0.99


class Latest(Frozen):
    """The newest most often: max − zipfian. `of` names a sequential param that moves the maximum.

    What is being inserted at this moment can't be read yet: the newest `behind` numbers of the
    sequence are left out, as YCSB leaves out those whose insert was not acknowledged.
    """

    kind: Literal["latest"] = "latest"
    range: WholeRangeField
    theta: Theta = 0.99
    of: Annotated[
        Words | None,
        Field(description="The sequential param that makes the newest: param or operation.param."),
    ] = None
    behind: Annotated[
        Whole, _limited(0, 1_000_000), Field(description="So many of the newest are left out.")
    ] = 0

    @model_validator(mode="after")
    def _behind_a_sequence(self) -> Self:
        if self.behind and self.of is None:
            raise Mistake("nothing new comes without `of`: leave it out", at=("behind",))
        return self


class Hotspot(Frozen):
    """A share of the range (`keys`, the lowest numbers) gets a share of the draws (`draws`)."""

    kind: Literal["hotspot"] = "hotspot"
    range: WholeRangeField
    keys: Annotated[
        Number, _limited(0, 1, open_low=True), Field(description="Share of the range that is hot.")
    ] = 0.2
    draws: Annotated[
        Number, _limited(0, 1), Field(description="Share of the draws that go there.")
    ] = 0.8


class Normal(Frozen):
    """Gaussian, cut to the range; mean and stddev default to its middle and a sixth of its width."""

    kind: Literal["normal", "gaussian"] = "normal"
    range: RangeField
    mean: Annotated[Number | None, Field(description="The middle of the range unless said.")] = None
    stddev: Annotated[
        Annotated[Number, _limited(0, 1e15, open_low=True)] | None,
        Field(description="A sixth of the range's width unless said."),
    ] = None

    @model_validator(mode="after")
    def _mean_inside(self) -> Self:
        if self.mean is not None and not self.range[0] <= self.mean <= self.range[1]:
            raise Mistake(f"{shown(self.mean)} lies outside of the range", at=("mean",))
        return self


class Exponential(Frozen):
    """Low numbers most often: `percentile` of the draws fall into the first `fraction` of the range.

    The defaults are YCSB's: 95 % in the first 85.71 %.
    """

    kind: Literal["exponential"] = "exponential"
    range: RangeField
    percentile: Annotated[
        Number,
        _limited(0, 99.999999, open_low=True),
        Field(description="Share of the draws, in percent, that fall into the fraction."),
    ] = 95
    fraction: Annotated[
        Number,
        _limited(0, 1, open_low=True),
        Field(description="The first part of the range, from 0 to 1."),
    ] = 0.8571428571


class Sequential(Frozen):
    """One number after the other, never the same in two workers; wraps round at the end of a range."""

    kind: Literal["sequential"] = "sequential"
    start: Annotated[Whole, Field(description="The first number.")] = 1
    end: Annotated[
        Whole | None, Field(description="The last number, after which it starts again.")
    ] = None
    after: Annotated[
        Words | None,
        Field(description="In place of a start: begins behind the rows of this table."),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.after is not None:  # the reader of a file puts a start in its place
            raise Mistake("only a file can name a table", at=("after",))
        if self.end is not None:
            ordered((self.start, self.end))
        return self


class Choice(Frozen):
    """One of the values, by weight."""

    kind: Literal["choice"] = "choice"
    values: Annotated[
        tuple[ScalarValue, ...], Field(min_length=1, description="What to choose from.")
    ]
    weights: Annotated[
        tuple[Weight, ...] | None, Field(description="The weight of each value, in their order.")
    ] = None

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        if self.weights is None:
            return self
        if len(self.weights) != len(self.values):
            raise Mistake(
                f"{len(self.values)} values have {len(self.weights)} weights", at=("weights",)
            )
        if not any(self.weights):
            raise Mistake("all weights are zero", at=("weights",))
        return self


class Text(Frozen):
    """Words (or with `alphabet`, letters) of a length in characters between the bounds."""

    kind: Literal["text"] = "text"
    length: LengthField
    alphabet: Annotated[
        Words | None, Field(description="The characters to use; words of letters unless said.")
    ] = None


class Bytes(Frozen):
    """Random bytes of a length between the bounds."""

    kind: Literal["bytes"] = "bytes"
    length: LengthField


class Uuid(Frozen):
    """A random UUID (version 4) as text; seeded like everything else."""

    kind: Literal["uuid"] = "uuid"


class Timestamp(Frozen):
    """A time between two RFC 3339 times; without them, the present moment."""

    kind: Literal["timestamp"] = "timestamp"
    start: Annotated[Moment | None, Field(description="The earliest time (RFC 3339).")] = None
    end: Annotated[Moment | None, Field(description="The latest time (RFC 3339).")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise Mistake("give both start and end, or neither")
        if self.start and self.end and not _before(self.start, self.end):
            raise Mistake("starts after its end", at=("start",))
        return self


class Csv(Frozen):
    """A column of a CSV file with a header line; relative to the scenario file."""

    kind: Literal["csv"] = "csv"
    file: Annotated[Words, Field(description="Path, relative to the scenario file.")]
    column: Annotated[Words, Field(description="Name of the column in the file's first line.")]
    order: Annotated[
        Literal["sequential", "random"],
        Field(description="Row after row from the top and again, or any row each time."),
    ] = "sequential"


class Template(Frozen):
    """Text with {names} of other params of the same operation filled in."""

    kind: Literal["template"] = "template"
    text: Annotated[Words, Field(description="Text with {names} of other params.")]


class Constant(Frozen):
    """The same value always."""

    kind: Literal["constant"] = "constant"
    value: ScalarValue


class Shifted(Frozen):
    """The number that another param of the same operation has, and some more."""

    kind: Literal["shifted"] = "shifted"
    of: Annotated[Words, Field(description="The param whose number it is.")]
    by: Annotated[Whole, Field(description="What is added to it.")]


class Padded(Frozen):
    """The number that another param of the same operation has, as text with leading zeros."""

    kind: Literal["padded"] = "padded"
    of: Annotated[Words, Field(description="The param whose number it is.")]
    width: Annotated[Whole, _limited(1, 40), Field(description="Digits in all.")]


def _read_number(value: Any) -> Any:
    read = read_param(value)
    kind = read["kind"] if isinstance(read, dict) else read.kind
    if not issubclass(GENERATORS[kind], Numbers):
        what = shown(value) if kind == "constant" else kind
        raise Mistake(
            f"{what} is no generator of whole numbers: write one, as in uniform: [1, 100]"
        )
    return read


def _whole_only(param: "Numbers") -> "Numbers":
    if not gives_whole(param):
        raise Mistake("the range has a fraction: a key is made of a whole number", at=(param.kind,))
    return param


Numbers = Uniform | Zipfian | Latest | Hotspot | Normal | Exponential | Sequential
"""The generators of whole numbers."""


class YcsbKey(Frozen):
    """YCSB's key of a record: "user" and a hash (FNV-1a, 64 bits) of its number."""

    kind: Literal["ycsb_key"] = "ycsb_key"
    number: Annotated[
        Numbers,
        BeforeValidator(_read_number),
        AfterValidator(_whole_only),
        Field(discriminator="kind", description="A generator of whole numbers."),
    ]


Param = Annotated[
    Uniform
    | Zipfian
    | Latest
    | Hotspot
    | Normal
    | Exponential
    | Sequential
    | Choice
    | Text
    | Bytes
    | Uuid
    | Timestamp
    | Csv
    | Template
    | Shifted
    | Padded
    | YcsbKey
    | Constant,
    Field(discriminator="kind"),
]

GENERATORS: dict[str, type[Frozen]] = {
    kind: model
    for model in (
        Uniform, Zipfian, Latest, Hotspot, Normal, Exponential, Sequential, Choice, Text, Bytes,
        Uuid, Timestamp, Csv, Template, Shifted, Padded, YcsbKey, Constant,
    )
    for kind in model.model_fields["kind"].annotation.__args__  # type: ignore[union-attr]  # Literal
}  # fmt: skip
"""The generators by the names under which a file asks for them."""

RANGED = frozenset(kind for kind, model in GENERATORS.items() if "range" in model.model_fields)
"""The generators that take a range, which may be the name of a table."""


def gives_whole(param: Any) -> bool:
    """Are the values of a param whole numbers, and nothing else?"""
    if isinstance(param, Sequential | Shifted):
        return True
    bounds = getattr(param, "range", ())
    return bool(bounds) and all(float(bound).is_integer() for bound in bounds)


def sequential_of(param: Any) -> Sequential | None:
    """The sequence that a param is, or is made of."""
    inner = param.number if isinstance(param, YcsbKey) else param
    return inner if isinstance(inner, Sequential) else None


def latest_of(param: Any) -> Latest | None:
    """The `latest` that a param is, or is made of."""
    inner = param.number if isinstance(param, YcsbKey) else param
    return inner if isinstance(inner, Latest) else None


def made_of(param: Any) -> str | None:
    """The param of which another one is the number, shifted or padded."""
    return param.of if isinstance(param, Shifted | Padded) else None


def read_param(value: Any) -> Any:
    """What the file says of a param as fields of its generator; anything else raises Mistake.

    A literal is a constant; the texts `uuid` and `timestamp` are those generators.
    """
    if isinstance(value, Frozen):
        return value
    if isinstance(value, list):
        raise Mistake("a list is no value: write choice: [...] for one of them")
    if not isinstance(value, dict):
        bare = value in {"uuid", "timestamp"} if isinstance(value, str) else False
        return {"kind": value} if bare else {"kind": "constant", "value": value}
    if len(value) != 1:
        raise Mistake(
            f"a mapping of {len(value)} keys is no value: write one generator, as in uniform: [1, 100]"
        )
    kind, arguments = next(iter(value.items()))
    if kind not in GENERATORS:
        hint = nearest(kind, list(GENERATORS))
        raise Mistake(f"unknown generator {kind!r}", at=(kind,), at_key=True, hint=hint)
    return {"kind": kind, **_arguments(kind, arguments)}


def _arguments(kind: str, value: Any) -> dict[str, Any]:
    """The arguments of a generator, from its short form or its mapping."""
    if kind == "constant":
        return {"value": value}
    if kind == "choice":
        return _choice_arguments(value)
    if kind == "ycsb_key":
        return {"number": value}
    if isinstance(value, dict):
        if "kind" in value:
            raise Mistake("unknown key 'kind'", at=(kind, "kind"), at_key=True)
        return value
    if kind in RANGED:
        return {"range": value}
    return _SHORT_FORMS[kind](value)


def _choice_arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        value = {"values": value}
    if not isinstance(value, dict):
        raise Mistake(f"{shown(value)} is nothing to choose from: write a list", at=("choice",))
    if "values" not in value:
        return {"values": list(value), "weights": list(value.values())}
    return value


def _sequential_arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        if len(value) != 2:
            raise Mistake("write a first number, or [first, last]", at=("sequential",))
        return {"start": value[0], "end": value[1]}
    return {} if value is None else {"start": value}


def _timestamp_arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, list) and len(value) == 2:
        return {"start": value[0], "end": value[1]}
    if value not in {None, "now"}:
        raise Mistake(f"{shown(value)}: write now, or [earliest, latest]", at=("timestamp",))
    return {}


def _uuid_arguments(value: Any) -> dict[str, Any]:
    if value is not None:
        raise Mistake(f"{shown(value)}: uuid takes nothing", at=("uuid",))
    return {}


def _of_arguments(value: Any) -> dict[str, Any]:
    raise Mistake(f"{shown(value)}: write {{of: …, by: …}}, or of and width for padded")


def _csv_arguments(value: Any) -> dict[str, Any]:
    raise Mistake(f"{shown(value)}: write {{file: …, column: …}}", at=("csv",))


def _length_argument(value: Any) -> dict[str, Any]:
    return {"length": value}


def _text_argument(value: Any) -> dict[str, Any]:
    return {"text": value}


_SHORT_FORMS = {
    "sequential": _sequential_arguments,
    "timestamp": _timestamp_arguments,
    "uuid": _uuid_arguments,
    "csv": _csv_arguments,
    "shifted": _of_arguments,
    "padded": _of_arguments,
    "template": _text_argument,
    "text": _length_argument,
    "bytes": _length_argument,
}


def _before(start: str, end: str) -> bool:
    return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
