"""Care with other people's data and secrets, at the command line."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.address import redact
from perfkit.errors import UsageError
from perfkit.shipped import scenario_file, shipped
from tests.command import Command

READ = {"name": "read", "sql": "SELECT 1"}
SECRET = "hunter2"


@pytest.fixture
def perfkit(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capfd, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:abc@{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:p#{SECRET}@127.0.0.1:1/db",
        f"mongodb://u:abc/{SECRET}@127.0.0.1:1/db",
        f"redis://u:abc/{SECRET}@127.0.0.1:1",
        f"redis://:{SECRET}@127.0.0.1:1",
        f"postgresql:/u:{SECRET}@h",
        f"postgresql//u:{SECRET}@h",
        f"postgresql:u:{SECRET}@h",
        f"mysql://u:{SECRET}@h/db",
        f"postgresql://u@127.0.0.1:1/db?password={SECRET}",
    ],
)
def test_no_part_of_a_password_is_shown_however_wrong_the_url(perfkit: Command, url: str) -> None:
    outcome = perfkit("loadtest", perfkit.scenario(operations=[READ]), "--target", url)
    assert outcome.status in {2, 3}
    assert SECRET not in outcome.err + outcome.out
    again = perfkit("loadtest", perfkit.scenario(operations=[READ]), "--set", f"target={url}")
    assert SECRET not in again.err + again.out


@given(st.text(st.characters(codec="ascii", exclude_categories=["Z", "C"]), min_size=1))
def test_a_password_is_redacted_whatever_is_in_it(password: str) -> None:
    shown = redact(f"can't reach postgresql://user:{password}@host/db today")
    assert shown == "can't reach postgresql://user:***@host/db today"


def test_an_empty_target_is_not_the_scenarios_own(perfkit: Command) -> None:
    file = perfkit.scenario(target="fake://", operations=[READ])
    outcome = perfkit("loadtest", file, "--target", "")
    assert (outcome.status, "--target is empty" in outcome.err) == (2, True)


def test_every_teardown_statement_is_tried_and_a_failure_is_told(
    perfkit: Command, sqlite_url: str, tmp_path: Path
) -> None:
    data = {
        "setup": ["CREATE TABLE mine (a int)"],
        "teardown": ["DROP TABLE not_there", "DROP TABLE mine"],
    }
    file = perfkit.scenario(data=data, operations=[READ])
    options = ["--target", sqlite_url, "--allow-saturated", "--quiet"]
    outcome, report = perfkit.report("loadtest", file, *options)
    assert outcome.status == 0
    assert "not_there" in outcome.err
    assert "teardown_failed" in {caveat["code"] for caveat in report["caveats"]}
    with sqlite3.connect(tmp_path / "perfkit.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
    connection.close()


def test_a_dataset_that_was_kept_by_an_earlier_run_is_not_dropped_by_a_later_one(
    perfkit: Command, sqlite_url: str, tmp_path: Path
) -> None:
    for keep in (True, False):
        data = {"use": "kv", "rows": 10, "keep": keep}
        file = perfkit.scenario(data=data, operations=[READ])
        assert perfkit("loadtest", file, "-t", sqlite_url, "--allow-saturated").status == 0
    with sqlite3.connect(tmp_path / "perfkit.db") as connection:
        assert connection.execute("SELECT count(*) FROM kv").fetchone() == (10,)
    connection.close()


def test_a_name_means_a_scenario_that_ships_unless_there_is_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scenario_file(Path("quickstart")) == shipped("scenarios") / "quickstart.yml"
    assert scenario_file(Path("nothing")) == Path("nothing")
    Path("quickstart").touch()
    assert scenario_file(Path("quickstart")) == Path("quickstart")


def test_a_url_in_place_of_a_scenario_is_told(perfkit: Command) -> None:
    with pytest.raises(UsageError, match="is a target"):
        scenario_file(Path("fake://"))
    assert perfkit("loadtest", "postgresql://u@h/db").status == 2


def test_an_isolation_level_that_sqlite_does_not_have_is_refused(
    perfkit: Command, sqlite_url: str
) -> None:
    """It would be ignored otherwise, and the numbers would be those of another level."""
    for isolation, status in (("read committed", 2), ("serializable", 0)):
        operation = {"name": "t", "transaction": ["SELECT v FROM kv"], "isolation": isolation}
        file = perfkit.scenario(data={"use": "kv", "rows": 10}, operations=[operation])
        outcome = perfkit("loadtest", file, "-t", sqlite_url, "--allow-saturated")
        assert outcome.status == status, outcome.err
