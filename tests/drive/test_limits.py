"""What is said of checks before the load, on real servers, and of what named limits are meant for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from perfkit.backends import open_target
from perfkit.backends.base import MetricSource, Missing, Target
from perfkit.drive.limits import foresee, shortfalls
from perfkit.drive.preparation import with_targets
from perfkit.errors import UsageError
from perfkit.results import Progress
from perfkit.scenario import Scenario, parse_scenario
from perfkit.shipped import shipped
from tests.command import Command
from tests.servers.process import Server


class Listener:
    """What the user is told before the load."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def update(self, progress: Progress) -> None: ...

    def confirm(self, question: str) -> bool:
        raise AssertionError(question)


def scenario(*checks: str, **parts: Any) -> Scenario:
    content = {
        "operations": [{"name": "search", "sql": "SELECT 1"}],
        "load": {"model": "closed", "users": 5, "duration": "1s"},
        "thresholds": list(checks),
        **parts,
    }
    return parse_scenario(yaml.safe_dump(content), Path("scenario.yml"))


def warnings(url: str, *checks: str) -> list[str]:
    listener = Listener()
    foresee(scenario(*checks), open_target(url), listener)
    return listener.warnings


# -- metrics that there are not ---------------------------------------------------------------------


def test_a_metric_that_the_server_has_not_is_refused_with_the_nearest(target_url: str) -> None:
    with pytest.raises(UsageError, match="the server has no metric 'hit_ration'") as error:
        warnings(target_url, "server.cpu < 1", "server.hit_ration > 80%")
    assert error.value.hint == "did you mean hit_ratio?"


def test_a_metric_that_the_host_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="the host has no metric 'memory_usd'") as error:
        warnings("fake://", "host.memory_usd.max < 1GB")
    assert error.value.hint == "did you mean memory_used?"


def test_it_is_refused_before_any_data_is_made(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    perfkit = Command(capfd, tmp_path)
    operation = {"name": "read", "sql": "SELECT v FROM kv"}
    file = perfkit.scenario(
        data={"use": "kv"}, operations=[operation], thresholds=["server.wal_bytes < 1"]
    )
    outcome = perfkit("loadtest", file, "--target", f"sqlite:///{tmp_path}/new.db")
    assert (outcome.status, "sqlite_wal_bytes" in outcome.err) == (2, True)
    assert not (tmp_path / "new.db").exists()


def test_what_every_server_promises_is_never_refused(target_url: str) -> None:
    names = ("cpu", "cpu_ratio", "rss", "memory_ratio", "hit_ratio")
    found = warnings(target_url, *(f"server.{name} < 1" for name in names))
    if target_url.startswith("sqlite"):
        assert ["belongs to each connection" in warning for warning in found] == [True]
    else:
        assert found == []


def test_a_check_that_must_fail_is_told_before_the_load(postgres: Server) -> None:
    target = open_target(postgres.url)
    assert not isinstance(target.metrics, Missing)
    target.metrics.server_pid = None  # as where the server runs on another machine
    listener = Listener()
    foresee(scenario("server.cpu_ratio < 70%", "server.hit_ratio > 80%"), target, listener)
    (warning,) = listener.warnings
    assert "'server.cpu_ratio < 70%' will fail" in warning


class Refusing:
    """A server that does not answer when it is asked for its metrics."""

    server_pid: int | None = None

    @contextmanager
    def open(self) -> Iterator[MetricSource]:
        self._refuse()
        yield  # never reached

    def _refuse(self) -> NoReturn:
        raise OSError("no answer")


@pytest.mark.parametrize("metrics", [Refusing(), Missing("server metrics", "there are none")])
def test_a_server_that_does_not_tell_is_no_reason_to_refuse(metrics: Refusing | Missing) -> None:
    target: Target = replace(open_target("fake://"), metrics=metrics)
    listener = Listener()
    foresee(scenario("server.whatever < 1"), target, listener)
    assert listener.warnings == []


# -- the circumstances ------------------------------------------------------------------------------


def test_for_what_targets_are_meant_is_said_before_the_load() -> None:
    listener = Listener()
    foresee(with_targets(scenario(), "kb-team"), open_target("fake://"), listener)
    assert listener.notes == ["targets kb-team: a knowledge base for a team, 30 users on 100 MB"]


def told(targets: str, **parts: Any) -> list[str]:
    return [caveat.message for caveat in shortfalls(with_targets(scenario(**parts), targets))]


def test_a_load_below_that_for_which_limits_are_meant_is_a_caveat() -> None:
    data = {"use": "documents", "rows": 1000, "value_size": "1kB"}
    (message,) = told("kb-team", data=data)
    assert message == (
        "kb-team is meant for 30 users and more on 100MB of data; "
        "this was 5 users, with about 2.06 MiB of data"
    )


def test_only_what_falls_short_is_told() -> None:
    data = {"use": "documents", "rows": 100_000, "value_size": "1kB"}
    assert told("kb-team", data=data) == [
        "kb-team is meant for 30 users and more; this was 5 users"
    ]
    assert told("kb-desktop", data=data) == []


def test_an_open_load_has_no_users_to_compare() -> None:
    stages = [{"rate": "0..300/s", "duration": "1s"}]
    (message,) = told("kb-team", load={"model": "open", "stages": stages})
    assert "an open load of up to 300/s" in message
    assert "data whose size was not looked at" in message


def test_limits_for_no_certain_load_are_met_by_any() -> None:
    assert told("web-api") == []
    assert shortfalls(scenario()) == ()


# -- the targets that ship --------------------------------------------------------------------------

ROWS = 300
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"sql": "SELECT title FROM documents WHERE id = :id"},
    "postgresql": {"sql": "SELECT title FROM documents WHERE id = :id"},
    "mongodb": {"mongo": {"find": "documents", "filter": {"_id": "{id}"}}},
    "redis": {"redis": ["HGET", "documents:{id}", "title"]},
}
WRITES: dict[str, dict[str, Any]] = {
    "sqlite": {"sql": "UPDATE documents SET title = 'new' WHERE id = :id"},
    "postgresql": {"sql": "UPDATE documents SET title = 'new' WHERE id = :id"},
    "mongodb": {
        "mongo": {
            "update": "documents",
            "updates": [{"q": {"_id": "{id}"}, "u": {"$set": {"title": "new"}}}],
        }
    },
    "redis": {"redis": ["HSET", "documents:{id}", "title", "new"]},
}


def test_every_check_that_ships_finds_its_metric_on_every_backend(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, target_url: str
) -> None:
    """In one run; PostgreSQL hands its counters on once a second. SQLite does not tell of its cache."""
    files = sorted((shipped("profiles") / "targets").glob("*.yml"))
    checks = {check for file in files for check in yaml.safe_load(file.read_text())["checks"]}
    everything = tmp_path / "everything.yml"
    everything.write_text(yaml.safe_dump({"purpose": "all", "checks": sorted(checks)}))
    backend, _, _ = target_url.partition("://")
    params = {"id": {"uniform": [1, ROWS]}}
    perfkit = Command(capfd, tmp_path)
    file = perfkit.scenario(
        data={"use": "documents", "rows": ROWS},
        operations=[
            {"name": "search", **READS[backend], "params": params, "expect": {"rows": 1}},
            {"name": "index", **WRITES[backend], "params": params},
        ],
        load={
            "model": "open", "connections": 2, "stages": [{"rate": 100, "duration": "3s"}],
        },
    )  # fmt: skip
    options: list[str | Path] = ["--target", target_url, "--targets", everything]
    _, report = perfkit.report("loadtest", file, *options, "--allow-saturated")
    assert report["result"]["total"]["errors"] == 0
    without = {check["check"] for check in report["checks"] if check["observed_value"] is None}
    assert len(report["checks"]) == len(checks)
    assert without == ({"server.hit_ratio > 80%"} if backend == "sqlite" else set())
