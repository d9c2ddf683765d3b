"""The engine on a virtual clock: exact to the nanosecond."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.backends.base import Compiled, Failure, need
from perfkit.backends.fake import FakeSession, Script, open_target
from perfkit.load import pacing, worker
from perfkit.load.engine import MOST_OUTCOMES, Engine, Rules
from perfkit.load.policy import OpenArrivals
from perfkit.scenario import Operation, Retry, Statement
from perfkit.scenario.values import Constant
from tests.load.driving import (
    MS,
    S,
    Samples,
    Told,
    closed_load,
    drive,
    open_load,
    scenario,
    stage,
)


def test_open_load_sends_every_arrival_when_it_is_due() -> None:
    samples = drive(scenario(open_load(stage(1000, 10))))
    assert samples.column("due") == [k * MS for k in range(10_000)]
    assert set(samples.lag) == {0}
    assert set(samples.response) == {MS}
    assert samples.why == "done"


def test_late_requests_are_charged_from_their_due_time() -> None:
    """One connection, 2 ms of work each millisecond: the k-th arrival waits k milliseconds."""
    samples = drive(scenario(open_load(stage(1000, 1), connections=1)), "fake://?latency=2ms")
    assert samples.lag == [k * MS for k in range(1000)]
    assert set(samples.service) == {2 * MS}
    assert samples.response == [(k + 2) * MS for k in range(1000)]


def test_waiting_for_a_busy_server_is_lag_but_not_the_generators_delay() -> None:
    samples = drive(scenario(open_load(stage(1000, 1), connections=1)), "fake://?latency=2ms")
    assert max(samples.lag) == 999 * MS
    assert set(samples.delay) == {0}


def test_a_server_that_stops_one_second_in_ten_gives_the_percentiles_of_arithmetic() -> None:
    """In every ten seconds, arrivals of the last second wait for its end: uniformly 0 to 1 s."""
    samples = drive(
        scenario(open_load(stage(1000, 100), connections=2000)), "fake://?latency=1ms&stall=1s/10s"
    )
    response = np.array(sorted(samples.response))
    assert len(response) == 100_000
    waits = sorted(max(MS, (10_000 - k) * MS + MS) if k >= 9_000 else MS for k in range(10_000))
    assert sorted(set(response.tolist())) == sorted(set(waits))
    for q in (50, 95, 99):
        assert response[int(len(response) * q / 100)] == waits[len(waits) * q // 100]


def test_the_backlog_has_a_bound_past_which_arrivals_are_skipped_and_counted() -> None:
    samples = drive(
        scenario(open_load(stage(100, 10), connections=1, max_lag_ns=S)), "fake://?latency=100ms"
    )
    assert max(samples.lag) <= S
    assert len(samples.table) + samples.dropped == 1000
    assert samples.dropped > 800


def test_nothing_of_the_backlog_is_lost_when_the_load_ends() -> None:
    samples = drive(scenario(open_load(stage(100, 1), connections=1)), "fake://?latency=20ms")
    assert len(samples.table) == 100
    assert samples.column("end")[-1] == 2 * S


def test_closed_load_sends_the_next_when_the_answer_has_come() -> None:
    samples = drive(scenario(closed_load(stage(2, 1))), "fake://?latency=10ms")
    assert len(samples.table) == 200
    assert set(samples.response) == {10 * MS}
    assert set(samples.lag) == {0}


def test_users_think_between_operations() -> None:
    load = closed_load(stage(1, 1), think=Constant(value=0.09))
    samples = drive(scenario(load), "fake://?latency=10ms")
    assert samples.column("due") == [k * 100 * MS for k in range(10)]


def test_users_of_a_ramp_begin_at_their_exact_time_and_leave_when_it_falls() -> None:
    load = closed_load(stage((0, 4), 4), stage((4, 0), 4, name="down"))
    samples = drive(scenario(load), "fake://?latency=250ms")
    due = samples.column("due")
    assert [due.count(k * S) for k in range(1, 4)] == [2, 3, 4]
    assert max(due) < 8 * S
    assert len(due) == 4 * (8 + 6 + 4 + 2)  # four operations a second, by each user while there


def test_iterations_are_counted_over_all_users() -> None:
    samples = drive(scenario(closed_load(stage(7, None, iterations=1000))))
    assert len(samples.table) == 1000
    assert samples.why == "done"


def test_iterations_do_not_count_the_stages_before() -> None:
    load = closed_load(stage(1, 1), stage(1, None, iterations=10, name="counted"))
    samples = drive(scenario(load), "fake://?latency=10ms")
    assert len(samples.table) == 110


def test_a_transaction_is_one_operation_and_its_requests_follow_one_another() -> None:
    transfer = Operation(
        name="transfer", transaction=(Statement(sql="UPDATE a"), Statement(sql="UPDATE b"))
    )
    samples = drive(scenario(open_load(stage(10, 1)), (transfer,)))
    assert set(samples.service) == {4 * MS}  # begin, two statements, commit
    assert samples.served == 40


def test_a_transaction_may_take_no_time() -> None:
    nothing = Operation(name="nothing", transaction=(Statement(sql="SELECT 1"),))
    samples = drive(scenario(open_load(stage(10, 1)), (nothing,)), "fake://?latency=0ms")
    assert len(samples.table) == 10
    assert set(samples.service) == {0}


def test_errors_are_counted_and_keep_their_times() -> None:
    samples = drive(scenario(open_load(stage(1000, 10))), "fake://?latency=2ms&error=10%")
    failed = [failure for failure in samples.failures if failure]
    assert set(failed) == {"fake_error"}
    assert 900 < len(failed) < 1100
    assert set(samples.response) == {2 * MS}


def test_a_statement_that_never_returns_ends_at_its_time_limit() -> None:
    slow = Operation(name="slow", sql="SELECT pg_sleep(1e9)", timeout_ns=50 * MS)
    quick = Operation(name="quick", sql="SELECT 1")
    samples = drive(
        scenario(open_load(stage(100, 1), connections=20), (slow, quick)),
        "fake://?latency.slow=1000h&latency.quick=1ms",
    )
    assert len(samples.table) == 100
    by_operation = set(zip(samples.operations, samples.failures, samples.service, strict=True))
    assert by_operation == {(0, "timeout", 50 * MS), (1, None, MS)}


def test_a_lost_connection_is_an_error_of_its_operation_and_is_opened_again() -> None:
    samples = drive(scenario(open_load(stage(100, 10), connections=3)), "fake://?lose=5%")
    lost = samples.failures.count("connection_lost")
    assert 20 < lost < 80
    assert len(samples.table) == 1000
    assert samples.why == "done"


def test_a_target_that_comes_back_within_ten_seconds_costs_errors_only() -> None:
    samples = drive(
        scenario(open_load(stage(100, 30), connections=4)), "fake://?latency=20ms&down=5s..12s"
    )
    assert samples.why == "done"
    assert len(samples.table) == 3000
    assert samples.failures.count("connection_lost") == 3  # two in flight, one just being sent
    assert samples.connect_failures
    assert 7 * S <= max(samples.lag) < 9 * S


def test_a_target_that_stays_gone_ends_the_run() -> None:
    samples = drive(scenario(open_load(stage(100, 60), connections=4)), "fake://?down=5s..")
    assert samples.why == "gone: fake://: the server is away, as the script says"
    assert max(samples.column("end")) == 5 * S


def test_idle_users_do_not_hide_that_the_target_is_gone() -> None:
    load = closed_load(stage(2, 60), think=Constant(value=3.0))
    samples = drive(scenario(load), "fake://?down=5s..")
    assert samples.why.startswith("gone")


def test_a_stopped_run_records_what_was_cut_off() -> None:
    samples = drive(
        scenario(open_load(stage(10, 60), connections=100)), "fake://?latency=2s", stop_at_ns=5 * S
    )
    assert samples.why == "stopped"
    assert samples.failures.count("unfinished") == 14  # due at 3.6 s … 4.9 s
    assert max(samples.column("end")) == 5 * S + S // 2
    assert len(samples.table) == samples.served


def test_the_sum_of_samples_is_what_the_server_was_sent() -> None:
    samples = drive(
        scenario(open_load(stage(500, 10), connections=5)), "fake://?latency=5ms&error=3%&lose=1%"
    )
    assert len(samples.table) == samples.served == 5000


def test_the_warm_up_comes_first_and_does_not_shift_the_load() -> None:
    samples = drive(scenario(open_load(stage(100, 1), warmup_ns=S // 2)))
    due = samples.column("due")
    assert due[:50] == [k * 10 * MS for k in range(50)]
    assert due[50:] == [S // 2 + k * 10 * MS for k in range(100)]


@pytest.mark.parametrize("arrivals", ["regular", "poisson"])
def test_one_seed_gives_one_run(arrivals: str) -> None:
    load = open_load(stage(300, 3), arrivals=arrivals)
    operations = (Operation(name="a", sql="1", weight=3), Operation(name="b", sql="2"))
    first, again = (drive(scenario(load, operations, seed=7)) for _ in range(2))
    other = drive(scenario(load, operations, seed=8))
    assert first.table.tolist() == again.table.tolist()
    assert first.table.tolist() != other.table.tolist()


@settings(max_examples=30, deadline=None)
@given(
    rate=st.integers(1, 500),
    connections=st.integers(1, 20),
    latency_ms=st.integers(1, 40),
    stall=st.sampled_from(["", "&stall=200ms/1s"]),
)
def test_the_three_times_always_add_up(
    rate: int, connections: int, latency_ms: int, stall: str
) -> None:
    samples = drive(
        scenario(open_load(stage(rate, 2), connections=connections, max_lag_ns=1000 * S)),
        f"fake://?latency={latency_ms}ms{stall}",
    )
    assert len(samples.table) == 2 * rate
    assert samples.response == [
        lag + s for lag, s in zip(samples.lag, samples.service, strict=True)
    ]
    assert min(samples.lag) >= 0
    assert min(samples.delay) == max(samples.delay) == 0


def test_a_retry_is_a_try_of_the_same_operation_inside_its_response_time() -> None:
    retried = Operation(name="write", sql="UPDATE", retry=Retry(tries=3))
    samples = drive(
        scenario(open_load(stage(100, 10)), (retried,)),
        "fake://?latency=1ms&error=50%&retryable=yes",
    )
    assert len(samples.table) == 1000
    assert set(samples.tries) == {1, 2, 3}
    assert [s // MS for s in samples.service] == samples.tries
    assert all(
        tries == 3 for tries, failed in zip(samples.tries, samples.failures, strict=True) if failed
    )
    assert sum(samples.tries) == samples.served


def test_a_try_that_was_never_made_is_not_counted() -> None:
    """The time limit comes while the operation waits for its second try."""
    retry = Retry(tries=3, wait_ns=10 * S)
    retried = Operation(name="write", sql="UPDATE", retry=retry, timeout_ns=100 * MS)
    samples = drive(
        scenario(open_load(stage(10, 1)), (retried,)),
        "fake://?latency=1ms&error=100%&retryable=yes",
    )
    assert set(samples.failures) == {"timeout"}
    assert sum(samples.tries) == samples.served == 10


def test_a_worker_without_a_share_of_the_iterations_drives_the_stages_before() -> None:
    load = closed_load(stage(2, 1), stage(2, None, iterations=1, name="counted"))
    workload = need(open_target("fake://?latency=10ms").workload)
    plan = worker.Plan(scenario(load), pacing.layout(load), workload, connections=2, workers=2)
    samples = Samples()
    assert worker.Worker(plan, 1, Told(samples)).run(0) == "done"
    assert len(samples.table) == 100


@pytest.mark.parametrize("model", ["open", "closed"])
def test_a_worker_that_begins_late_is_the_generators_delay(model: str) -> None:
    load = open_load(stage(100, 1)) if model == "open" else closed_load(stage(1, 1))
    samples = drive(scenario(load), "fake://?latency=1ms", begin_at_ns=35 * MS)
    late = [35 * MS, 25 * MS, 15 * MS, 5 * MS, 0] if model == "open" else [35 * MS, 0]
    assert samples.lag[: len(late)] == samples.delay[: len(late)] == late


def test_failures_of_ever_new_names_are_one_kind_in_the_end() -> None:
    """A script on the server may make an error's name of anything, an id for example."""
    session = FakeSession(Script({"": lambda _: MS // 2}, {"": 0.0}), ())
    names = (Failure(f"no_{number}", "no") for number in itertools.count())
    session.operations = [Compiled("read", lambda: "read", lambda _: next(names))]
    samples = Samples()
    engine = Engine(session, itertools.repeat(0), [Rules(S, Retry())], Told(samples))
    engine.connect(1)
    engine.policy = OpenArrivals(engine, iter(range(0, 70 * S, MS)), S)
    assert engine.run() == "done"
    counts = Counter(samples.failures)
    assert set(samples.tries) == {1}
    assert counts["other"] == 70_000 - MOST_OUTCOMES
    assert len(counts) == MOST_OUTCOMES + 1


def test_what_the_warm_up_leaves_waiting_does_not_delay_the_load() -> None:
    """Ten times what the server can do in the warm-up, half of it in the load."""
    load = open_load(stage(50, 10), connections=1, warmup_ns=5 * S)
    schedule_with_a_hot_start = load.model_copy(
        update={"stages": (stage((1000, 50), 0.1, name="hot"), stage(50, 10))}
    )
    samples = drive(scenario(schedule_with_a_hot_start), "fake://?latency=10ms")
    assert samples.dropped > 4000
    measured = [
        lag for lag, due in zip(samples.lag, samples.column("due"), strict=True) if due >= 5 * S
    ]
    assert max(measured) < S
