"""Named sets of limits."""

from pathlib import Path

import pytest

from perfkit.errors import ScenarioError, UsageError
from perfkit.scenario.targets import load_targets
from perfkit.shipped import shipped
from tests.command import Command

SHIPPED = sorted((shipped("profiles") / "targets").glob("*.yml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_file_that_ships_can_be_read_by_name(file: Path) -> None:
    assert load_targets(file.stem)


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


def test_targets_for_an_operation_that_is_not_there_are_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.yml"
    mine.write_text("purpose: mine\nchecks: [search.response.p95 < 1s]\n")
    perfkit = Command(capfd, tmp_path)
    file = perfkit.scenario(operations=[{"name": "read", "sql": "SELECT 1"}])
    outcome = perfkit("loadtest", file, "--target", "fake://", "--targets", mine)
    assert (outcome.status, "no operation 'search'" in outcome.err) == (2, True)
