"""The few kinds of block that every report consists of; a format lays them out, and no more.

Text in blocks is raw: every format makes it harmless in its own way.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "warn", "bad"]
Status = Literal["passed", "done", "failed", "invalid", "interrupted"]
# What a format with little room leaves out or folds: the body may be folded, the appendix left out.
Place = Literal["lead", "body", "appendix"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few numbers that everybody asks for first."""

    name: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended and why; `context` says in a line what was run against what."""

    status: Status
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    context: str
    figures: tuple[Figure, ...]

    @property
    def tone(self) -> Tone:
        tones: dict[Status, Tone] = {"failed": "bad", "invalid": "bad", "interrupted": "warn"}
        return tones.get(self.status, "good")


@dataclass(frozen=True, slots=True)
class Column:
    """`numeric` cells align to the right; `literal` ones hold names and messages word for word."""

    title: str
    numeric: bool = False
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the number behind it, by which a reader may sort."""

    text: str
    value: float | None = None
    tone: Tone = "plain"


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the footer sums them up and is never sorted."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footer: Row | None = None
    caption: str = ""
    place: Place = "body"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    title: str
    rows: tuple[tuple[str, str], ...]
    place: Place = "appendix"


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence with a word in front of it that names its kind."""

    tone: Tone
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Remarks:
    """Caveats or findings."""

    title: str
    remarks: tuple[Remark, ...]
    place: Place = "lead"


@dataclass(frozen=True, slots=True)
class Note:
    """A few sentences of prose, a paragraph each."""

    title: str
    paragraphs: tuple[str, ...]
    place: Place = "body"


@dataclass(frozen=True, slots=True)
class Line:
    """A series of a chart; None is a gap. A "sum" is drawn in ink among the colours of its parts."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    style: Literal["line", "target", "area", "sum"] = "line"
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time behind a chart that has a name: a stage."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time, over percentiles or over any number.

    x is in seconds, or that number; of "second" charts each value is that of the second which begins there. For
    percentiles it is 1 / (1 - p), so that 100 is p99.
    """

    title: str
    x: Literal["time", "second", "percentile", "number"]
    y: Literal["linear", "log"]
    unit: str
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    caption: str = ""
    size: Literal["wide", "half", "small"] = "wide"
    place: Place = "appendix"


Block = Verdict | Facts | Table | Remarks | Note | Chart
