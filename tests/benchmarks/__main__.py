"""Runs the benchmarks and prints a row for each: what was measured, against whom, what is asked."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import error_rates, ours, peers
from tests.servers.mongo import run_mongo
from tests.servers.postgres import empty_postgres, run_postgres
from tests.servers.process import Server
from tests.servers.redis import run_redis
from tests.servers.room import open_room

UNIFORM = {"uniform": [1, 100000]}
REDIS_GET = {"name": "get", "redis": ["GET", "key:{id}"], "params": {"id": UNIFORM}}
REDIS_SET = {"name": "set", "redis": ["SET", "key:{id}", "x" * 100], "params": {"id": UNIFORM}}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    asked: str
    measured: str
    holds: bool


class Bench:
    """The servers of one run, started when a benchmark first needs one, and how long to measure."""

    def __init__(self, stack: ExitStack, rounds: int, seconds: float) -> None:
        self._stack = stack
        self._room = stack.enter_context(open_room())
        self.rounds = rounds
        self.seconds = seconds

    def versus(
        self, what: str, least: float, mine: Callable[[], float], peer: Callable[[], float]
    ) -> Row:
        """Both in turn, A B A B …; the median of the ratios, since these machines drift."""
        pairs = [(mine(), peer()) for _ in range(self.rounds)]
        ratios = [a / b for a, b in pairs]
        ratio = statistics.median(ratios)
        a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
        spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
        return Row(
            what,
            f"{least:g} ×",
            f"{ratio:.2f} × ({spread}): {a:,.0f}/s against {b:,.0f}/s",
            ratio >= least,
        )

    def postgresql(self) -> Iterator[Row]:
        url = self._stack.enter_context(empty_postgres(self._postgres()))
        yield self._against_pgbench(url, "select-only", 0.85)
        yield self._against_pgbench(url, "tpcb-like", 0.95)

    def _against_pgbench(self, url: str, workload: str, least: float) -> Row:
        """On the same tables, which perfkit makes and pgbench finds."""
        return self.versus(
            f"PostgreSQL `{workload}`, scale 20, 16 connections, against pgbench -M prepared -j 1",
            least,
            lambda: ours.workload_rate(url, workload, 16, self.seconds, "--scale", "20"),
            lambda: peers.pgbench(url, workload, self.seconds),
        )

    def sysbench(self) -> Iterator[Row]:
        server, workload = self._postgres(), "oltp_read_only"
        mine, other = (self._stack.enter_context(empty_postgres(server)) for _ in range(2))
        peers.sysbench_data(other, workload)
        yield self.versus(
            f"PostgreSQL `{workload}`, 10,000 rows, 16 connections, against sysbench --threads=16",
            0.85,
            lambda: ours.workload_rate(mine, workload, 16, self.seconds),
            lambda: peers.sysbench(other, workload, self.seconds),
        )

    def _postgres(self) -> Server:
        settings = {"shared_buffers": "512MB"}
        return self._stack.enter_context(run_postgres(self._room, settings=settings))

    def redis(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        for command in (["SET", "key:__rand_int__", "VXK"], ["GET", "key:__rand_int__"]):
            yield self._against_redis_benchmark(server, command, 1, 1.0)
            yield self._against_redis_benchmark(server, command, 16, 0.7)

    def _against_redis_benchmark(
        self, server: Server, command: list[str], pipeline: int, least: float
    ) -> Row:
        workload, batch = f"redis-{command[0].lower()}", ["--pipeline", str(pipeline)]
        requests = round(self.seconds * (100_000 if pipeline == 1 else 600_000))
        sent = "one at a time" if pipeline == 1 else f"in pipelines of {pipeline}"
        return self.versus(
            f"Redis {command[0]}, 50 connections, {sent}, against redis-benchmark",
            least,
            lambda: ours.workload_rate(server.url, workload, 50, self.seconds, *batch),
            lambda: peers.redis_benchmark(server, requests, command, pipeline),
        )

    def mongodb(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_mongo(self._room))
        find = {
            "name": "find",
            "mongo": {"find": "kv", "filter": {"_id": "{id}"}, "limit": 1},
            "params": {"id": UNIFORM},
        }
        scenario = ours.closed(server.url, [find], 16, self.seconds)
        ours.loadtest(_with_data(scenario))
        yield self.versus(
            "MongoDB find by `_id`, 16 connections, against 16 PyMongo threads",
            3.0,
            lambda: ours.rate(scenario),
            lambda: peers.pymongo_threads(server, self.seconds),
        )

    def sqlite(self) -> Iterator[Row]:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        path = f"{folder}/bench.db"
        read = {"name": "read", "sql": "SELECT v FROM kv WHERE id = :id", "params": {"id": UNIFORM}}
        scenario = ours.closed(f"sqlite:///{path}", [read], 1, self.seconds)
        ours.loadtest(_with_data(scenario))
        yield self.versus(
            "SQLite point read, one connection, against a bare loop over `sqlite3`",
            0.6,
            lambda: ours.rate(scenario),
            lambda: peers.sqlite_loop(path, self.seconds),
        )

    def locust(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        operations = [{**REDIS_GET, "weight": 80}, {**REDIS_SET, "weight": 20}]
        scenario = ours.closed(server.url, operations, 50, self.seconds)
        yield self.versus(
            "Redis mix of GET and SET, 50 users, against Locust with redis-py",
            9.0,
            lambda: ours.rate(scenario),
            lambda: peers.locust(server, self.seconds),
        )

    def open(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        scenario = ours.closed(server.url, [REDIS_GET], 1, self.seconds)
        stages = [{"name": "steady", "rate": "2000/s", "duration": f"{max(10, self.seconds)}s"}]
        scenario["load"] = {"model": "open", "connections": 50, "warmup": "1s", "stages": stages}
        runs = [ours.loadtest(scenario) for _ in range(self.rounds)]
        lag = statistics.median(run["total"]["lag"]["p99_ms"] for run in runs)
        rate = statistics.median(run["total"]["rate_per_s"] for run in runs)
        yield Row(
            "open load, 2,000 arrivals a second on Redis: p99 lag",
            "< 1 ms",
            f"{lag:.3f} ms",
            lag < 1,
        )
        off = abs(rate / 2000 - 1)
        yield Row(
            "the same: achieved rate",
            "within 0.1 %",
            f"{rate:,.1f}/s ({off:.3%} off)",
            off <= 0.001,
        )

    def memory(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        used = {}
        for count in (1_000_000, 10_000_000):
            scenario = ours.closed(server.url, [REDIS_GET], 50, 1)
            scenario["load"] = {"model": "closed", "stages": [{"users": 50, "iterations": count}]}
            (worker,) = ours.loadtest(scenario, "--processes", "1")["workers"]
            used[count] = worker["rss_max_bytes"] / 2**20
        few, many = used.values()
        yield Row(
            "memory of a worker, 10 million operations",
            "< 120 MiB, flat",
            f"{many:.0f} MiB (after 1 million: {few:.0f} MiB)",
            many < 120 and many < few * 1.05,
        )

    def aa(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        called = error_rates.changes_of_a_load_against_itself(server.url)
        count = error_rates.OF_THE_SAME.comparisons
        yield Row(
            "Redis GET compared with itself, runs of 0.15 s: called a change",
            "at most 1 in 100",
            f"{called} of {count}",
            called <= 0.01 * count,
        )

    def slowdown(self) -> Iterator[Row]:
        with tempfile.NamedTemporaryFile(suffix=".db") as file:  # empty: a database without tables
            found = error_rates.slowdowns_found(f"sqlite:///{file.name}")
        count = error_rates.OF_A_SLOWDOWN.comparisons
        yield Row(
            "a statement of SQLite made 10 % longer, runs of 0.15 s: called slower",
            "95 in 100",
            f"{found} of {count}",
            found >= 0.95 * count,
        )

    def help(self) -> Iterator[Row]:
        took = []
        for _ in range(11):
            start = time.perf_counter()
            subprocess.run([_command(), "--help"], check=True, stdout=subprocess.DEVNULL)
            took.append(time.perf_counter() - start)
        median_s = statistics.median(took[1:])
        yield Row("`perfkit --help`", "< 0.25 s", f"{median_s:.2f} s", median_s < 0.25)


def _command() -> str:
    return str(Path(sys.executable).with_name("perfkit"))


def _with_data(scenario: dict[str, Any]) -> dict[str, Any]:
    """The scenario that makes the data of the others and leaves it there."""
    stages = [{"users": 1, "iterations": 1}]
    return {
        **scenario,
        "data": {"use": "kv", "rows": 100_000, "keep": True},
        "load": {"model": "closed", "stages": stages},
    }


NAMES = (
    "postgresql", "sysbench", "redis", "mongodb", "sqlite", "locust", "open", "memory", "help", "aa",
    "slowdown",
)  # fmt: skip


def main() -> int:
    """Status 1 when a benchmark fell short."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    asked = parser.parse_args()
    short = 0
    print("| on one machine with the server | at least | measured |\n|---|---|---|", flush=True)
    with ExitStack() as stack:
        bench = Bench(stack, asked.rounds, asked.seconds)
        for name in asked.names or NAMES:
            for row in getattr(bench, name)():
                short += not row.holds
                mark = "" if row.holds else " **(short)**"
                print(f"| {row.what} | {row.asked} | {row.measured}{mark} |", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
