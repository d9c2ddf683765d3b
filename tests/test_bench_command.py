"""`perfkit bench` on real servers: what it reports, its exit statuses, and what it leaves behind."""

import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import redis
import yaml

from perfkit.report.jsonfile import report_schema
from tests.command import Command

SHORT = ("--duration", "300ms", "--warmup", "0", "--cooldown", "0", "--allow-saturated")


@pytest.fixture
def perfkit(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capfd, tmp_path)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A user's own SQLite database."""
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany(
            "INSERT INTO users VALUES (?, ?)", [(n, f"user {n}") for n in range(1, 101)]
        )
    connection.close()
    return path


def contents(path: Path) -> tuple[list[Any], Any, Any]:
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master ORDER BY 1").fetchall()
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        count = connection.execute("SELECT count(*) FROM users").fetchone()
    connection.close()
    return tables, mode, count


# -- the main ways ----------------------------------------------------------------------------------


def test_a_standard_workload_is_made_run_and_dropped_on_every_backend(
    perfkit: Command, target_url: str
) -> None:
    options = ("--workload", "ycsb-a", "--scale", "1", "--clients", "2", "--runs", "2", *SHORT)
    outcome, report = perfkit.report("bench", target_url, *options)
    assert outcome.status == 0, outcome.err
    jsonschema.validate(report, report_schema("bench"))
    result = report["result"]
    assert (report["schema"], result["subject"]["name"]) == ("perfkit.bench", "ycsb-a")
    assert [each["run"] for each in result["runs"]] == [1, 2]
    assert {each["name"] for each in result["operations"]} == {"read", "update"}
    assert result["total"]["errors"] == 0
    assert result["total"]["count"] == sum(each["total"]["count"] for each in result["runs"])
    again = perfkit("bench", target_url, *options)
    assert again.status == 0, again.err  # nothing of the first is in its way


def test_a_query_of_the_users_own_changes_nothing(perfkit: Command, app: Path) -> None:
    before = contents(app)
    outcome, report = perfkit.report(
        "bench", f"sqlite:///{app}", "--query", "SELECT name FROM users WHERE id = :id",
        "--param", "id=1..100", "--iterations", "50", "--runs", "3", *SHORT[2:],
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert [each["total"]["count"] for each in report["result"]["runs"]] == [50, 50, 50]
    response = report["result"]["total"]["response"]
    assert response["min_ms"] <= response["p50_ms"] <= response["p99_ms"] <= response["max_ms"]
    assert contents(app) == before


def test_a_scenario_file_is_run_several_times(perfkit: Command, tmp_path: Path) -> None:
    file = perfkit.scenario(
        operations=[{"name": "a", "sql": "SELECT 1"}],
        load={"model": "open", "stages": [{"rate": "100/s", "duration": "1s"}]},
        thresholds=["total.errors.ratio < 1%"],
    )
    outcome, report = perfkit.report("bench", "fake://", "--scenario", file, "--runs", "3")
    assert outcome.status == 0, outcome.err
    assert [each["total"]["count"] for each in report["result"]["runs"]] == [100, 100, 100]
    assert report["result"]["total"]["rate_per_s"] == pytest.approx(100, rel=0.02)
    assert [check["passed"] for check in report["checks"]] == [True]


def test_a_failed_check_is_status_1(perfkit: Command) -> None:
    options = (
        "--query",
        "SELECT 1",
        "--runs",
        "1",
        "--set",
        "thresholds=[total.count < 1]",
        *SHORT,
    )
    outcome, report = perfkit.report("bench", "fake://", *options)
    assert outcome.status == 1
    assert [check["passed"] for check in report["checks"]] == [False]


# -- profiles ---------------------------------------------------------------------------------------


def test_profiles_are_measured_in_turn_and_leave_the_file_as_it_was(
    perfkit: Command, app: Path
) -> None:
    before = contents(app)
    outcome, report = perfkit.report(
        "bench", f"sqlite:///{app}", "--workload", "ycsb-a", "--scale", "1", "--clients", "1",
        "--profile", "default", "--profile", "sqlite-write-heavy", "--runs", "3", *SHORT,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    result = report["result"]
    assert [each["name"] for each in result["variants"]] == ["default", "sqlite-write-heavy"]
    assert result["variants"][1]["settings"]["journal_mode"] == "wal"
    blocks = [[each["variant"] for each in result["runs"] if each["block"] == n] for n in (1, 2, 3)]
    assert all(sorted(block) == ["default", "sqlite-write-heavy"] for block in blocks)
    pairs = {(each["baseline"], each["candidate"]) for each in result["comparisons"]}
    assert pairs == {("default", "sqlite-write-heavy")}
    (rate,) = [each for each in result["comparisons"] if each["metric"] == "rate_per_s"]
    assert rate["change_low"] <= rate["change_ratio"] <= rate["change_high"]
    assert contents(app) == before


def test_what_only_the_server_can_set_is_listed_as_not_measured(
    perfkit: Command, postgres_url: str
) -> None:
    outcome, report = perfkit.report(
        "bench", postgres_url, "--query", "SELECT 1", "--profile", "postgres-oltp",
        "--each-setting", "--runs", "2", *SHORT,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    left = {each["setting"]: each["why"] for each in report["result"]["not_measured"]}
    assert "only when it starts" in left["shared_buffers"]
    names = [each["name"] for each in report["result"]["variants"]]
    assert names[:2] == ["default", "postgres-oltp"]
    assert "jit = off" in names
    assert {each["where"] for each in report["findings"]} == set(names[1:])


def test_a_profile_of_which_nothing_can_be_measured_is_told(
    perfkit: Command, redis_url: str
) -> None:
    outcome = perfkit("bench", redis_url, "--workload", "redis-get", "--profile", "redis-cache")
    assert outcome.status == 2
    assert "nothing of redis-cache can be set by a session or a client" in outcome.err
    assert redis.Redis.from_url(redis_url).dbsize() == 0


# -- sweeps -----------------------------------------------------------------------------------------


def test_a_setting_misspelt_in_a_profile_of_the_users_own_is_told(
    perfkit: Command, app: Path, tmp_path: Path
) -> None:
    mine = {"cach_size": {"value": 5, "scope": "session", "reason": "mine"}}
    file = tmp_path / "mine.yml"
    file.write_text(
        yaml.safe_dump({"version": 1, "backend": "sqlite", "purpose": "mine", "settings": mine})
    )
    options = ("--query", "SELECT 1", "--profile", file)
    outcome = perfkit("bench", f"sqlite:///{app}", *options)
    assert outcome.status == 2
    assert "no setting 'cach_size', did you mean 'cache_size'?" in outcome.err


def test_a_sweep_says_what_to_set(perfkit: Command) -> None:
    url = "fake://?latency=10ms&concurrency=4"
    options = ("--query", "SELECT 1", "--sweep", "clients=1,2,4,8,16", "--runs", "2", *SHORT[2:])
    outcome, report = perfkit.report("bench", url, *options, "--duration", "20s")
    assert outcome.status == 0, outcome.err
    sweep = report["result"]["sweep"]
    rates = [point["total"]["rate_per_s"] for point in sweep["points"]]
    assert rates == pytest.approx([100, 200, 400, 400, 400], rel=0.02)
    assert (sweep["name"], sweep["knee"]) == ("clients", "4")
    assert sweep["advice"].startswith("use 4 clients: 8 give no more rate and twice the p99")
    assert sweep["advice"] in " ".join(outcome.out.split())


def test_a_pool_is_swept_at_the_same_number_of_clients(perfkit: Command) -> None:
    options = ("--query", "SELECT 1", "--clients", "8", "--sweep", "pool=1,2,8", "--runs", "1")
    outcome, report = perfkit.report("bench", "fake://?latency=10ms", *options, *SHORT[2:])
    assert outcome.status == 0, outcome.err
    rates = [point["total"]["rate_per_s"] for point in report["result"]["sweep"]["points"]]
    assert rates == pytest.approx([100, 200, 800], rel=0.02)


def test_a_sweep_of_batches_counts_items(perfkit: Command, target_url: str) -> None:
    if target_url.startswith("sqlite"):
        target_url += "?synchronous=off"
    options = ("--workload", "bulk-insert", "--scale", "1", "--sweep", "batch=1,20", "--runs", "1")
    outcome, report = perfkit.report("bench", target_url, *options, *SHORT)
    assert outcome.status == 0, outcome.err
    one, twenty = [point["total"] for point in report["result"]["sweep"]["points"]]
    assert one["errors"] == twenty["errors"] == 0
    assert twenty["items_per_s"] == pytest.approx(20 * twenty["rate_per_s"], rel=0.01)


def test_a_setting_of_the_session_is_swept(perfkit: Command, app: Path) -> None:
    before = contents(app)
    options = ("--query", "SELECT 1", "--sweep", "journal_mode=wal,delete", "--runs", "1", *SHORT)
    outcome, report = perfkit.report("bench", f"sqlite:///{app}", *options)
    assert outcome.status == 0, outcome.err
    settings = [each["settings"] for each in report["result"]["variants"]]
    assert settings == [{"journal_mode": "wal"}, {"journal_mode": "delete"}]
    assert "journal_mode" not in report["target"]["url"]  # which is the one that was given
    assert contents(app) == before


# -- printing and listing ---------------------------------------------------------------------------


def test_a_workload_that_is_printed_runs_as_a_scenario(perfkit: Command, tmp_path: Path) -> None:
    printed = perfkit("bench", "--workload", "ycsb-c", "--scale", "1", "--print")
    file = tmp_path / "mine.yml"
    file.write_text(printed.out)
    url = f"sqlite:///{tmp_path}/x.db"
    options = ("--set", "load.duration=200ms", "--set", "load.warmup=0")
    outcome = perfkit("loadtest", file, "--target", url, *options)
    assert outcome.status == 0, outcome.err
    assert yaml.safe_load(printed.out)["data"] == {"use": "ycsb", "rows": 1000}


def test_the_workloads_are_listed(perfkit: Command) -> None:
    out = perfkit("bench", "--list").out
    assert "tpcb-like" in out
    assert "redis-set" in out


# -- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--workload", "ycsb-z"), "there is no workload 'ycsb-z'"),
        (("--workload", "redis-set"), "the workload redis-set is not for sqlite"),
        (("--workload", "ycsb-a", "--profile", "sqlite-fast"), "sqlite-fast"),
        (("--workload", "ycsb-a", "--profile", "postgres-oltp"), "sqlite-"),
        (("--workload", "ycsb-a", "--profile", "default", "--profile", "default"), "there twice"),
        (("--workload", "ycsb-a", "--each-setting"), "--each-setting"),
        (("--workload", "ycsb-a", "--sweep", "clients=4"), "at least two different values"),
        (("--workload", "ycsb-a", "--sweep", "clients=1,x"), "'x' is no number"),
        (("--workload", "ycsb-a", "--sweep", "clients"), "write name=v1,v2"),
        (("--workload", "ycsb-a", "--sweep", "clients=1,1,2"), "a value is there twice"),
        (("--workload", "ycsb-a", "--sweep", "cache_sizes=1,2"), "cache_size"),
        (("--workload", "ycsb-a", "--sweep", "journal_mode=wal,no"), "journal_mode=no"),
        (("--workload", "ycsb-a", "--sweep", "batch=1,2"), "no operation here takes several"),
        (("--workload", "ycsb-a", "--sweep", "pipeline=1,2"), "for Redis commands"),
        (("--workload", "ycsb-a", "--sweep", "pool=1,20"), "more than the 8 clients"),
        (("--workload", "ycsb-a", "--sweep", "clients=1,2", "--profile", "x"), "one at a time"),
        (("--workload", "ycsb-a", "--pipeline", "4"), "no operation here takes several"),
        (("--workload", "ycsb-a", "--pipeline", "4", "--batch", "4"), "mean the same"),
        (("--workload", "ycsb-a", "--duration", "5"), "--duration"),
        (("--workload", "ycsb-a", "--tolerance", "150%"), "--tolerance"),
        (("--workload", "ycsb-a", "--confidence", "1"), "--confidence"),
        (("--workload", "ycsb-a", "--targets", "kb-team"), "search"),
        (("--workload", "ycsb-a", "--clients", "65"), "at most 64"),
        (("--workload", "ycsb-a", "--confidence", "50"), "from 50% to 99.99%"),
        (("--workload", "ycsb-a", "--iterations", "5", "--duration", "1s"), "one of them says"),
        (("--workload", "ycsb-a", "--param", "x=1"), "--param gives values to a --query"),
        (("--workload", "ycsb-a", "--machine", "cores=4"), "--machine is for the formulas"),
        (("--workload", "ycsb-a", "--profile", "default"), "alone leaves nothing"),
        (("--workload", "ycsb-a", "--sweep", "cache_size=a,b"), "= a: write a whole number"),
        (("--query", "SELEC 1"), 'near "SELEC"'),
        (("--query", "SELECT 1; SELECT 2"), "2 statements in one text"),
        (("--scenario", "missing.yml"), "missing.yml: no such file"),
        ((), "one of --workload, --query and --scenario"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_sentence_and_leaves_nothing(
    options: tuple[str, ...], sentence: str, perfkit: Command, app: Path
) -> None:
    before = contents(app)
    outcome = perfkit("bench", f"sqlite:///{app}", *options)
    assert outcome.status == 2, outcome.err
    assert sentence in outcome.err
    assert contents(app) == before


def test_without_a_target_nothing_is_measured(perfkit: Command) -> None:
    for target in ((), ("",)):
        outcome = perfkit("bench", *target, "--workload", "ycsb-a")
        assert (outcome.status, "target" in outcome.err) == (2, True)


def test_a_server_that_is_away_is_status_3(perfkit: Command) -> None:
    outcome = perfkit("bench", "redis://127.0.0.1:1/0", "--workload", "redis-get")
    assert outcome.status == 3


def test_runs_in_which_all_failed_are_not_valid(perfkit: Command) -> None:
    options = ("--query", "SELECT 1", "--runs", "2", *SHORT)
    outcome, report = perfkit.report("bench", "fake://?error=100%", *options)
    assert outcome.status == 4
    assert report["result"]["valid"] is False
    assert len(report["result"]["runs"]) == 2


def test_the_time_limit_keeps_the_runs_that_were_made(perfkit: Command, tmp_path: Path) -> None:
    options = ("--query", "SELECT 1", "--runs", "1000", "--duration", "300ms", "--warmup", "0")
    url = f"sqlite:///{tmp_path}/x.db"
    sqlite3.connect(tmp_path / "x.db").execute("CREATE TABLE t (a)").connection.close()
    outcome, report = perfkit.report("bench", url, *options, "--timeout", "3s")
    assert outcome.status == 4
    assert 1 <= len(report["result"]["runs"]) < 1000
    assert "timeout" in {caveat["code"] for caveat in report["caveats"]}


def test_an_interrupt_keeps_the_runs_that_were_made_and_leaves_nothing(
    perfkit: Command, postgres_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    options = ("--workload", "ycsb-a", "--scale", "1", "--runs", "1000", *SHORT, "--duration", "2s")
    process = perfkit.start("bench", postgres_url, *options, "--json", path)
    assert process.stderr is not None
    for line in process.stderr:
        if "run 3 of" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    report = json.loads(path.read_text())
    assert process.returncode == 130
    assert report["result"]["interrupted"] is True
    assert len(report["result"]["runs"]) >= 2
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'usertable'")
        assert rows.fetchone() == (0,)


def test_no_secret_is_in_any_output(perfkit: Command, postgres_url: str) -> None:
    secret = postgres_url.partition("://")[2].partition(":")[2].partition("@")[0]
    assert secret
    outcome, report = perfkit.report(
        "bench", postgres_url, "--query", "SELECT 1", "--profile", "postgres-oltp", "--runs", "2",
        "--html", perfkit.folder / "r.html", "--markdown", perfkit.folder / "r.md", *SHORT,
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    texts = [outcome.out, outcome.err, json.dumps(report)]
    texts += [(perfkit.folder / name).read_text() for name in ("r.html", "r.md")]
    assert not any(secret in text for text in texts)


def test_what_was_kept_is_used_again_unless_the_workload_inserts_into_it(
    perfkit: Command, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/kept.db?synchronous=off"
    for workload, again in (("ycsb-c", "used again"), ("ycsb-d", "made anew")):
        options = ("--workload", workload, "--scale", "1", "--runs", "1", "--keep", *SHORT)
        for _ in range(2):
            outcome, report = perfkit.report("bench", url, *options)
            assert outcome.status == 0, outcome.err
            assert report["result"]["total"]["errors"] == 0, again


def test_data_that_an_earlier_run_kept_is_said_to_stay(perfkit: Command, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kept.db?synchronous=off"
    options = ("--workload", "ycsb-c", "--scale", "1", "--runs", "1", *SHORT)
    assert "an earlier run kept it" not in perfkit("bench", url, *options, "--keep").err
    assert "an earlier run kept it" in perfkit("bench", url, *options).err
    assert (tmp_path / "kept.db").exists()


def test_what_short_runs_leave_empty_has_its_reason(perfkit: Command, app: Path) -> None:
    options = ("--query", "SELECT 1", "--runs", "2", "--duration", "200ms", "--warmup", "0")
    _, report = perfkit.report("bench", f"sqlite:///{app}", *options)
    assert [run["server_cpu_ratio"] for run in report["result"]["runs"]] == [None, None]
    assert "no_resources" in [caveat["code"] for caveat in report["caveats"]]


def test_the_same_caveat_with_other_numbers_stands_once(perfkit: Command, app: Path) -> None:
    options = ("--query", "SELECT 1", "--runs", "2", "--duration", "1ms", *SHORT[2:])
    _, report = perfkit.report("bench", f"sqlite:///{app}", *options, "--set", "load.think=300us")
    codes = [caveat["code"] for caveat in report["caveats"]]
    assert codes.count("few_samples") == 1


def test_sequences_go_on_from_run_to_run(perfkit: Command, app: Path) -> None:
    options = ("--query", "INSERT INTO users VALUES (:id, 'x')", "--param", "id=sequential:1000")
    outcome, report = perfkit.report("bench", f"sqlite:///{app}", *options, "--runs", "3", *SHORT)
    assert outcome.status == 0, outcome.err
    assert report["result"]["total"]["errors"] == 0


def test_a_report_can_be_compared_with_itself(perfkit: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    options = ("--query", "SELECT 1", "--runs", "5", "--duration", "2s", "--warmup", "0")
    assert (
        perfkit("bench", "fake://?latency=uniform:1ms..2ms", *options, "--json", path).status == 0
    )
    outcome, report = perfkit.report("compare", path, path)
    assert outcome.status == 0, outcome.out
    assert {each["verdict"] for each in report["result"]["comparisons"]} == {"same"}


def test_a_slower_server_is_a_regression(perfkit: Command, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    options = ("--query", "SELECT 1", "--runs", "5", "--duration", "2s", "--warmup", "0")
    assert perfkit("bench", "fake://?latency=1ms", *options, "--json", old).status == 0
    assert perfkit("bench", "fake://?latency=1.2ms", *options, "--json", new).status == 0
    assert perfkit("compare", old, new, "--force").status == 1


def test_time_is_not_needed_on_a_virtual_clock(perfkit: Command) -> None:
    began = time.monotonic()
    perfkit("bench", "fake://", "--query", "SELECT 1", "--runs", "3", "--duration", "10s")
    assert time.monotonic() - began < 25  # 33 s of load
