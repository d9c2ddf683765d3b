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

from tests.benchmarks import ours, peers
from tests.servers.mongo import run_mongo
from tests.servers.postgres import run_postgres
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
        server = self._stack.enter_context(
            run_postgres(self._room, settings={"shared_buffers": "512MB"})
        )
        peers.pgbench_data(server, 20)
        select = {
            "name": "select",
            "sql": "SELECT abalance FROM pgbench_accounts WHERE aid = :aid",
            "params": {"aid": {"uniform": [1, 2_000_000]}},
        }
        scenario = ours.closed(server.url, [select], 16, self.seconds)
        yield self.versus(
            "PostgreSQL `select-only`, scale 20, 16 connections, prepared, against pgbench -j 1",
            0.85,
            lambda: ours.rate(scenario),
            lambda: peers.pgbench(server, self.seconds),
        )

    def redis(self) -> Iterator[Row]:
        server = self._stack.enter_context(run_redis(self._room))
        scenario = ours.closed(server.url, [REDIS_GET], 50, self.seconds)
        requests = 100_000 * round(self.seconds)
        yield self.versus(
            "Redis GET, 50 connections, against redis-benchmark",
            1.0,
            lambda: ours.rate(scenario),
            lambda: peers.redis_benchmark(server, requests),
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


NAMES = ("postgresql", "redis", "mongodb", "sqlite", "locust", "open", "memory", "help")


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
