"""When: the stages of a load on the time axis, the due times of arrivals, the spans of users.

Time is in ns and starts with the warm-up. Levels are arrivals a second (open) or users (closed);
they and the areas under them are fractions, so that counts come out exact: 0.1/s for 10 s is one
arrival, not "1.0000000000000000555, rounded up".
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, chain

import numpy as np
import numpy.typing as npt

from perfkit.load.streams import stream
from perfkit.scenario.model import Load, Stage
from perfkit.units import NS_PER_S

WARMUP = -1
_BLOCK = 1024  # due times made at once: cheap for each, yet no pause that would delay a request
_GRID = 2**16  # arrivals after which the time is exact again, at the same places for each worker

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight piece of the load: the level goes from start to end in `seconds` (exact).

    `stage` is the stage's index, WARMUP for the warm-up. A closed load that ends by its count has
    an open end: `end_ns` and `seconds` are None.
    """

    stage: int
    start_ns: int
    end_ns: int | None
    start: Fraction
    end: Fraction
    seconds: Fraction | None

    @property
    def area(self) -> Fraction:
        """The arrivals due in it (open load); may have a fraction."""
        return (self.start + self.end) / 2 * (self.seconds or 0)

    def level_at(self, t_ns: int) -> Fraction:
        """The level at a time within the segment."""
        if self.end_ns is None or self.start == self.end:
            return self.start
        share = Fraction(t_ns - self.start_ns, self.end_ns - self.start_ns)
        return self.start + (self.end - self.start) * share


@dataclass(frozen=True, slots=True)
class StageSpan:
    """Where a stage lies; `end_ns` is None where it ends after `iterations` operations."""

    index: int
    name: str
    start_ns: int
    end_ns: int | None
    iterations: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A load on the time axis: segments in order, without gaps, from 0 on."""

    segments: tuple[Segment, ...]
    stages: tuple[StageSpan, ...]
    warmup_ns: int

    @property
    def end_ns(self) -> int | None:
        """When the last stage ends; None where it ends by its count."""
        return self.stages[-1].end_ns


def layout(load: Load) -> Schedule:
    """Lays the stages out after the warm-up.

    The warm-up has the first level that is not zero. A stage of an open load that is given in
    iterations lasts just as long as they take at its rate.
    """
    segments: list[Segment] = []
    stages: list[StageSpan] = []
    at_ns = load.warmup_ns
    for index, stage in enumerate(load.stages):
        pieces = _pieces(stage, index, at_ns, _seconds(stage, load))
        end_ns = pieces[-1].end_ns
        stages.append(StageSpan(index, stage.name, at_ns, end_ns, stage.iterations))
        segments += pieces
        at_ns = end_ns or at_ns
    return Schedule((*_warmup(segments, load.warmup_ns), *segments), tuple(stages), load.warmup_ns)


def _seconds(stage: Stage, load: Load) -> Fraction | None:
    if stage.duration_ns is not None:
        return Fraction(stage.duration_ns, NS_PER_S)
    if load.model == "closed" or stage.iterations is None:
        return None
    return 2 * stage.iterations / (_exact(stage.start) + _exact(stage.end))


def _pieces(stage: Stage, index: int, at_ns: int, seconds: Fraction | None) -> list[Segment]:
    start, end = _exact(stage.start), _exact(stage.end)
    if seconds is None:
        return [Segment(index, at_ns, None, end, end, None)]
    if stage.steps == 1:
        return [Segment(index, at_ns, at_ns + math.ceil(seconds * NS_PER_S), start, end, seconds)]
    levels = [start + (end - start) * i / (stage.steps - 1) for i in range(stage.steps)]
    part = seconds / stage.steps
    edges = [at_ns + math.ceil(part * i * NS_PER_S) for i in range(stage.steps + 1)]
    return [
        Segment(index, edges[i], edges[i + 1], level, level, part) for i, level in enumerate(levels)
    ]


def _warmup(segments: Sequence[Segment], warmup_ns: int) -> list[Segment]:
    if not warmup_ns:
        return []
    levels = chain.from_iterable((segment.start, segment.end) for segment in segments)
    level = next(filter(None, levels), Fraction(0))
    return [Segment(WARMUP, 0, warmup_ns, level, level, Fraction(warmup_ns, NS_PER_S))]


def _exact(level: float) -> Fraction:
    """The simplest fraction that a float stands for: 1/3600 for "1/h", not its binary neighbour."""
    exact = Fraction(level)
    for digits in range(1, 19):
        simple = exact.limit_denominator(10**digits)
        if float(simple) == level:
            return simple
    return exact


def arrivals(
    schedule: Schedule, *, poisson: bool, seed: int, worker: int, workers: int
) -> Iterator[int]:
    """Due times of a worker's share, in order; arrival k belongs to worker k % workers.

    Regular arrivals are due where the area under the rate reaches 0, 1, 2 … Poisson arrivals are an
    inhomogeneous Poisson process (Çinlar 1975: unit exponential gaps through the same inverse). A
    Poisson stage given in iterations is the process on condition that it has so many arrivals.
    The warm-up counts for itself: it changes nothing in the load proper.
    """
    warmup = [segment for segment in schedule.segments if segment.stage == WARMUP]
    proper = [segment for segment in schedule.segments if segment.stage != WARMUP]
    fixed = schedule.stages[-1].iterations or 0
    if poisson:
        parts = (
            _poisson_blocks(warmup, 0, stream(seed, "warmup arrivals"), worker, workers),
            _poisson_blocks(proper, fixed, stream(seed, "arrivals"), worker, workers),
        )
    else:
        parts = (_regular_blocks(warmup, worker, workers), _regular_blocks(proper, worker, workers))
    return chain.from_iterable(_ordered(chain(*parts)))


def _ordered(blocks: Iterable[Times]) -> Iterator[list[int]]:
    """Plain integers; the last bit of a square root never makes time run backwards."""
    last = 0
    for block in blocks:
        if block.size:
            block[0] = max(block[0], last)
            block = np.maximum.accumulate(block)  # noqa: PLW2901  the same times
            last = block[-1]
            yield block.tolist()


def _regular_blocks(segments: Sequence[Segment], worker: int, workers: int) -> Iterator[Times]:
    before = Fraction(0)
    for segment in segments:
        after = before + segment.area
        last = math.ceil(after)
        for base in range(math.ceil(before), last, _GRID):
            mine = range(base + (worker - base) % workers, min(base + _GRID, last), workers)
            for i in range(0, len(mine), _BLOCK):
                steps = mine[i : i + _BLOCK]
                yield _regular_due(
                    segment, base - before, np.arange(steps.start, steps.stop, workers) - base
                )
        before = after


def _regular_due(segment: Segment, area: Fraction, steps: Times) -> Times:
    """When the area under the segment reaches `area` (exact) and so many whole arrivals more."""
    if segment.start != segment.end:
        return _due(segment, float(area) + steps.astype(np.float64))
    whole, rest = divmod(area / segment.start * NS_PER_S, 1)
    due: Times = np.rint(float(rest) + steps * float(NS_PER_S / segment.start)).astype(np.int64)
    due += segment.start_ns + int(whole)
    return due


def _poisson_blocks(
    segments: Sequence[Segment], fixed: int, rng: np.random.Generator, worker: int, workers: int
) -> Iterator[Times]:
    edges = [float(area) for area in accumulate((s.area for s in segments), initial=Fraction(0))]
    count = 0
    for areas in _poisson_areas(edges[-1], fixed, rng):
        mine = areas[(worker - count) % workers :: workers]
        count += len(areas)
        places = np.minimum(np.searchsorted(edges[1:], mine, side="right"), len(segments) - 1)
        for place in np.unique(places):
            yield _due(segments[place], mine[places == place] - edges[place])


def _poisson_areas(area: float, fixed: int, rng: np.random.Generator) -> Iterator[Floats]:
    """A Poisson process of rate 1 up to `area`, whose last `fixed` units have just so many points.

    Points of known number are sorted uniforms, made in order by Rényi's representation of the
    order statistics: nothing has to be kept in memory.
    """
    at = 0.0
    while at < area - fixed:
        areas = at + np.cumsum(rng.standard_exponential(_BLOCK))
        at = areas[-1]
        yield areas[: np.searchsorted(areas, area - fixed)]
    at = 0.0
    for left in range(fixed, 0, -_BLOCK):
        behind = np.arange(left, max(0, left - _BLOCK), -1)
        sums = at + np.cumsum(rng.standard_exponential(len(behind)) / behind)
        at = sums[-1]
        yield area - fixed * np.exp(-sums)


def _due(segment: Segment, areas: Floats) -> Times:
    """The times at which the area under a segment's level reaches the given ones.

    The positive root of start·t + slope·t²/2 = area, written so that nothing cancels: it holds for
    a slope of zero, a start of zero, and, seen from its end, for a fall to zero.
    """
    assert segment.seconds is not None
    seconds, low, high = float(segment.seconds), *sorted((float(segment.start), float(segment.end)))
    rising = segment.end >= segment.start
    inside = np.maximum(areas if rising else float(segment.area) - areas, 0.0)
    divisor = low + np.sqrt(low * low + 2 * (high - low) / seconds * inside)
    root = np.divide(2 * inside, divisor, out=np.zeros(len(areas)), where=divisor > 0)
    offsets = np.minimum(root if rising else seconds - root, seconds)
    due: Times = np.rint(np.maximum(offsets, 0.0) * NS_PER_S).astype(np.int64)
    due += segment.start_ns
    return due


def scheduled(schedule: Schedule, t_ns: int) -> float:
    """The area under the rate up to a time, from 0 on: how many arrivals should have been due."""
    total = 0.0
    for segment in schedule.segments:
        if segment.end_ns is None or t_ns <= segment.start_ns:
            break
        if t_ns >= segment.end_ns:
            total += float(segment.area)
            continue
        passed = (t_ns - segment.start_ns) / NS_PER_S
        total += passed * float(segment.start + segment.level_at(t_ns)) / 2
    return total


def rate_at(schedule: Schedule, t_ns: int) -> float:
    """The level at a time; 0 before the start and after the end."""
    return float(_level_at(schedule, t_ns))


def users_at(schedule: Schedule, t_ns: int) -> int:
    """How many users are active at a time."""
    return math.ceil(_level_at(schedule, t_ns))


def _level_at(schedule: Schedule, t_ns: int) -> Fraction:
    for segment in schedule.segments:
        if segment.start_ns <= t_ns and (segment.end_ns is None or t_ns < segment.end_ns):
            return segment.level_at(t_ns)
    return Fraction(0)


def peak_users(schedule: Schedule) -> int:
    """The most users that are active at a time."""
    return math.ceil(max(max(segment.start, segment.end) for segment in schedule.segments))


def user_spans(schedule: Schedule, user: int) -> list[tuple[int, int | None]]:
    """From when to when a user (counted from 0) is active: while the level is above its number.

    An end of None means until the count is reached.
    """
    spans: list[tuple[int, int | None]] = []
    for segment in schedule.segments:
        span = _active(segment, user)
        if span is None:
            continue
        if spans and spans[-1][1] == span[0]:
            spans[-1] = spans[-1][0], span[1]
        else:
            spans.append(span)
    return spans


def _active(segment: Segment, user: int) -> tuple[int, int | None] | None:
    low, high = sorted((segment.start, segment.end))
    if high <= user or segment.start_ns == segment.end_ns:
        return None
    if low > user or low == high or segment.end_ns is None:
        return segment.start_ns, segment.end_ns
    share = (user - segment.start) / (segment.end - segment.start)
    crossing = segment.start_ns + round((segment.end_ns - segment.start_ns) * share)
    rising = segment.end > segment.start
    return (crossing, segment.end_ns) if rising else (segment.start_ns, crossing)
