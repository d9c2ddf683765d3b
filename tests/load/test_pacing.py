import math
import tracemalloc
from fractions import Fraction
from itertools import chain, islice, pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.load.pacing import (
    WARMUP,
    Schedule,
    arrivals,
    layout,
    peak_users,
    rate_at,
    scheduled,
    user_spans,
    users_at,
)
from perfkit.scenario import Load, Stage

S = 1_000_000_000
MS = 1_000_000


def stage(
    start: float,
    end: float | None = None,
    seconds: float | None = 1,
    iterations: int | None = None,
    steps: int = 1,
) -> Stage:
    return Stage(
        name="stage",
        duration_ns=None if seconds is None else round(seconds * S),
        iterations=iterations,
        start=start,
        end=start if end is None else end,
        steps=steps,
    )


def schedule_of(
    *stages: Stage, warmup_s: float = 0, model: Literal["open", "closed"] = "open"
) -> Schedule:
    return layout(Load(model=model, stages=stages, warmup_ns=round(warmup_s * S)))


def due(
    schedule: Schedule, worker: int = 0, workers: int = 1, *, poisson: bool = False, seed: int = 1
) -> list[int]:
    return list(arrivals(schedule, poisson=poisson, seed=seed, worker=worker, workers=workers))


rates = st.one_of(
    st.just(0.0),
    st.integers(1, 300).map(float),
    st.floats(0.01, 300),
    st.integers(1, 60).map(lambda n: n / 60),
)
durations = st.one_of(st.integers(1, 4).map(float), st.floats(0.001, 4))
stages = st.builds(stage, rates, rates, durations, steps=st.integers(1, 5))
schedules = st.builds(
    lambda several, warmup_s: schedule_of(*several, warmup_s=warmup_s),
    st.lists(stages, min_size=1, max_size=4),
    st.sampled_from([0, 0.7, 2]),
)


def exact_area(schedule: Schedule, t_ns: int) -> Fraction:
    """The area under the load proper by textbook geometry, in exact numbers."""
    area = Fraction(0)
    for segment in schedule.segments:
        if segment.stage == WARMUP or t_ns <= segment.start_ns:
            continue
        assert segment.end_ns is not None
        upto = min(t_ns, segment.end_ns)
        level = segment.level_at(upto)
        area += (segment.start + level) / 2 * Fraction(upto - segment.start_ns, S)
    return area


def proper(schedule: Schedule, times: list[int]) -> list[int]:
    """The arrivals of the load proper: the warm-up's come first and their number is known."""
    warmup = [s.area for s in schedule.segments if s.stage == WARMUP]
    return times[math.ceil(sum(warmup)) :]


def test_a_constant_rate_is_exact_to_the_nanosecond() -> None:
    assert due(schedule_of(stage(1000, seconds=10))) == [k * MS for k in range(10_000)]


def test_a_constant_rate_is_still_exact_after_days() -> None:
    schedule = schedule_of(stage(3, seconds=30 * 86_400))
    late = islice(arrivals(schedule, poisson=False, seed=1, worker=0, workers=1), 7_000_000, None)
    for k, t_ns in zip(range(7_000_000, 7_002_000), late, strict=False):
        assert t_ns == round(Fraction(k * S, 3))


def test_a_rate_of_one_an_hour_has_its_arrivals_at_the_full_hour() -> None:
    assert due(schedule_of(stage(1 / 3600, seconds=3 * 3600))) == [0, 3600 * S, 7200 * S]


def test_a_rate_that_no_float_can_hold_does_not_add_an_arrival() -> None:
    assert due(schedule_of(stage(0.1, seconds=10))) == [0]


@given(schedules)
def test_as_many_arrivals_are_due_as_the_area_under_the_rate_rounded_up(
    schedule: Schedule,
) -> None:
    area = sum(segment.area for segment in schedule.segments if segment.stage != WARMUP)
    assert len(proper(schedule, due(schedule))) == math.ceil(area)


@settings(deadline=None)
@given(schedules)
def test_each_arrival_is_due_where_the_area_reaches_its_number(schedule: Schedule) -> None:
    """But for the rounding of each segment's end, and of the time itself, to a whole ns."""
    steepest = max(max(segment.start, segment.end) for segment in schedule.segments)
    rounded = (len(schedule.segments) + 1) * steepest / S + Fraction(1, 10**9)
    for k, t_ns in enumerate(proper(schedule, due(schedule))):
        assert abs(exact_area(schedule, t_ns) - k) <= rounded


@given(schedule=schedules, poisson=st.booleans())
def test_time_never_runs_backwards_and_stays_in_the_load(
    schedule: Schedule, *, poisson: bool
) -> None:
    times = due(schedule, poisson=poisson)
    assert all(a <= b for a, b in pairwise(times))
    assert all(type(t_ns) is int for t_ns in times)
    if times:
        assert schedule.end_ns is not None
        assert times[0] >= 0
        assert times[-1] <= schedule.end_ns


@given(schedule=schedules, workers=st.integers(2, 5), poisson=st.booleans())
def test_the_shares_of_all_workers_are_the_arrivals_of_one(
    schedule: Schedule, workers: int, *, poisson: bool
) -> None:
    shares = [due(schedule, worker, workers, poisson=poisson) for worker in range(workers)]
    assert sorted(chain.from_iterable(shares)) == due(schedule, poisson=poisson)


@given(several=st.lists(stages, min_size=1), workers=st.integers(2, 5), poisson=st.booleans())
def test_workers_take_the_arrivals_in_turn(
    several: list[Stage], workers: int, *, poisson: bool
) -> None:
    schedule = schedule_of(*several)
    whole = due(schedule, poisson=poisson)
    for worker in range(workers):
        assert due(schedule, worker, workers, poisson=poisson) == whole[worker::workers]


def test_a_pause_has_no_arrival() -> None:
    schedule = schedule_of(stage(10), stage(0, seconds=5), stage(10))
    for poisson in (False, True):
        assert not [t_ns for t_ns in due(schedule, poisson=poisson) if S < t_ns < 6 * S]


def test_the_fraction_of_an_arrival_is_carried_into_the_next_stage() -> None:
    # 2.5 arrivals, then arrival 3 half a period into the next stage.
    times = due(schedule_of(stage(2.5), stage(10)))
    assert times[:4] == [0, 400 * MS, 800 * MS, 1050 * MS]


def test_a_ramp_from_zero_is_the_root_of_its_area() -> None:
    times = due(schedule_of(stage(0, 100, seconds=10)))
    assert len(times) == 500
    assert times == [round(math.sqrt(2 * k / 10) * S) for k in range(500)]


def test_a_ramp_down_mirrors_a_ramp_up() -> None:
    up = due(schedule_of(stage(0, 100, seconds=10)))
    down = due(schedule_of(stage(100, 0, seconds=10)))
    assert [10 * S - t_ns for t_ns in reversed(up[1:])] == pytest.approx(down[1:], abs=1)


def test_a_ramp_that_hardly_rises_is_as_good_as_level() -> None:
    level = due(schedule_of(stage(1000, seconds=10)))
    ramp = due(schedule_of(stage(1000, 1000 + 1e-9, seconds=10)))
    assert ramp[:10_000] == pytest.approx(level, abs=1)


def test_steps_are_plateaus_from_start_to_end() -> None:
    schedule = schedule_of(stage(10, 30, seconds=3, steps=3))
    assert [rate_at(schedule, t) for t in (0, S - 1, S, 2 * S, 3 * S - 1)] == [10, 10, 20, 30, 30]
    assert len(due(schedule)) == 60


@pytest.mark.parametrize("poisson", [False, True])
@given(before=st.lists(stages, max_size=2), iterations=st.integers(1, 3000), rate=rates)
def test_a_stage_given_in_iterations_has_just_so_many(
    *, poisson: bool, before: list[Stage], iterations: int, rate: float
) -> None:
    last = stage(rate + 1, seconds=None, iterations=iterations)
    with_it, without = schedule_of(*before, last), schedule_of(*before, stage(0))
    earlier = [segment.end_ns or 0 for segment in without.segments[:-1]]
    times = due(with_it, poisson=poisson)
    in_stage = len(times) - len(due(without, poisson=poisson))
    assert in_stage == iterations
    assert all(t_ns >= max(earlier, default=0) for t_ns in times[-iterations:])


def test_a_stage_given_in_iterations_lasts_as_long_as_they_take() -> None:
    schedule = schedule_of(stage(1, seconds=2), stage(50, seconds=None, iterations=100))
    assert schedule.end_ns == 4 * S
    assert schedule.stages[1].iterations == 100


@pytest.mark.parametrize("poisson", [False, True])
def test_a_warmup_does_not_change_the_load_proper(*, poisson: bool) -> None:
    load = (stage(0.7, 33.3, seconds=5), stage(10.1))
    cold = due(schedule_of(*load), poisson=poisson)
    warm = due(schedule_of(*load, warmup_s=1.5), poisson=poisson)
    assert warm[-len(cold) :] == [t_ns + 1500 * MS for t_ns in cold]
    assert all(t_ns < 1500 * MS for t_ns in warm[: -len(cold)])


def test_a_warmup_has_the_first_level_that_is_not_zero() -> None:
    assert rate_at(schedule_of(stage(7, 20), warmup_s=1), 0) == 7
    assert rate_at(schedule_of(stage(0, 20), warmup_s=1), 0) == 20
    assert rate_at(schedule_of(stage(0), stage(0, 20), warmup_s=1), 0) == 20
    assert rate_at(schedule_of(stage(0, 20, steps=3), warmup_s=1), 0) == 10


def test_a_warmup_is_no_stage_and_stages_follow_it() -> None:
    schedule = schedule_of(stage(5, seconds=2), stage(6, seconds=3), warmup_s=1)
    assert [s.stage for s in schedule.segments] == [WARMUP, 0, 1]
    assert [(s.start_ns, s.end_ns) for s in schedule.stages] == [(S, 3 * S), (3 * S, 6 * S)]


def unit_gaps(schedule: Schedule, seed: int) -> list[float]:
    """The gaps of Poisson arrivals in area instead of time: exponential with mean 1."""
    areas = [scheduled(schedule, t_ns) for t_ns in due(schedule, poisson=True, seed=seed)]
    return [b - a for a, b in pairwise([0, *areas])]


@pytest.mark.parametrize("shape", [(5000, 5000), (0, 10_000), (10_000, 0), (1, 10_000)])
def test_poisson_gaps_are_exponential_also_in_ramps(shape: tuple[float, float]) -> None:
    gaps = np.sort(unit_gaps(schedule_of(stage(*shape, seconds=10)), seed=3))
    expected = -np.expm1(-gaps)
    seen = np.arange(1, len(gaps) + 1) / len(gaps)
    # Kolmogorov-Smirnov at 0.1 %: 1.95 / sqrt(n)
    assert np.max(np.abs(seen - expected)) < 1.95 / math.sqrt(len(gaps))


def test_poisson_counts_vary_as_much_as_their_mean() -> None:
    schedule = schedule_of(stage(20), stage(0, 80, seconds=2))
    counts = [len(due(schedule, poisson=True, seed=seed)) for seed in range(1000)]
    assert np.mean(counts) == pytest.approx(100, abs=1.3)  # four standard errors
    assert np.var(counts) == pytest.approx(100, rel=0.18)


def test_poisson_arrivals_of_a_known_number_spread_as_uniform_ones() -> None:
    schedule = schedule_of(stage(1000, seconds=None, iterations=20_000))
    seen = np.array(due(schedule, poisson=True)) / (20 * S)
    expected = np.arange(1, len(seen) + 1) / len(seen)
    distance = np.max(np.abs(seen - expected)) * math.sqrt(len(seen))
    # Below 0.2 would be as regular as a clock: one in ten million for a true Poisson process.
    assert 0.2 < distance < 1.95


def test_one_seed_has_one_poisson_sequence_and_another_seed_another() -> None:
    schedule = schedule_of(stage(100))
    assert due(schedule, poisson=True, seed=5) == due(schedule, poisson=True, seed=5)
    assert due(schedule, poisson=True, seed=5) != due(schedule, poisson=True, seed=6)


@pytest.mark.parametrize("poisson", [False, True])
def test_a_load_of_years_needs_no_memory(*, poisson: bool) -> None:
    schedule = schedule_of(stage(1_000_000, seconds=1000 * 86_400))
    times = arrivals(schedule, poisson=poisson, seed=1, worker=0, workers=1)
    next(times)
    tracemalloc.start()
    for _ in islice(times, 50_000):
        pass
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1_000_000


@given(schedules)
def test_scheduled_is_the_area_so_far(schedule: Schedule) -> None:
    assert schedule.end_ns is not None
    for share in (0, 0.25, 0.5, 1):
        t_ns = round(schedule.end_ns * share)
        warmup = [s for s in schedule.segments if s.stage == WARMUP]
        passed = sum(s.start * Fraction(min(t_ns, schedule.warmup_ns), S) for s in warmup)
        expected = float(exact_area(schedule, t_ns) + passed)
        assert scheduled(schedule, t_ns) == pytest.approx(expected, rel=1e-12, abs=1e-6)


def test_the_rate_is_zero_before_and_after_the_load() -> None:
    schedule = schedule_of(stage(0, 10))
    assert [rate_at(schedule, t_ns) for t_ns in (-1, S // 2, S)] == [0, 5, 0]


def closed(*several: Stage, warmup_s: float = 0) -> Schedule:
    return schedule_of(*several, warmup_s=warmup_s, model="closed")


def test_users_of_a_ramp_start_one_after_the_other_and_stay() -> None:
    schedule = closed(stage(0, 50, seconds=10), stage(50, seconds=60))
    assert user_spans(schedule, 0) == [(0, 70 * S)]
    assert user_spans(schedule, 1) == [(200 * MS, 70 * S)]
    assert user_spans(schedule, 49) == [(9800 * MS, 70 * S)]
    assert user_spans(schedule, 50) == []
    assert peak_users(schedule) == 50


def test_users_of_a_ramp_down_stop_last_come_first() -> None:
    schedule = closed(stage(4, 0, seconds=4))
    assert [user_spans(schedule, user) for user in range(4)] == [
        [(0, 4 * S)], [(0, 3 * S)], [(0, 2 * S)], [(0, S)],
    ]  # fmt: skip


def test_a_user_comes_back_after_a_dip() -> None:
    schedule = closed(stage(5), stage(2), stage(5))
    assert user_spans(schedule, 1) == [(0, 3 * S)]
    assert user_spans(schedule, 3) == [(0, S), (2 * S, 3 * S)]


def test_a_stage_given_in_iterations_keeps_its_users_until_the_engine_has_counted() -> None:
    schedule = closed(stage(0, 3, seconds=3), stage(3, seconds=None, iterations=10), warmup_s=1)
    assert user_spans(schedule, 0) == [(0, None)]
    assert user_spans(schedule, 2) == [(0, S), (3 * S, None)]
    assert schedule.end_ns is None
    assert users_at(schedule, 10**15) == 3


@given(st.lists(stages, min_size=1, max_size=4), st.floats(0, 1))
def test_as_many_spans_are_open_as_there_are_users(several: list[Stage], share: float) -> None:
    schedule = closed(*several, warmup_s=0.5)
    assert schedule.end_ns is not None
    t_ns = round(schedule.end_ns * share)
    spans = [span for user in range(peak_users(schedule)) for span in user_spans(schedule, user)]
    edges = {edge for span in spans for edge in span}
    if t_ns not in edges:  # which nanosecond is the first is a matter of rounding
        active = sum(start <= t_ns < (end or 0) for start, end in spans)
        assert active == users_at(schedule, t_ns)


@given(st.lists(stages, min_size=1, max_size=4), st.integers(0, 300))
def test_spans_of_a_user_are_in_order_and_apart(several: list[Stage], user: int) -> None:
    spans = user_spans(closed(*several), user)
    edges = [edge for span in spans for edge in span if edge is not None]
    assert edges == sorted(edges)
    assert all(before[1] != after[0] for before, after in pairwise(spans))
