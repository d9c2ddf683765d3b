"""`perfkit loadtest` on real servers: its exit statuses, its sentences, and what it leaves behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.command import Command
from tests.servers.process import Server, StartServer

READ = {
    "name": "read",
    "sql": "SELECT v FROM kv WHERE id = :id",
    "params": {"id": {"uniform": [1, 100]}},
}
GET = {"name": "get", "redis": ["GET", "kv:{id}"], "params": {"id": {"uniform": [1, 100]}}}
FIND = {
    "name": "find",
    "mongo": {"find": "kv", "filter": {"_id": "{id}"}},
    "params": {"id": {"uniform": [1, 100]}},
}
BY_SCHEME = {"sqlite": READ, "postgresql": READ, "mongodb": FIND, "redis": GET}
KV = {"use": "kv", "rows": 100}


@pytest.fixture
def perfkit(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capfd, tmp_path)


def closed(users: int, seconds: float) -> dict[str, Any]:
    return {"model": "closed", "stages": [{"users": users, "duration": f"{seconds}s"}]}


# -- the main way -----------------------------------------------------------------------------------


def test_one_scenario_format_and_one_report_on_every_backend(
    perfkit: Command, target_url: str
) -> None:
    operation = {**BY_SCHEME[urlsplit(target_url).scheme], "expect": {"rows": 1}}
    file = perfkit.scenario(data=KV, operations=[operation], thresholds=["total.errors.ratio < 1%"])
    outcome, report = perfkit.report("loadtest", file, "--target", target_url, "--allow-saturated")
    assert outcome.status == 0, outcome.out
    total = report["result"]["total"]
    assert (total["count"], total["errors"], total["tries"]) == (50, 0, 50)
    assert total["response"]["p50_ms"] > 0
    assert [check["passed"] for check in report["checks"]] == [True]


def test_a_failed_check_is_status_1_and_says_what_was_seen(perfkit: Command) -> None:
    file = perfkit.scenario(operations=[READ], thresholds=["read.response.p95 < 1ms"])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://?latency=5ms")
    assert outcome.status == 1
    assert "FAILED" in outcome.out
    assert report["checks"][0]["observed_value"] == 5_000_000


def test_a_check_that_only_warns_does_not_fail(perfkit: Command) -> None:
    check = {"check": "read.response.p95 < 1ms", "severity": "warn"}
    file = perfkit.scenario(operations=[READ], thresholds=[check])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://?latency=5ms")
    assert (outcome.status, report["checks"][0]["passed"]) == (0, False)


def test_a_check_of_an_operation_that_never_ran_fails(perfkit: Command) -> None:
    rare = {**READ, "name": "rare", "weight": 0}
    file = perfkit.scenario(operations=[READ, rare], thresholds=["rare.response.p99 < 1h"])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://")
    assert (outcome.status, report["checks"][0]["observed"]) == (1, "no samples")


def test_an_early_abort_ends_the_load_and_fails(perfkit: Command) -> None:
    load = {"model": "open", "stages": [{"rate": 100, "duration": "60s"}]}
    check = {"check": "total.response.p95 < 1ms", "abort": True, "after": "2s"}
    file = perfkit.scenario(operations=[READ], load=load, thresholds=[check])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://?latency=5ms")
    assert outcome.status == 1
    assert 200 <= report["result"]["total"]["count"] < 600
    assert "aborted" in {caveat["code"] for caveat in report["caveats"]}


def test_a_check_that_ended_the_load_has_failed_whatever_came_after(perfkit: Command) -> None:
    """55 answers in the first second; the others arrive while the load is being ended."""
    load = {"model": "open", "stages": [{"rate": 100, "duration": "60s"}], "connections": 100}
    check = {"check": "total.count > 70", "abort": True}
    file = perfkit.scenario(operations=[READ], load=load, thresholds=[check])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://?latency=450ms")
    assert report["result"]["total"]["count"] > 70
    assert outcome.status == 1


def test_after_counts_from_the_start_of_the_checks_stage(perfkit: Command) -> None:
    stages = [
        {"name": "one", "rate": 100, "duration": "5s"},
        {"name": "two", "rate": 100, "duration": "60s"},
    ]
    check = {"check": "total.response.p95 < 1ms", "stage": "two", "abort": True, "after": "3s"}
    load = {"model": "open", "stages": stages}
    file = perfkit.scenario(operations=[READ], load=load, thresholds=[check])
    outcome, report = perfkit.report("loadtest", file, "--target", "fake://?latency=5ms")
    one, two = report["result"]["stages"]
    assert outcome.status == 1
    assert (one["duration_s"], one["total"]["rate_per_s"]) == (5.0, 100.0)
    assert 3 <= two["duration_s"] < 6


def test_a_baseline_is_compared_with_and_is_needed_where_a_check_names_it(
    perfkit: Command, tmp_path: Path
) -> None:
    file = perfkit.scenario(operations=[READ], thresholds=["read.response.p95 <= baseline * 1.1"])
    without = perfkit("loadtest", file, "--target", "fake://")
    assert without.status == 2
    assert "--baseline" in without.err
    last = tmp_path / "last.json"
    plain = ["--set", "thresholds=[]", "--json", str(last), "--target"]
    assert perfkit("loadtest", file, *plain, "fake://?latency=10ms").status == 0
    same = perfkit("loadtest", file, "--baseline", last, "--target", "fake://?latency=11ms")
    slower = perfkit("loadtest", file, "--baseline", last, "--target", "fake://?latency=12ms")
    assert (same.status, slower.status) == (0, 1)


def test_every_report_format_is_written(perfkit: Command, tmp_path: Path) -> None:
    file = perfkit.scenario(operations=[READ], thresholds=["total.count == 50"])
    names = {"--html": "r.html", "--markdown": "r.md", "--junit": "r.xml", "--hdr-log": "r.hlog"}
    options = [word for option, name in names.items() for word in (option, tmp_path / name)]
    outcome = perfkit("loadtest", file, "--target", "fake://", "--json", "-", *options)
    assert outcome.status == 0
    assert json.loads(outcome.out)["schema"] == "perfkit.loadtest"
    assert "PASSED" in outcome.err
    assert all((tmp_path / name).stat().st_size > 100 for name in names.values())
    assert "Tag=read," in (tmp_path / "r.hlog").read_text()


def test_transactions_are_retried_and_their_tries_counted(
    perfkit: Command, postgres_url: str
) -> None:
    """Everybody updates the same row, serializably: conflicts are certain."""
    transfer = {
        "name": "transfer",
        "transaction": ["SELECT v FROM kv WHERE id = 1", "UPDATE kv SET v = v || '' WHERE id = 1"],
        "isolation": "serializable",
        "retry": {"tries": 1000, "wait": "1ms"},
    }
    file = perfkit.scenario(data=KV, operations=[transfer], load=closed(4, 1))
    outcome, report = perfkit.report("loadtest", file, "--target", postgres_url)
    total = report["result"]["total"]
    assert (outcome.status, total["errors"]) == (0, 0), report["result"]["errors"]
    assert total["tries"] > total["count"]


def test_errors_are_classed_by_the_names_that_the_servers_users_know(
    perfkit: Command, postgres_url: str
) -> None:
    double = {"name": "double", "sql": "INSERT INTO kv (id, v) VALUES (1, 'x')"}
    fine = {**double, "name": "fine", "expect": {"error": "unique_violation"}}
    file = perfkit.scenario(data=KV, operations=[double, fine])
    _, report = perfkit.report("loadtest", file, "--target", postgres_url, "--allow-saturated")
    (row,) = report["result"]["errors"]
    assert (row["operation"], row["class"]) == ("double", "unique_violation")
    by_name = {each["name"]: each for each in report["result"]["operations"]}
    assert by_name["fine"]["errors"] == 0
    assert by_name["double"]["errors"] == by_name["double"]["count"] == row["count"]


def test_a_run_in_which_everything_failed_is_invalid(perfkit: Command) -> None:
    file = perfkit.scenario(operations=[READ])
    outcome = perfkit("loadtest", file, "--target", "fake://?error=100%")
    assert outcome.status == 4
    assert "all 50 operations failed" in outcome.out


# -- data -------------------------------------------------------------------------------------------


def test_teardown_runs_and_data_is_dropped_after_a_failure(
    perfkit: Command, postgres_url: str
) -> None:
    data = {**KV, "setup": ["CREATE TABLE mine (a int)"], "teardown": ["DROP TABLE mine"]}
    wrong = {"name": "wrong", "sql": "SELEC 1"}
    outcome = perfkit(
        "loadtest", perfkit.scenario(data=data, operations=[wrong]), "-t", postgres_url
    )
    assert outcome.status == 2
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT to_regclass('kv'), to_regclass('mine')").fetchall() == [
            (None, None)
        ]


def test_a_name_that_is_taken_is_refused_and_left_alone(
    perfkit: Command, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kv (precious text)")
    outcome = perfkit("loadtest", perfkit.scenario(data=KV, operations=[READ]), "-t", postgres_url)
    assert outcome.status == 3
    assert "kv" in outcome.err
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM kv").fetchone() == (0,)


def test_a_host_that_is_not_this_machine_needs_a_yes(
    perfkit: Command, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setattr("perfkit.backends.redis.is_local", lambda _: False)
    file = perfkit.scenario(data=KV, operations=[GET])
    refused = perfkit("loadtest", file, "-t", redis_url)
    assert refused.status == 2
    assert "not this machine" in refused.err
    assert "--yes" in refused.err
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
    assert perfkit("loadtest", file, "-t", redis_url, "--yes", "--allow-saturated").status == 0


def test_reading_a_host_that_is_not_this_machine_needs_no_yes(
    perfkit: Command, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setattr("perfkit.backends.redis.is_local", lambda _: False)
    file = perfkit.scenario(operations=[GET])
    assert perfkit("loadtest", file, "-t", redis_url, "--allow-saturated").status == 0


# -- bad input --------------------------------------------------------------------------------------


def test_sql_that_the_server_refuses_is_found_before_the_load(
    perfkit: Command, postgres_url: str
) -> None:
    wrong = {"name": "wrong", "sql": "SELECT v FORM kv"}
    outcome = perfkit(
        "loadtest", perfkit.scenario(data=KV, operations=[READ, wrong]), "-t", postgres_url
    )
    assert outcome.status == 2
    assert "'wrong'" in outcome.err
    assert "syntax error" in outcome.err
    assert "opening" not in outcome.err


def test_an_operation_of_another_backend_is_found_before_any_data_is_made(
    perfkit: Command, sqlite_url: str
) -> None:
    outcome = perfkit("loadtest", perfkit.scenario(data=KV, operations=[GET]), "-t", sqlite_url)
    assert outcome.status == 2
    assert "Redis command can't run on SQLite" in outcome.err
    assert "data:" not in outcome.err


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/db", "refuses the connection"),
        ("redis://:hunter2@127.0.0.1:1/0", "refuses the connection"),
        ("mongodb://u:hunter2@127.0.0.1:1/db?serverSelectionTimeoutMS=300", "127.0.0.1:1"),
        ("sqlite:////nowhere/hunter2.db", "no folder"),
    ],
)
def test_a_target_that_can_not_be_reached_is_status_3(
    perfkit: Command, url: str, sentence: str
) -> None:
    outcome = perfkit("loadtest", perfkit.scenario(operations=[READ]), "-t", url)
    assert outcome.status == 3
    assert sentence in outcome.err
    assert ":hunter2@" not in outcome.err


def test_a_wrong_password_is_told_without_the_password(perfkit: Command, postgres: Server) -> None:
    url = postgres.url.replace("s3cret-pw", "hunter2")
    outcome = perfkit("loadtest", perfkit.scenario(operations=[READ]), "-t", url)
    assert outcome.status == 3
    assert "password" in outcome.err
    assert "hunter2" not in outcome.err + outcome.out


def test_a_database_that_does_not_exist_is_named(perfkit: Command, postgres: Server) -> None:
    url = urlsplit(postgres.url)._replace(path="/nowhere").geturl()
    outcome = perfkit("loadtest", perfkit.scenario(operations=[READ]), "-t", url)
    assert outcome.status == 3
    assert "nowhere" in outcome.err


def test_an_unset_variable_is_told_with_its_place(perfkit: Command) -> None:
    file = perfkit.scenario(target="${NOT_SET_AT_ALL}", operations=[READ])
    outcome = perfkit("loadtest", file)
    assert outcome.status == 2
    assert "NOT_SET_AT_ALL" in outcome.err
    assert f"{file}:" in outcome.err


def test_more_users_than_the_server_takes_is_status_3_and_says_how_many(
    perfkit: Command, private_postgres: StartServer
) -> None:
    server = private_postgres(settings={"max_connections": "20"})
    read = {"name": "one", "sql": "SELECT 1"}
    file = perfkit.scenario(operations=[read], load=closed(10_000, 1))
    outcome = perfkit("loadtest", file, "-t", server.url)
    assert outcome.status == 3
    assert "20" in outcome.err


def test_a_statement_that_never_returns_ends_at_its_limit_and_on_the_server_too(
    perfkit: Command, postgres_url: str
) -> None:
    stuck = {"name": "stuck", "sql": "SELECT pg_sleep(1000)", "timeout": "200ms"}
    file = perfkit.scenario(operations=[stuck, {"name": "one", "sql": "SELECT 1"}])
    _, report = perfkit.report("loadtest", file, "-t", postgres_url, "--allow-saturated")
    (row,) = report["result"]["errors"]
    assert (row["operation"], row["class"]) == ("stuck", "timeout")
    with psycopg.connect(postgres_url) as connection:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(1000)%' AND pid <> pg_backend_pid()"
        for _ in range(50):
            if connection.execute(sleeping.encode()).fetchone() == (0,):
                return
            time.sleep(0.1)
    pytest.fail("a statement was left running")


def test_a_server_that_comes_back_costs_errors_not_validity(
    perfkit: Command, private_redis: StartServer
) -> None:
    server = private_redis()
    load = {"model": "open", "connections": 4, "stages": [{"rate": 200, "duration": "4s"}]}
    file = perfkit.scenario(operations=[GET], load=load)

    def kill_and_restart() -> None:
        time.sleep(2)
        server.kill()
        time.sleep(0.7)
        server.start()

    killer = threading.Timer(0, kill_and_restart)
    killer.start()
    outcome, report = perfkit.report("loadtest", file, "-t", server.url, "--allow-saturated")
    killer.join()
    assert outcome.status == 0, outcome.out
    assert report["result"]["total"]["count"] == 800
    # Whether a connection carried an operation when it broke is chance; that reopening failed is not.
    counts = {row["class"]: row["count"] for row in report["result"]["errors"]}
    assert counts["connect"] > 0
    assert report["result"]["total"]["errors"] == counts.get("connection_lost", 0)


@pytest.mark.timeout(60)
def test_a_server_that_stays_gone_ends_the_run_with_what_was_measured(
    perfkit: Command, private_redis: StartServer
) -> None:
    server = private_redis()
    load = {"model": "open", "connections": 4, "stages": [{"rate": 200, "duration": "60s"}]}
    killer = threading.Timer(2.5, server.kill)
    killer.start()
    began = time.monotonic()
    file = perfkit.scenario(operations=[GET], load=load)
    outcome, report = perfkit.report("loadtest", file, "-t", server.url)
    killer.join()
    assert outcome.status == 4
    assert time.monotonic() - began < 25
    assert report["result"]["total"]["count"] > 100
    assert "target_gone" in {caveat["code"] for caveat in report["caveats"]}


def test_the_time_limit_of_the_command_ends_the_load(perfkit: Command, redis_url: str) -> None:
    file = perfkit.scenario(operations=[GET], load=closed(2, 60))
    outcome, report = perfkit.report("loadtest", file, "-t", redis_url, "--timeout", "2s")
    assert outcome.status == 4
    assert "time limit" in outcome.out
    assert report["result"]["total"]["count"] > 0


def test_a_full_disk_is_found_before_the_run(perfkit: Command) -> None:
    outcome = perfkit(
        "loadtest", perfkit.scenario(operations=[READ]), "-t", "fake://", "--json", "/dev/full"
    )
    assert outcome.status == 2
    assert "--json /dev/full" in outcome.err


# -- signals ----------------------------------------------------------------------------------------


@pytest.fixture
def long_run(perfkit: Command, redis_url: str) -> Iterator[subprocess.Popen[str]]:
    load = {"model": "closed", "stages": [{"users": 4, "duration": "60s"}]}
    file = perfkit.scenario(data=KV, operations=[GET], load=load)
    process = perfkit.start("loadtest", file, "-t", redis_url, "--json", perfkit.folder / "r.json")
    assert process.stderr is not None
    while "opening" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(2.5)
    yield process
    with_group = process.poll() is None
    if with_group:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_it_within_a_second_with_what_was_measured(
    perfkit: Command, long_run: subprocess.Popen[str], redis_url: str, number: signal.Signals
) -> None:
    began = time.monotonic()
    os.killpg(long_run.pid, number)
    out, _ = long_run.communicate(timeout=20)
    assert time.monotonic() - began < 3  # a second, and some for a busy machine
    assert long_run.returncode == 130
    assert "INTERRUPTED" in out
    report = json.loads((perfkit.folder / "r.json").read_text())
    assert report["result"]["interrupted"]
    assert "worker_died" not in {caveat["code"] for caveat in report["caveats"]}
    assert report["result"]["total"]["count"] > 100
    assert report["result"]["total"]["rate_per_s"] > 10
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_second_interrupt_leaves_at_once(private_redis: StartServer, perfkit: Command) -> None:
    """The server stands still, so that the first interrupt alone would take its time."""
    server = private_redis()
    file = perfkit.scenario(data=KV, operations=[GET], load=closed(4, 60))
    process = perfkit.start("loadtest", file, "-t", server.url)
    assert process.stderr is not None
    while "opening" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(2)
    server.pause()
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=10)
    server.resume()
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert "left without cleaning up" in err


# -- the command itself -----------------------------------------------------------------------------


def test_help_and_version_load_no_driver() -> None:
    code = (
        "import sys; from perfkit.__main__ import run; status = run(['--help']);"
        "heavy = {'psycopg', 'pymongo', 'bson', 'redis', 'hiredis', 'sqlite3', 'numpy', 'rich', 'pydantic', 'yaml'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "loadtest" in done.stdout


def test_an_unknown_command_or_option_is_a_usage_error(perfkit: Command) -> None:
    assert perfkit("lodtest").status == 2
    assert perfkit("loadtest", "x.yml", "--tarket", "y").status == 2
    assert perfkit("--version").status == 0


def test_a_closed_pipe_is_no_traceback(perfkit: Command) -> None:
    file = perfkit.scenario(operations=[READ])
    command = f"{sys.executable} -m perfkit loadtest {file} -t fake:// 2>&1 | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stdout + done.stderr


def test_output_to_a_pipe_has_no_control_codes(perfkit: Command) -> None:
    outcome = perfkit("loadtest", perfkit.scenario(operations=[READ]), "-t", "fake://")
    assert "\x1b" not in outcome.out + outcome.err
    assert socket.gethostname() not in outcome.err


def test_a_refused_operation_is_told_with_its_line(perfkit: Command, sqlite_url: str) -> None:
    operations = [READ, {"name": "broken", "sql": "SELEKT 1"}]
    file = perfkit.scenario(data=KV, operations=operations)
    outcome = perfkit("loadtest", file, "--target", sqlite_url)
    (line,) = (n for n, text in enumerate(file.read_text().splitlines(), 1) if "SELEKT" in text)
    assert outcome.status == 2
    assert f"{file}:{line}:" in outcome.err


def test_an_unset_variable_in_the_target_does_not_matter_where_another_is_given(
    perfkit: Command,
) -> None:
    file = perfkit.scenario(target="${NOT_SET_ANYWHERE}", operations=[READ])
    assert perfkit("loadtest", file).status == 2
    assert perfkit("loadtest", file, "--target", "fake://").status == 0
