"""What every backend's settings promise, asked of a real server of each."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from perfkit.backends import backend_of, open_target
from perfkit.backends.base import Settings, need
from perfkit.errors import TargetError


@dataclass(frozen=True)
class Example:
    """A setting of the backend: a value that it takes, and one that it refuses."""

    name: str
    good: str
    bad: str
    typo: str


EXAMPLES = {
    "sqlite": Example("journal_mode", "wal", "fast", "journl_mode"),
    "postgres": Example("work_mem", "64MB", "64 apples", "work_men"),
    "mongo": Example("ttlMonitorEnabled", "false", "perhaps", "ttlMonitrEnabled"),
    "redis": Example("maxmemory-policy", "allkeys-lru", "all", "maxmemory-polcy"),
}


@pytest.fixture
def example(target_url: str) -> Example:
    return EXAMPLES[backend_of(target_url).__name__.rsplit(".", 1)[-1]]  # type: ignore[attr-defined]


@pytest.fixture
def settings(target_url: str) -> Iterator[Settings]:
    """Of an empty database that is there."""
    if target_url.startswith("sqlite"):
        sqlite3.connect(target_url.removeprefix("sqlite:///")).execute("CREATE TABLE t (x)")
    yield need(open_target(target_url).settings)
    if target_url.startswith("postgres"):  # the server is shared with tests that look at its files
        with psycopg.connect(target_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET ALL")


def value_of(settings: Settings, name: str) -> str:
    value = settings.live([name])[name]
    assert value is not None
    return value


def test_the_live_value_is_one_that_the_server_takes(settings: Settings, example: Example) -> None:
    now = value_of(settings, example.name)
    assert settings.problem(example.name, now) is None
    assert settings.same(example.name, now, now)


def test_a_value_that_the_server_refuses_has_a_reason_that_names_it(
    settings: Settings, example: Example
) -> None:
    problem = settings.problem(example.name, example.bad)
    assert problem is not None
    assert example.name in problem
    assert example.bad in problem


def test_asking_changes_nothing(settings: Settings, example: Example) -> None:
    before = settings.live([example.name])
    settings.problem(example.name, example.good)
    settings.change(example.name, example.good)
    settings.undo(example.name)
    assert settings.live([example.name]) == before


def test_an_unknown_name_is_told_with_the_nearest_and_has_no_live_value(
    settings: Settings, example: Example
) -> None:
    assert example.name in (settings.problem(example.typo, example.good) or "")
    assert settings.live([example.typo]) == {}


def test_what_is_applied_is_live_and_can_be_taken_back(
    settings: Settings, example: Example
) -> None:
    before = value_of(settings, example.name)
    undo = settings.undo(example.name)
    settings.apply(example.name, example.good)
    try:
        assert settings.same(example.name, value_of(settings, example.name), example.good)
        assert undo.statement is not None
    finally:
        settings.apply(example.name, before)
    assert settings.same(example.name, value_of(settings, example.name), before)


def test_apply_refuses_what_the_server_would(settings: Settings, example: Example) -> None:
    with pytest.raises(TargetError):
        settings.apply(example.name, example.bad)
    with pytest.raises(TargetError):
        settings.apply(example.typo, example.good)


def test_a_statement_names_setting_and_value(settings: Settings, example: Example) -> None:
    change = settings.change(example.name, example.good)
    assert change.statement is not None
    assert example.name in change.statement
    assert example.good in change.statement
    assert not change.restart


def test_a_url_without_settings_of_its_own_is_the_url_itself(
    settings: Settings, target_url: str
) -> None:
    assert need(open_target(settings.session_url({})).settings).live([]) == {}
    assert settings.session_url({}).split("?")[0] == target_url.split("?", maxsplit=1)[0]


def test_what_a_session_can_t_have_is_refused_with_the_reason(
    settings: Settings, example: Example
) -> None:
    if settings.why_not_in_session(example.name) is None:
        url = settings.session_url({example.name: example.good})
        with settings.restored([example.name]):
            session = need(open_target(url).settings)
            assert settings.same(example.name, value_of(session, example.name), example.good)
    else:
        with pytest.raises(TargetError, match=example.name):
            settings.session_url({example.name: example.good})


def test_facts_are_positive_numbers_of_the_server(settings: Settings) -> None:
    facts = settings.facts()
    assert set(facts) <= {"ram", "cores", "connections"}
    assert all(isinstance(value, int) and value > 0 for value in facts.values())
