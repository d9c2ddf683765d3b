"""The tools that perfkit is measured against, each at its own best settings for one client process."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.postgres import postgres_program
from tests.servers.process import Server

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def pgbench(url: str, script: str, seconds: float) -> float:
    """Transactions a second of one of pgbench's own scripts, prepared, 16 connections, one thread."""
    options = f"-b {script} -M prepared -c 16 -j 1 -T {round(seconds)}"
    out = _run([str(postgres_program("pgbench")), *options.split(), url])
    return _number(r"tps = ([\d.]+)", out)


def sysbench(url: str, script: str, seconds: float) -> float:
    """Transactions a second of a script of sysbench, 16 threads with a connection each."""
    run = ["--threads=16", f"--time={round(seconds)}", "--rand-type=uniform", "run"]
    return _number(r"transactions:\s+\d+\s+\(([\d.]+) per sec", _sysbench(url, script, *run))


def sysbench_data(url: str, script: str) -> None:
    """sysbench's table of 10,000 rows, as sysbench makes it."""
    _sysbench(url, script, "prepare")


def _sysbench(url: str, script: str, *command: str) -> str:
    server = urlsplit(url)
    where = {
        "host": server.hostname,
        "port": server.port,
        "user": server.username,
        "password": server.password,
        "db": server.path.removeprefix("/"),
    }
    options = [f"--pgsql-{name}={value}" for name, value in where.items()]
    return _run(["sysbench", script, "--db-driver=pgsql", *options, *command])


def redis_benchmark(server: Server, requests: int, command: list[str], pipeline: int) -> float:
    """Commands a second over 100,000 keys, 50 connections."""
    options = f"-h 127.0.0.1 -p {server.port} -c 50 -r 100000 -P {pipeline} -n {requests} -q"
    out = _run(["redis-benchmark", *options.split(), *command])
    return _number(r"([\d.]+) requests per second", out)


def pymongo_threads(server: Server, seconds: float) -> float:
    """Finds by _id a second of 16 threads with PyMongo."""
    return _script(_PYMONGO, server.url, str(seconds))


def sqlite_loop(path: str, seconds: float) -> float:
    """Point reads a second of a bare loop over the sqlite3 module."""
    return _script(_SQLITE, path, str(seconds))


def locust(server: Server, seconds: float) -> float:
    """Operations a second of the same Redis mix as a Locust user with redis-py."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "locustfile.py"
        file.write_text(_LOCUST)
        command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--json"]
        command += ["-u", "50", "-r", "50", "-t", f"{round(seconds)}s", "-H", server.url]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
        entries = json.loads(done.stdout)
    total = sum(entry["num_requests"] for entry in entries)
    start = min(entry["start_time"] for entry in entries)
    end = max(entry["last_request_timestamp"] for entry in entries)
    return float(total / (end - start))


def _script(text: str, *arguments: str) -> float:
    return float(_run([sys.executable, "-c", text, *arguments]).split()[-1])


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command,
        check=True,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.findall(pattern, text)
    if not found:
        raise RuntimeError(f"no {pattern!r} in {text!r}")
    return float(found[-1])


_PYMONGO = """
import random, sys, threading, time
from pymongo import MongoClient
url, seconds = sys.argv[1], float(sys.argv[2])
client = MongoClient(url, maxPoolSize=16)
kv = client.get_default_database("test").kv
counts = [0] * 16
end = time.perf_counter() + seconds
def work(number):
    n, rnd = 0, random.random
    while time.perf_counter() < end:
        kv.find_one({"_id": int(rnd() * 100000) + 1})
        n += 1
    counts[number] = n
threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
start = time.perf_counter()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(counts) / (time.perf_counter() - start))
"""

_SQLITE = """
import random, sqlite3, sys, time
path, seconds = sys.argv[1], float(sys.argv[2])
db = sqlite3.connect(path, isolation_level=None)
rnd, execute, n = random.random, db.execute, 0
start = time.perf_counter()
end = start + seconds
while time.perf_counter() < end:
    for _ in range(1000):
        execute("SELECT v FROM kv WHERE id = ?", (int(rnd() * 100000) + 1,)).fetchall()
    n += 1000
print(n / (time.perf_counter() - start))
"""

_LOCUST = """
import random, time
from urllib.parse import urlsplit
import redis
from locust import User, constant, task

class Cache(User):
    wait_time = constant(0)

    def on_start(self):
        address = urlsplit(self.host)
        self.redis = redis.Redis(host=address.hostname, port=address.port)

    def timed(self, name, call, *arguments):
        start = time.perf_counter()
        error = None
        try:
            call(*arguments)
        except Exception as caught:
            error = caught
        self.environment.events.request.fire(
            request_type="redis", name=name, response_length=0, exception=error,
            response_time=(time.perf_counter() - start) * 1000,
        )

    @task(80)
    def read(self):
        self.timed("get", self.redis.get, f"key:{random.randint(1, 100000)}")

    @task(20)
    def write(self):
        self.timed("set", self.redis.set, f"key:{random.randint(1, 100000)}", "x" * 100)
"""
