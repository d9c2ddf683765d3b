"""Sequences go on from run to run, so that no run inserts what another has inserted."""

from dataclasses import replace
from pathlib import Path

from perfkit.bench.options import Options
from perfkit.bench.sequences import Leaps
from perfkit.bench.subject import measured
from perfkit.load.generate import bind_all
from perfkit.results import WorkerResult
from perfkit.scenario import Scenario
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
