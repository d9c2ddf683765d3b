"""The built-in datasets in PostgreSQL, and what stands in their way."""

from typing import Any

import psycopg
import pytest

from perfkit.backends import open_target
from perfkit.errors import TargetError
from perfkit.scenario import Data, Expect, Operation
from tests.contract.driving import outcome, workload_of


def _execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _tables(url: str) -> list[str]:
    rows = _execute(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    return sorted(name for (name,) in rows)


def test_documents_can_be_searched_through_an_index(postgres_url: str) -> None:
    target = open_target(postgres_url)
    workload_of(target).make_data(Data(use="documents", rows=2000, value_size=300))
    text = (
        "SELECT id FROM documents WHERE search @@ websearch_to_tsquery('english', :words) LIMIT 10"
    )
    operation = Operation(name="search", sql=text, expect=Expect(rows=10))
    assert outcome(target, operation, "database or system") is None
    explain = f"EXPLAIN {text}".replace(":words", "'zeppelin'")
    plan = _execute(postgres_url, "SET enable_seqscan = off", explain)
    assert "documents_search" in str(plan)


def test_a_dataset_is_analyzed_and_needs_no_vacuum(postgres_url: str) -> None:
    workload_of(open_target(postgres_url)).make_data(Data(use="kv", rows=1000))
    assert _execute(
        postgres_url,
        "SELECT reltuples::int, relallvisible > 0 FROM pg_class WHERE relname = 'kv'",
    ) == [(1000, True)]


def test_dropping_leaves_nothing(postgres_url: str) -> None:
    workload = workload_of(open_target(postgres_url))
    for name in ("documents", "orders"):
        data = Data(use=name, rows=20)
        workload.make_data(data)
        assert _tables(postgres_url)
        workload.drop_data(data)
    assert _tables(postgres_url) == ["pg_stat_statements", "pg_stat_statements_info"]


@pytest.mark.parametrize(
    "taken",
    ["CREATE TABLE items (i int)", "CREATE VIEW items AS SELECT 1", "CREATE SEQUENCE items"],
)
def test_whatever_has_the_name_is_left_alone(postgres_url: str, taken: str) -> None:
    _execute(postgres_url, taken)
    before = _tables(postgres_url)
    workload = workload_of(open_target(postgres_url))
    with pytest.raises(TargetError, match="items"):
        workload.make_data(Data(use="orders", rows=20))
    workload.drop_data(Data(use="orders", rows=20))
    assert _tables(postgres_url) == before


def test_an_index_name_that_is_taken_undoes_everything(postgres_url: str) -> None:
    _execute(postgres_url, "CREATE TABLE items_order_id_idx (i int)")
    before = _tables(postgres_url)
    with pytest.raises(TargetError, match="items_order_id_idx"):
        workload_of(open_target(postgres_url)).make_data(Data(use="orders", rows=20))
    assert _tables(postgres_url) == before


def test_a_view_over_a_dataset_keeps_it_from_being_dropped(postgres_url: str) -> None:
    workload = workload_of(open_target(postgres_url))
    workload.make_data(Data(use="kv", rows=20))
    _execute(postgres_url, "CREATE VIEW mine AS SELECT * FROM kv")
    with pytest.raises(TargetError, match="depend"):
        workload.drop_data(Data(use="kv", rows=20))
    assert "mine" in _tables(postgres_url)


def test_datasets_live_in_the_schema_that_is_first_in_the_search_path(postgres_url: str) -> None:
    _execute(postgres_url, "CREATE SCHEMA lab", "CREATE TABLE kv (mine int)")
    workload = workload_of(open_target(f"{postgres_url}?options=-csearch_path%3Dlab,public"))
    assert workload.make_data(Data(use="kv", rows=20))
    assert _execute(postgres_url, "SELECT count(*) FROM lab.kv") == [(20,)]
    workload.drop_data(Data(use="kv", rows=20))
    assert "kv" in _tables(postgres_url)


def test_a_short_statement_timeout_does_not_cut_a_load_short(postgres_url: str) -> None:
    workload = workload_of(open_target(f"{postgres_url}?options=-cstatement_timeout%3D20"))
    assert workload.make_data(Data(use="kv", rows=50_000))
