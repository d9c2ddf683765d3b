"""Worker processes against a real server: nothing is lost, and nothing is left behind."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import redis

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.errors import TargetError, UsageError
from perfkit.load import fleet, pacing, worker
from perfkit.load.recorder import Recorder
from perfkit.scenario import Operation, Scenario
from perfkit.scenario.values import Latest, Uniform
from tests.load.driving import closed_load, open_load, scenario, stage
from tests.servers.process import Server, StartServer

GET = Operation(name="get", redis=(("GET", "key:{id}"),), params={"id": Uniform(range=(1, 10))})
WRONG = Operation(name="wrong", redis=(("LPUSH", "text", "x"),))


def plan_for(given: Scenario, url: str, workers: int) -> worker.Plan:
    schedule = pacing.layout(given.load)
    connections = given.load.connections or pacing.peak_users(schedule)
    return worker.Plan(given, schedule, need(open_target(url).workload), connections, workers)


def calls(server: Server, command: str) -> int:
    with redis.Redis(port=server.port) as client:
        stats = client.info("commandstats").get(f"cmdstat_{command}", {})
        return int(stats.get("calls", 0) + stats.get("rejected_calls", 0))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("model", ["open", "closed"])
def test_the_sum_over_workers_is_the_servers_own_count_errors_included(
    private_redis: StartServer, workers: int, model: str
) -> None:
    server = private_redis()
    with redis.Redis(port=server.port) as client:
        client.set("text", "not a list")
    load = (
        open_load(stage(1500, 1), connections=10) if model == "open" else closed_load(stage(10, 1))
    )
    plan = plan_for(scenario(load, (GET, WRONG)), server.url, workers)
    recorder = Recorder(2, plan.schedule, workers)
    crew = fleet.start(plan, recorder)
    before = calls(server, "get"), calls(server, "lpush")
    ended = crew.run(recorder.close_seconds)
    recorder.finish()
    crew.close()
    counted = tuple(recorder.of([0], number).count for number in (0, 1))
    assert counted == (calls(server, "get") - before[0], calls(server, "lpush") - before[1])
    assert recorder.of([0], 1).errors == counted[1]
    assert sum(recorder.worker_count(number) for number in range(workers)) == sum(counted)
    assert {end.why for end in ended} == {"done"}
    if model == "open":
        assert sum(counted) == 1500


def test_a_worker_that_dies_is_named_and_ends_the_run(private_redis: StartServer) -> None:
    server = private_redis()
    plan = plan_for(scenario(closed_load(stage(4, 30)), (GET,)), server.url, 2)
    recorder = Recorder(1, plan.schedule, 2)
    crew = fleet.start(plan, recorder)
    victim = psutil.Process().children()[-1]

    def kill_once() -> None:
        recorder.close_seconds()
        if victim.is_running() and recorder.seconds:
            os.kill(victim.pid, signal.SIGKILL)

    began = time.monotonic()
    ended = crew.run(kill_once)
    crew.close()
    assert time.monotonic() - began < 10
    assert {end.why for end in ended} == {"died: signal SIGKILL", "stopped"}
    assert [end.pid for end in ended if end.why.startswith("died")] == [victim.pid]
    assert recorder.of([0]).count > 0


def test_a_target_that_refuses_a_connection_is_told_before_the_load(
    private_redis: StartServer,
) -> None:
    server = private_redis(settings={"maxclients": "20"})
    plan = plan_for(scenario(closed_load(stage(100, 1)), (GET,)), server.url, 2)
    with pytest.raises(TargetError):
        fleet.start(plan, Recorder(1, plan.schedule, 2))
    assert not [child for child in psutil.Process().children() if "perfkit" in child.name()]


def test_a_worker_that_is_stuck_does_not_keep_a_run_from_ending(
    private_redis: StartServer,
) -> None:
    server = private_redis()
    plan = plan_for(scenario(closed_load(stage(4, 60)), (GET,)), server.url, 2)
    crew = fleet.start(plan, Recorder(1, plan.schedule, 2))
    stuck = psutil.Process().children()[-1]

    def stop() -> None:
        stuck.suspend()
        crew.stop()

    began = time.monotonic()
    ended = crew.run(stop)
    crew.close()
    assert time.monotonic() - began < 8
    assert {end.why for end in ended} == {"died: it was stuck and was killed", "stopped"}


def test_a_run_that_is_stopped_before_it_began_ends_without_a_request(
    private_redis: StartServer,
) -> None:
    server = private_redis()
    plan = plan_for(scenario(closed_load(stage(4, 60)), (GET,)), server.url, 2)
    crew = fleet.start(plan, Recorder(1, plan.schedule, 2))
    crew.stop()
    ended = crew.run(lambda: None)
    crew.close()
    assert {end.why for end in ended} == {"stopped"}
    assert calls(server, "get") == 0


def test_what_a_worker_finds_wrong_with_the_scenario_is_an_error_of_the_scenario(
    private_redis: StartServer,
) -> None:
    newest = Latest(range=(1, 10), of="orders")  # which no operation inserts
    given = scenario(closed_load(stage(1, 1)), (GET.model_copy(update={"params": {"id": newest}}),))
    plan = plan_for(given, private_redis().url, 1)
    with pytest.raises(UsageError):
        fleet.start(plan, Recorder(1, plan.schedule, 1))


def test_no_worker_outlives_a_parent_that_was_killed(
    private_redis: StartServer, tmp_path: Path
) -> None:
    server = private_redis()
    pids = tmp_path / "pids"
    parent = os.fork()
    if parent == 0:  # pragma: no cover  a process of its own
        plan = plan_for(scenario(closed_load(stage(4, 60)), (GET,)), server.url, 2)
        recorder = Recorder(1, plan.schedule, 2)
        crew = fleet.start(plan, recorder)
        pids.write_text(" ".join(str(child.pid) for child in psutil.Process().children()))
        crew.run(recorder.close_seconds)
        os._exit(0)
    while not pids.exists() or len(pids.read_text().split()) < 2:
        time.sleep(0.05)
    time.sleep(0.5)
    workers = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert (len(gone), alive) == (2, [])
