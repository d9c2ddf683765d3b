"""Named sets of limits."""

from pathlib import Path

import pytest

from perfkit.errors import ScenarioError, UsageError
from perfkit.scenario.targets import load_targets
from perfkit.scenario.threshold import render
from perfkit.shipped import shipped
from tests.command import Command

SHIPPED = sorted((shipped("profiles") / "targets").glob("*.yml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_file_that_ships_can_be_read_by_name(file: Path) -> None:
    targets = load_targets(file.stem)
    assert targets.name == file.stem
    assert targets.purpose
    assert targets.checks


LIMITS = {
    "kb-desktop": (5, "10MB", ["search.response.p95 < 1000000000ns", "total.response.p95 < 100000000ns"]),
    "kb-team": (30, "100MB", ["search.response.p95 < 1000000000ns", "total.response.p95 < 200000000ns"]),
    "kb-department": (100, "500MB", ["search.response.p95 < 2000000000ns", "total.response.p95 < 300000000ns"]),
    "kb-enterprise": (100, "2GB", ["search.response.p95 < 2000000000ns", "total.response.p95 < 500000000ns"]),
    "kb-scale": (500, "10GB", ["search.response.p95 < 1000000000ns", "total.response.p95 < 200000000ns"]),
    "indexing-service": (
        None, None,
        ["index.items > 1000/s", "search.response.p95 < 100000000ns",
         "server.rss.max < 2000000000B", "server.cpu_ratio.mean < 0.7"],
    ),
    "low-latency": (
        None, None,
        ["total.response.p50 < 10000000ns", "total.response.p95 < 50000000ns",
         "total.response.p99 < 100000000ns", "total.rate > 10000/s", "server.hit_ratio.mean > 0.8",
         "server.cpu_ratio.mean < 0.7", "server.memory_ratio.max < 0.8"],
    ),
    "web-api": (
        None, None,
        ["total.response.p95 < 500000000ns", "total.errors.ratio < 0.01", "total.rate > 100/s"],
    ),
}  # fmt: skip


def test_the_limits_that_ship_are_those_that_were_asked_for() -> None:
    found = {}
    for file in SHIPPED:
        targets = load_targets(file.stem)
        found[file.stem] = (targets.users, targets.data, [*map(render, targets.checks)])
    assert found == LIMITS


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("{ users: 0 }", "at.users: 0 is too low"),
        ("{ data: much }", "'much' is no size"),
        ("{ date: 1MB }", "at: unknown key 'date' (did you mean data?)"),
        ("30", "at: 30 is no mapping"),
    ],
)
def test_what_limits_are_meant_for_is_checked_too(tmp_path: Path, at: str, said: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(f"purpose: mine\nat: {at}\nchecks: [total.rate > 1/s]\n")
    with pytest.raises(ScenarioError) as error:
        load_targets(str(file))
    (problem,) = error.value.problems
    assert problem.line == 2
    assert said in str(problem)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        load_targets("web-ap")
    assert error.value.hint == "did you mean web-api?"


def test_every_mistake_of_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text("purpose: mine\nlimits: 1\nchecks:\n  - total.response.p95 < 50\n")
    with pytest.raises(ScenarioError) as error:
        load_targets(str(file))
    places = [(problem.line, problem.column) for problem in error.value.problems]
    assert places == [(2, 1), (4, 5)]


def test_targets_are_checked_besides_the_scenarios_own_thresholds(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    perfkit = Command(capfd, tmp_path)
    file = perfkit.scenario(
        operations=[{"name": "read", "sql": "SELECT 1"}], thresholds=["total.count == 50"]
    )
    options = ["--target", "fake://?latency=600ms", "--targets", "web-api"]
    outcome, report = perfkit.report("loadtest", file, *options)
    assert outcome.status == 1
    assert [check["passed"] for check in report["checks"]] == [True, False, True, False]


@pytest.mark.parametrize(
    ("check", "said", "hint"),
    [
        ("reed.response.p95 < 1s", "no operation 'reed'; it has read, write", "did you mean read?"),
        ("{ check: total.rate > 1/s, stage: stedy }", "no stage 'stedy'; it has steady", "did you mean steady?"),
        ("search.items > 1/s", "no operation 'search'; it has read, write", None),
    ],
)  # fmt: skip
def test_targets_for_what_is_not_there_are_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, check: str, said: str, hint: str | None
) -> None:
    mine = tmp_path / "mine.yml"
    mine.write_text(f"purpose: mine\nchecks:\n  - {check}\n")
    perfkit = Command(capfd, tmp_path)
    file = perfkit.scenario(
        operations=[{"name": "read", "sql": "SELECT 1"}, {"name": "write", "sql": "SELECT 2"}],
        load={"model": "open", "stages": [{"name": "steady", "rate": 1, "duration": "1s"}]},
    )
    outcome = perfkit("loadtest", file, "--target", "fake://", "--targets", mine)
    assert (outcome.status, said in outcome.err) == (2, True)
    assert ((hint or "did you mean") in outcome.err) == (hint is not None)
