"""Sequences go on from run to run, so that no run inserts what another has inserted."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from perfkit.bench.options import Options
from perfkit.bench.sequences import Leaps
from perfkit.bench.subject import measured
from perfkit.load.generate import bind_all
from perfkit.results import WorkerResult
from perfkit.scenario import Scenario, parse_scenario
from perfkit.scenario.values import Sequential
from tests.bench.test_merging import operation
from tests.report.samples import passed_report


def inserting() -> Scenario:
    asked = Options(
        target="", query="INSERT INTO t VALUES (:id, :n)", params=("id=sequential", "n=1..5")
    )
    return measured(asked, "sqlite").scenario


def drawn(scenario: Scenario, workers: int, each: int) -> list[int]:
    ids = []
    for worker in range(workers):
        (bound,) = bind_all(scenario, seed=1, worker=worker, workers=workers)
        ids += [bound.draw()[0] for _ in range(each)]
    return ids


def test_no_two_runs_draw_the_same_number() -> None:
    scenario, leaps, seen = inserting(), Leaps(), set[int]()
    for count in (5, 100, 1, 30):
        applied = leaps.applied(scenario)
        ids = drawn(applied, 3, count)
        assert seen.isdisjoint(ids)
        seen |= {*ids}
        workers = tuple(WorkerResult(n, 1, count, None, None) for n in range(3))
        result = replace(
            passed_report().result, workers=workers, operations=(operation([1] * count, 1.0),)
        )
        leaps.note(applied, 3, result)


def test_a_sequence_moves_on_by_what_its_own_operation_drew() -> None:
    """Else a hundred thousand reads beside a few batches would soon leave the range of an int."""
    batch, reads = inserting(), 100_000
    insert = batch.operations[0].model_copy(update={"batch": 500})
    read = insert.model_copy(update={"name": "read", "batch": 1, "params": {}})
    scenario = batch.model_copy(update={"operations": (insert, read)})
    sent = (
        replace(operation([1] * 20, 1.0), name="query"),
        replace(operation([1] * reads, 1.0), name="read"),
    )
    result = replace(
        passed_report().result,
        workers=(WorkerResult(0, 1, reads + 20, None, None),),
        operations=sent,
        warmup=None,
    )
    leaps = Leaps()
    leaps.note(scenario, 1, result)
    moved = leaps.applied(scenario).operations[0].params["id"]
    assert isinstance(moved, Sequential)
    assert 1 + 20 * 500 <= moved.start <= 50 * 500


def test_what_is_no_sequence_stays_as_it_is() -> None:
    scenario, leaps = inserting(), Leaps()
    leaps.note(scenario, 1, passed_report().result)
    moved = leaps.applied(scenario).operations[0].params
    assert moved["n"] == scenario.operations[0].params["n"]
    assert moved["id"] != scenario.operations[0].params["id"]


def test_a_sequence_within_a_key_of_ycsb_moves_too() -> None:
    workload = measured(Options(target="", workload="ycsb-d"), "sqlite").scenario
    leaps = Leaps()
    leaps.note(workload, 1, passed_report().result)
    before, after = (
        workload.operations[1].params["key"],
        leaps.applied(workload).operations[1].params["key"],
    )
    assert before.number.start < after.number.start  # type: ignore[union-attr]  # YCSB's key


def test_the_path_of_a_query_is_its_option() -> None:
    assert inserting().path == Path("--query")


@pytest.mark.parametrize("behind", [0, 3])
def test_what_is_read_as_the_latest_is_there_also_after_a_leap(behind: int) -> None:
    """The numbers between the table's last and the run's first may never have been inserted."""
    content = {
        "version": 1,
        "target": "sqlite:///t.db",
        "operations": [
            {
                "name": "insert",
                "sql": "INSERT INTO t VALUES (:id)",
                "params": {"id": {"sequential": {"start": 5000}}},
            },
            {
                "name": "read",
                "sql": "SELECT :id",
                "params": {
                    "id": {"latest": {"range": [1, 100], "of": "insert.id", "behind": behind}}
                },
            },
        ],
        "load": {"model": "closed", "users": 1, "duration": "1s"},
    }
    scenario = parse_scenario(yaml.safe_dump(content), Path("t.yml"))
    insert, read = bind_all(scenario, seed=1, worker=0, workers=2)
    there = {*range(1, 101)}
    for _ in range(20):
        there.add(insert.draw()[0])
        assert there.issuperset(read.draw()[0] for _ in range(300))
