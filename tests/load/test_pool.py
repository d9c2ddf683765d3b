"""Users who share a pool of connections, on a virtual clock: exact to the nanosecond."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.backends.base import need
from perfkit.backends.fake import open_target
from perfkit.drive.preparation import plan_of
from perfkit.load import pacing, worker
from perfkit.scenario import Load, Operation
from perfkit.scenario.values import Constant
from tests.load.driving import MS, S, Samples, Told, closed_load, drive, scenario, stage

FIVE_USERS_A_CONNECTION = closed_load(stage(10, 1), connections=2)


def test_users_wait_in_line_for_a_connection() -> None:
    """Ten users, two connections, 1 ms of work: everybody waits for the four before at each."""
    samples = drive(scenario(FIVE_USERS_A_CONNECTION), "fake://?latency=1ms")
    assert len(samples.table) == 2000 + 8  # those that were due by the end
    assert set(samples.service) == {MS}
    assert samples.lag[:10] == [0, 0, MS, MS, 2 * MS, 2 * MS, 3 * MS, 3 * MS, 4 * MS, 4 * MS]
    assert set(samples.lag[10:]) == {4 * MS}
    assert set(samples.response[10:]) == {5 * MS}


def test_waiting_for_a_connection_is_not_the_generators_delay() -> None:
    samples = drive(scenario(FIVE_USERS_A_CONNECTION), "fake://?latency=1ms")
    assert set(samples.delay) == {0}


def test_a_worker_that_begins_late_is_the_generators_delay() -> None:
    samples = drive(scenario(FIVE_USERS_A_CONNECTION), begin_at_ns=35 * MS)
    assert samples.delay[:3] == [35 * MS, 35 * MS, 0]
    assert samples.lag[:3] == [35 * MS, 35 * MS, 36 * MS]


def test_no_more_than_the_connections_work_at_a_time() -> None:
    samples = drive(scenario(FIVE_USERS_A_CONNECTION), "fake://?latency=uniform:1ms..9ms")
    edges = sorted(
        [(start, 1) for start in samples.column("start")] + [(e, -1) for e in samples.column("end")]
    )
    running = most = 0
    for _, step in edges:
        running += step
        most = max(most, running)
    assert most == 2


def test_a_pool_that_is_large_enough_for_users_who_think_costs_nothing() -> None:
    """Ten users who come one after the other and think nine times as long as they are served."""
    load = closed_load(stage((0, 10), 0.01), stage(10, 1), think=Constant(value=0.009))
    own = drive(scenario(load))
    pooled = drive(scenario(load.model_copy(update={"connections": 1})))
    assert set(pooled.lag) == {0}
    assert pooled.column("due") == own.column("due")


def test_users_who_think_are_due_when_they_have_thought() -> None:
    """Two users on one connection: the first is due while the second is served, and the reverse."""
    load = closed_load(stage(2, 1), connections=1, think=Constant(value=0.005))
    samples = drive(scenario(load), "fake://?latency=10ms")
    assert samples.column("due")[:5] == [0, 0, 15 * MS, 25 * MS, 35 * MS]
    assert samples.lag[:5] == [0, 10 * MS, 5 * MS, 5 * MS, 5 * MS]


def test_users_of_a_ramp_begin_at_their_exact_time_and_leave_when_it_falls() -> None:
    load = closed_load(stage((0, 4), 4), stage((4, 0), 4, name="down"), connections=2)
    samples = drive(scenario(load), "fake://?latency=250ms")
    due = samples.column("due")
    assert [due.count(k * S) for k in (1, 2)] == [2, 2 + 1]  # the newcomer and who was answered
    assert 7 * S <= max(due) < 8 * S
    in_the_middle = [lag for lag, d in zip(samples.lag, due, strict=True) if 3.5 * S < d < 4.5 * S]
    assert set(in_the_middle) == {250 * MS}  # four users, two connections: one before at each


def test_iterations_are_counted_over_all_users() -> None:
    samples = drive(scenario(closed_load(stage(7, None, iterations=1000), connections=3)))
    assert len(samples.table) == 1000
    assert samples.why == "done"


def test_iterations_do_not_count_the_stages_before() -> None:
    load = closed_load(stage(4, 1), stage(4, None, iterations=10, name="counted"), connections=2)
    samples = drive(scenario(load), "fake://?latency=10ms")
    assert sum(due >= S for due in samples.column("due")) == 10
    assert sum(due < S for due in samples.column("due")) == 202


def test_a_stopped_load_forgets_who_waits() -> None:
    load = closed_load(stage(10, 60), connections=2)
    samples = drive(scenario(load), "fake://?latency=1s", stop_at_ns=5 * S + MS)
    assert samples.why == "stopped"
    assert len(samples.table) == samples.served == 12
    assert samples.failures.count("unfinished") == 2


def test_a_user_whose_connection_breaks_goes_on_with_another() -> None:
    load = closed_load(stage(5, 10), connections=3)
    samples = drive(scenario(load), "fake://?latency=10ms&lose=5%")
    assert samples.failures.count("connection_lost") > 50
    assert len(samples.table) == samples.served
    assert samples.why == "done"
    assert max(samples.column("end")) < 10 * S + 50 * MS


def test_a_user_whose_time_is_up_goes_on_with_another() -> None:
    slow = Operation(name="slow", sql="SELECT pg_sleep(1e9)", timeout_ns=50 * MS)
    load = closed_load(stage(3, 1), connections=2)
    samples = drive(scenario(load, (slow,)), "fake://?latency=1000h")
    assert set(samples.failures) == {"timeout"}
    assert len(samples.table) == 40 + 2 - 1  # two each 50 ms; of those due by the end one is third


def test_a_target_that_comes_back_costs_errors_only() -> None:
    load = closed_load(stage(6, 30), connections=2)
    samples = drive(scenario(load), "fake://?latency=20ms&down=5s..12s")
    assert samples.why == "done"
    assert 7 * S <= max(samples.response) < 9 * S


def test_a_target_that_stays_gone_ends_the_run() -> None:
    load = closed_load(stage(6, 60), connections=2)
    assert drive(scenario(load), "fake://?down=5s..").why.startswith("gone")


@settings(max_examples=30, deadline=None)
@given(
    users=st.integers(2, 30),
    connections=st.integers(1, 29),
    latency_ms=st.integers(1, 40),
    think_ms=st.integers(0, 60),
    lose=st.sampled_from(["", "&lose=5%"]),
)
def test_the_times_add_up_and_a_user_wants_one_thing_at_a_time(
    users: int, connections: int, latency_ms: int, think_ms: int, lose: str
) -> None:
    think = Constant(value=think_ms / 1000) if think_ms else None
    load = closed_load(stage(users, 2), connections=connections, think=think)
    samples = drive(scenario(load), f"fake://?latency={latency_ms}ms{lose}")
    assert samples.why == "done"
    assert len(samples.table) == samples.served
    assert samples.response == [a + b for a, b in zip(samples.lag, samples.service, strict=True)]
    assert min(samples.lag) >= 0
    wants = Counter(samples.column("due"))
    wants.subtract(samples.column("end"))
    wanting = most = 0
    for at in sorted(wants):
        wanting += wants[at]
        most = max(most, wanting)
    assert most <= users


@pytest.mark.parametrize(
    ("users", "connections", "workers"), [(10, 2, 2), (10, 3, 2), (100, 7, 4), (8, 8, 3), (5, 4, 4)]
)
def test_every_worker_gets_its_part_of_the_users(
    users: int, connections: int, workers: int
) -> None:
    given_load = closed_load(stage(users, 1), connections=connections)
    workload = need(open_target("fake://").workload)
    plan = worker.Plan(
        scenario(given_load), pacing.layout(given_load), workload, connections, workers
    )
    of_each = [plan.users(number) for number in range(workers)]
    assert sorted(user for each in of_each for user in each) == list(range(users))
    for number, mine in enumerate(of_each):
        pool = plan.share(number, connections)
        assert pool * (users // connections) <= len(mine) <= pool * -(-users // connections)


def test_the_pools_of_two_workers_are_two_loads() -> None:
    load = closed_load(stage(6, 1), connections=3)
    workload = need(open_target("fake://?latency=10ms").workload)
    plan = worker.Plan(scenario(load), pacing.layout(load), workload, connections=3, workers=2)
    sent = []
    for number in (0, 1):
        samples = Samples()
        assert worker.Worker(plan, number, Told(samples)).run(0) == "done"
        sent.append(len(samples.table))
        assert set(samples.lag[4:]) == {10 * MS}
    assert sent == [202, 101]


@pytest.mark.parametrize(("asked", "opened"), [(None, 10), (2, 2), (50, 10)])
def test_a_closed_load_opens_no_more_connections_than_it_has_users(
    asked: int | None, opened: int
) -> None:
    load = Load(model="closed", stages=(stage(10, 1),), connections=asked)
    target = open_target("fake://")
    plan = plan_of(scenario(load), need(target.workload), target)
    assert plan.connections == opened
    assert plan.workers == 1
