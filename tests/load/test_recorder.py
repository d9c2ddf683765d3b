"""From raw samples to histograms and a row a second."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.backends.base import Failure
from perfkit.load import pacing
from perfkit.load.engine import DROPPED, OUTCOME_SHIFT, ROW, TRIES_SHIFT
from perfkit.load.fleet import Vitals
from perfkit.load.recorder import Recorder
from tests.load.driving import MS, S, open_load, stage

ORIGIN = 5_000 * S


def recorder(workers: int = 1, warmup_ns: int = 0) -> Recorder:
    schedule = pacing.layout(
        open_load(stage(10, 2, name="a"), stage(10, 2, name="b"), warmup_ns=warmup_ns)
    )
    made = Recorder(2, schedule, workers)
    made.begin(ORIGIN)
    return made


def row(due: int, *, took: int = MS, lag: int = 0, operation: int = 0, outcome: int = 0) -> bytes:
    code = operation | outcome << OUTCOME_SHIFT | 1 << TRIES_SHIFT
    start = ORIGIN + due + lag
    return ROW.pack(code, ORIGIN + due, start, start, start + took)


def vitals(at_ns: int, cpu_ns: int = 0, run_delay_ns: int = 0) -> Vitals:
    return Vitals(ORIGIN + at_ns, cpu_ns, run_delay_ns)


def test_an_operation_belongs_to_the_stage_in_which_it_was_due() -> None:
    made = recorder()
    made.samples(0, row(2 * S - 1, took=S) + row(2 * S), vitals(4 * S))
    made.finish()
    assert (made.of([0]).count, made.of([1]).count) == (1, 1)
    assert made.of([0]).response.max_ns == S


def test_a_second_is_by_completion_and_none_is_left_out() -> None:
    made = recorder()
    made.samples(0, row(0) + row(0, took=2 * S + MS), vitals(3 * S))
    made.finish()
    assert [second.count for second in made.seconds] == [1, 0, 1]


def test_a_second_is_finished_when_every_worker_has_told_of_it() -> None:
    made = recorder(workers=2)
    made.samples(0, row(0), vitals(3 * S))
    made.close_seconds()
    assert made.seconds == []
    made.samples(1, row(0), vitals(S + MS))
    made.close_seconds()
    assert [second.count for second in made.seconds] == [2]


def test_a_worker_that_ended_is_not_waited_for() -> None:
    made = recorder(workers=2)
    made.samples(0, row(0), vitals(S // 2))
    made.worker_ended(0)
    made.samples(1, b"", vitals(2 * S + MS))
    made.close_seconds()
    assert len(made.seconds) == 2


def test_the_warm_up_is_apart_from_everything_else() -> None:
    made = recorder(warmup_ns=S)
    made.outcome(0, 1, 0, Failure("timeout", "late"), ORIGIN)
    made.samples(0, row(0, outcome=1) + row(S, took=S // 2), vitals(2 * S))
    made.finish()
    assert made.of([pacing.WARMUP]).errors == 1
    assert made.of([0, 1]).count == 1
    assert made.errors[0, "timeout"].count == 0
    assert [second.count for second in made.seconds] == [1]


def test_skipped_arrivals_are_counted_and_are_no_operations() -> None:
    made = recorder()
    skipped = ROW.pack(DROPPED, ORIGIN, ORIGIN + S, ORIGIN + S, ORIGIN + S)
    made.samples(0, row(0) + skipped * 3, vitals(2 * S))
    made.finish()
    assert made.of([0]).count == made.worker_count(0) == 1
    assert made.dropped == {0: 3}
    assert [second.dropped for second in made.seconds] == [0, 3]


def test_the_same_failure_of_two_workers_is_one_kind_with_both_counts() -> None:
    made = recorder(workers=2)
    made.outcome(0, 1, 0, Failure("timeout", "first"), ORIGIN + S)
    made.outcome(1, 7, 0, Failure("timeout", "second"), ORIGIN + MS)
    made.samples(0, row(0, outcome=1), vitals(S))
    made.samples(1, row(0, outcome=7) * 2, vitals(S))
    (known,) = made.errors.values()
    assert (known.message, known.count, known.first_ns) == ("first", 3, MS)


def test_a_worker_without_time_left_and_late_arrivals_were_the_limit() -> None:
    made = recorder()
    made.samples(0, row(0), vitals(0))
    made.samples(0, row(0, lag=10 * MS), vitals(S, cpu_ns=S // 2, run_delay_ns=S // 2))
    assert made.busy_seconds == 1


def test_late_arrivals_of_a_worker_that_had_time_are_the_servers() -> None:
    made = recorder()
    made.samples(0, row(0), vitals(0))
    made.samples(0, row(0, lag=S), vitals(S, cpu_ns=S // 10))
    assert made.busy_seconds == 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4 * S - 1), st.integers(1, S), st.integers(0, S), st.integers(0, 1)
        ),
        min_size=1,
    ),
    st.integers(1, 10),
)
def test_however_samples_are_delivered_the_result_is_the_same(
    samples: list[tuple[int, int, int, int]], parts: int
) -> None:
    rows = [row(due, took=took, lag=lag, operation=op) for due, took, lag, op in samples]
    whole, pieces = recorder(), recorder()
    whole.samples(0, b"".join(rows), vitals(9 * S))
    for part in np.array_split(np.arange(len(rows)), parts):
        pieces.samples(0, b"".join(rows[at] for at in part), vitals(9 * S))
        pieces.close_seconds()
    for each in (whole, pieces):
        each.finish()
    assert whole.of([0, 1]).response.encode() == pieces.of([0, 1]).response.encode()
    assert whole.of([0, 1]).count == len(samples)
    assert sum(second.count for second in whole.seconds) == len(samples)
    exact = [lag + took for _, took, lag, _ in samples]
    assert whole.of([0, 1]).response.max_ns == max(exact)
    assert whole.of([0, 1]).response.min_ns == min(exact)


def test_a_worker_without_time_left_in_the_warm_up_was_not_the_limit_of_the_load() -> None:
    made = recorder(warmup_ns=2 * S)
    made.samples(0, row(0), vitals(0))
    made.samples(0, row(0, lag=10 * MS), vitals(S, cpu_ns=S))
    assert (made.busy_seconds, made.busy_share()) == (0, 0)


def test_a_worker_without_time_left_at_the_top_of_a_ramp_is_not_averaged_away() -> None:
    made = recorder()
    for second, cpu_ns in enumerate([0, S // 10, S // 5, S // 5 + S]):
        made.samples(0, row(second * S), vitals(second * S, cpu_ns=cpu_ns))
    assert made.busy_share() == 1 / 3


def test_never_are_more_operations_in_flight_than_there_were() -> None:
    """Two connections, whose requests take from 0.5 s to 3.5 s: a server that hangs for long."""
    made = recorder()
    made.samples(0, row(S // 2, took=3 * S) * 2, vitals(4 * S))
    made.finish()
    assert [made.in_flight(second) for second in range(5)] == [1, 2, 2, 1, 0]


def test_an_error_is_first_seen_in_the_load_also_if_the_warm_up_had_it_before() -> None:
    made = recorder(warmup_ns=S)
    made.outcome(0, 1, 0, Failure("timeout", "late"), ORIGIN + MS)
    made.outcome(0, 0, None, Failure("connect", "refused"), ORIGIN + MS)
    made.samples(0, row(0, outcome=1) + row(3 * S, outcome=1) * 2, vitals(4 * S))
    counted = {name: (error.count, error.first_ns) for (_, name), error in made.errors.items()}
    assert counted == {"timeout": (2, 2 * S + MS), "connect": (0, 0)}
