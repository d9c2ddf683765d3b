"""The sampler on this machine, on real processes and on a real server that hangs and comes back."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import psutil
import pytest
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import Metrics, MetricSource, Missing
from perfkit.backends.waiting import system_clock
from perfkit.drive import resources
from perfkit.drive.host import Host, ServerProcesses
from perfkit.drive.resources import Sampler, top_statements
from perfkit.results import Series, Statement
from perfkit.units import NS_PER_MS
from tests.servers.process import Server, StartServer

RATIOS = ("cpu", "cpu_busiest_core", "memory")


def by_name(series: tuple[Series, ...]) -> dict[str, Series]:
    return {each.name: each for each in series}


def metrics_of(server: Server) -> Metrics:
    return metrics_at(server.url)


def metrics_at(url: str) -> Metrics:
    metrics = open_target(url).metrics
    assert not isinstance(metrics, Missing)
    return metrics


def until(condition: Callable[[], bool], patience_s: float = 15) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@contextmanager
def program(source: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that says "ready" when it is; it ends with the block, its children with it."""
    command = [sys.executable, "-c", source]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()


# -- the host -------------------------------------------------------------------------------------


def test_the_host_tells_its_numbers() -> None:
    host = Host()
    host.sample(system_clock())
    time.sleep(0.2)
    found = {metric.name: metric for metric in host.sample(system_clock())}
    assert all(0 <= (found[name].value or 0) <= 1 for name in RATIOS)
    assert (found["cpu"].value or 0) <= (found["cpu_busiest_core"].value or 0)
    total = (found["memory_used"].value or 0) + (found["memory_available"].value or 0)
    assert total == psutil.virtual_memory().total
    assert {"swap_used", "load1", "net_received", "net_sent"} <= found.keys()


def test_the_first_sample_has_no_cpu_because_that_needs_two() -> None:
    values = {metric.name: metric.value for metric in Host().sample(system_clock())}
    assert values["cpu"] is values["cpu_busiest_core"] is None
    assert values["memory"] is not None


# -- the server's processes -----------------------------------------------------------------------


def cpu_and_rss(processes: ServerProcesses) -> tuple[float | None, float | None]:
    """CPU seconds so far, and bytes."""
    found = {metric.name: metric.value for metric in processes.sample()}
    return found["cpu"], found["rss"]


def test_the_cpu_of_a_servers_children_is_the_servers() -> None:
    busy_child = """
import os
if os.fork():
    print("ready", flush=True)
    os.wait()
while True: pass
"""
    with program(busy_child) as server:
        processes = ServerProcesses([server.pid])
        before, _ = cpu_and_rss(processes)
        time.sleep(1)
        cpu, rss = cpu_and_rss(processes)
    assert before is not None
    assert cpu is not None
    assert 0.2 < cpu - before < 1.5
    assert rss is not None
    assert rss > 1_000_000


def test_the_cpu_of_a_child_that_ended_is_not_lost() -> None:
    child_for_a_while = """
import os, sys, time
print("ready", flush=True)
sys.stdin.readline()
if not os.fork():
    while time.process_time() < 0.3: pass
    os._exit(0)
os.wait()
print("ready", flush=True)
sys.stdin.readline()
"""
    with program(child_for_a_while) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        processes = ServerProcesses([server.pid])
        before, _ = cpu_and_rss(processes)
        server.stdin.write("\n")
        server.stdin.flush()
        server.stdout.readline()
        cpu, _ = cpu_and_rss(processes)
    assert before is not None
    assert cpu is not None
    assert 0.2 < cpu - before < 0.6


def test_shared_memory_is_counted_once() -> None:
    three_that_share = """
import mmap, os, time
shared = mmap.mmap(-1, 64 << 20)
shared.write(b"x" * (64 << 20))
for _ in range(2):
    if not os.fork():
        sum(shared[::4096])
        break
else:
    time.sleep(0.5)
    print("ready", flush=True)
time.sleep(60)
"""
    with program(three_that_share) as server:
        _, rss = cpu_and_rss(ServerProcesses([server.pid]))
    assert rss is not None
    assert 64 << 20 < rss < 128 << 20


def test_a_server_that_is_gone_has_no_values() -> None:
    with program("print('ready', flush=True); input()") as server:
        processes = ServerProcesses([server.pid])
        processes.sample()
    assert cpu_and_rss(processes) == (None, None)


def test_cpu_and_memory_are_parts_of_what_the_machine_has() -> None:
    found = {metric.name: metric.value for metric in ServerProcesses([os.getpid()]).sample()}
    cores, memory_bytes = psutil.cpu_count(), psutil.virtual_memory().total
    assert (found["cpu_ratio"] or 0) * (cores or 1) == pytest.approx(found["cpu"])
    assert (found["memory_ratio"] or 0) * memory_bytes == pytest.approx(found["rss"])


def test_a_server_elsewhere_has_reasons_in_place_of_values() -> None:
    found = ServerProcesses([]).sample()
    assert {metric.name for metric in found} == {"cpu", "cpu_ratio", "rss", "memory_ratio"}
    assert all(metric.why and "another machine" in metric.why for metric in found)


# -- the sampler ----------------------------------------------------------------------------------


def test_without_a_server_the_host_is_sampled() -> None:
    sampler = Sampler(None)
    sampler.start()
    time.sleep(1.2)
    sampled, caveats = sampler.stop()
    memory = by_name(sampled.host)["memory"]
    assert [round(t_s) for t_s, _ in memory.points] == [0, 1]
    assert by_name(sampled.host)["cpu"].mean is not None
    assert (sampled.server, sampled.statements, caveats) == ((), (), ())


def test_it_stops_at_once() -> None:
    sampler = Sampler(None)
    sampler.start()
    before = time.monotonic()
    sampler.stop()
    assert time.monotonic() - before < 0.3


def test_a_run_shorter_than_a_second_still_has_its_rates() -> None:
    sampler = Sampler(None)
    sampler.start()
    time.sleep(0.7)
    sampled, _ = sampler.stop()
    assert by_name(sampled.host)["cpu"].mean is not None


def test_a_last_interval_too_short_for_rates_is_left_out() -> None:
    sampler = Sampler(None)
    sampler.start()
    time.sleep(0.2)
    sampled, _ = sampler.stop()
    assert len(by_name(sampled.host)["memory"].points) == 1


def test_what_the_server_cannot_tell_is_a_caveat() -> None:
    sampler = Sampler(Missing("server metrics", "this server keeps none"))
    sampler.start()
    _, caveats = sampler.stop()
    assert [(c.code, c.message) for c in caveats] == [
        ("no_server_metrics", "server metrics: this server keeps none")
    ]


class Refusing:
    """Metrics whose driver raises an error of its own, with a secret in it."""

    server_pid: int | None = None

    @contextmanager
    def open(self) -> Iterator[MetricSource]:
        self._refuse()
        yield  # never reached

    def _refuse(self) -> NoReturn:
        raise LookupError("user=app password=hunter2")


def test_an_error_of_a_driver_is_one_caveat_without_its_words() -> None:
    sampler = Sampler(Refusing())
    sampler.start()
    time.sleep(1.1)
    sampled, caveats = sampler.stop()
    assert [caveat.code for caveat in caveats] == ["server_metrics_incomplete"]
    assert "LookupError" in caveats[0].message
    assert "hunter2" not in caveats[0].message
    assert sampled.server == ()
    assert len(by_name(sampled.host)["memory"].points) == 2


def test_the_servers_metrics_and_statements_are_those_of_the_run(redis_server: Server) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("before", 1)
        sampler = Sampler(metrics_of(redis_server))
        sampler.start()
        for number in range(500):
            client.set("key", number)
        time.sleep(1.1)
        sampled, caveats = sampler.stop()
    assert caveats == ()
    server = by_name(sampled.server)
    assert (server["redis_commands_processed_total"].maximum or 0) > 300
    assert server["redis_commands_processed_total"].unit == "per_s"
    assert server["cpu"].unit == "cores"
    assert (server["rss"].mean or 0) > 1_000_000
    assert {each.statement: each.calls for each in sampled.statements}["SET"] == 500


def test_the_hit_ratio_is_of_the_lookups_of_the_run(redis_server: Server) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("here", 1)
        for _ in range(1000):
            client.get("missing before the run")
        sampler = Sampler(metrics_of(redis_server))
        sampler.start()
        client.mget(["here"] * 300 + ["missing"] * 100)
        time.sleep(1.1)
        sampled, _ = sampler.stop()
    assert by_name(sampled.server)["hit_ratio"].mean == pytest.approx(0.75)


@pytest.mark.parametrize("name", ["redis_server", "mongo"])
def test_a_server_out_of_sight_tells_of_its_own_cpu_and_memory(
    request: pytest.FixtureRequest, name: str
) -> None:
    metrics = metrics_of(request.getfixturevalue(name))
    metrics.server_pid = None  # as in a container
    sampler = Sampler(metrics)
    sampler.start()
    time.sleep(1.1)
    sampled, _ = sampler.stop()
    server = by_name(sampled.server)
    assert (server["rss"].mean or 0) > 1_000_000
    assert 0 < (server["memory_ratio"].mean or 0) < 1
    assert (server["cpu"].mean or 0) > 0
    assert ("cpu_ratio" in server) == ("cpu_ratio" not in sampled.absent)


def test_a_server_out_of_sight_that_does_not_tell_has_reasons(postgres: Server) -> None:
    metrics = metrics_of(postgres)
    metrics.server_pid = None
    sampler = Sampler(metrics)
    sampler.start()
    sampled, _ = sampler.stop()
    assert sampled.absent.keys() == {"cpu", "cpu_ratio", "rss", "memory_ratio"}
    assert not sampled.absent.keys() & by_name(sampled.server).keys()


def test_a_database_inside_the_workers_has_their_cpu_and_memory(sqlite_url: str) -> None:
    with program("print('ready', flush=True); input()") as worker:
        sampler = Sampler(metrics_at(sqlite_url), pids=[worker.pid])
        sampler.start()
        sampled, _ = sampler.stop()
    assert (by_name(sampled.server)["rss"].last or 0) > 1_000_000
    assert sampled.absent.keys() == {"hit_ratio"}


def test_a_snapshot_shows_what_was_sampled_so_far(redis_server: Server) -> None:
    sampler = Sampler(metrics_of(redis_server))
    sampler.start()
    assert "redis_connected_clients" in by_name(sampler.snapshot().server)
    sampler.stop()


def test_the_warm_up_is_in_no_number(redis_server: Server) -> None:
    with Redis.from_url(redis_server.url) as client:
        sampler = Sampler(metrics_of(redis_server))
        sampler.start(warmup_ns=700 * NS_PER_MS)
        for _ in range(300):
            client.get("warm")
        time.sleep(1.1)
        client.set("warm", 1)
        time.sleep(1)
        sampled, _ = sampler.stop()
    assert all(t_s > 0.5 for t_s, _ in by_name(sampled.host)["cpu"].points)
    assert all(t_s > 0.5 for t_s, _ in by_name(sampled.server)["redis_connected_clients"].points)
    calls = {each.statement: each.calls for each in sampled.statements}
    assert calls.get("SET", 0) == 1
    assert "GET" not in calls


def test_a_server_that_hangs_costs_values_and_one_caveat(private_redis: StartServer) -> None:
    server = private_redis()
    sampler = Sampler(metrics_of(server))
    sampler.start()
    server.pause()
    until(lambda: len(by_name(sampler.snapshot().host)["memory"].points) >= 4)
    before = time.monotonic()
    sampled, caveats = sampler.stop()
    took_s = time.monotonic() - before
    server.resume()
    assert took_s < 2.5
    assert [caveat.code for caveat in caveats] == ["server_metrics_incomplete"]
    assert by_name(sampled.server)["redis_connected_clients"].points[-1][1] is None


def test_a_server_that_comes_back_is_sampled_again(
    private_redis: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_REST", 0)
    server = private_redis()
    sampler = Sampler(metrics_of(server))
    sampler.start()

    def clients() -> list[float | None]:
        points = by_name(sampler.snapshot().server)["redis_connected_clients"].points
        return [value for _, value in points]

    server.kill()
    until(lambda: None in clients())
    server.start()
    until(lambda: clients()[-1] is not None)
    _, caveats = sampler.stop()
    assert [caveat.code for caveat in caveats] == ["server_metrics_incomplete"]


# -- statements -----------------------------------------------------------------------------------


def statement(calls: int, total_ms: float, rows: int | None = None, text: str = "S") -> Statement:
    return Statement(text, calls, total_ms, total_ms / calls if calls else 0.0, rows)


def test_a_statement_counts_by_what_it_grew() -> None:
    found = top_statements({"a": statement(10, 100, 5)}, {"a": statement(14, 120, 25)})
    assert found == (statement(4, 20, 20),)


def test_a_statement_that_did_not_run_is_left_out() -> None:
    assert top_statements({"a": statement(10, 100)}, {"a": statement(10, 100)}) == ()


def test_a_statement_counts_in_full_when_the_statistics_were_reset() -> None:
    assert top_statements({"a": statement(10, 100)}, {"a": statement(3, 7)}) == (statement(3, 7),)


def test_the_ten_that_took_longest_are_told() -> None:
    after = {str(n): statement(1, n, text=str(n)) for n in range(30)}
    assert [each.total_ms for each in top_statements({}, after)] == list(range(29, 19, -1))
