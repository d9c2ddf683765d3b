"""The built-in datasets: the same content always, in blocks, as many rows as they say."""

import itertools
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends import datasets
from perfkit.backends.datasets import Table
from perfkit.scenario import Data

OWN = ["kv", "documents", "orders"]
NAMES = [*OWN, "ycsb", "sysbench", "redis-benchmark"]
TYPES = {"integer": int, "real": float, "text": str, "timestamp": datetime}


def _data_of(names: list[str]) -> st.SearchStrategy[Data]:
    return st.builds(
        Data,
        use=st.sampled_from(names),
        rows=st.integers(1, 300),
        value_size=st.integers(0, 200),
    )


data_of = _data_of(NAMES)


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    return itertools.chain.from_iterable(table.rows())


def _table(name: str, **more: Any) -> Table:
    use = "orders" if name in {"customers", "items"} else name
    found = datasets.tables(Data(use=use, **more))
    return next(table for table in found if table.name == name)


@given(data_of)
def test_there_are_as_many_rows_as_the_table_says(data: Data) -> None:
    for table in datasets.tables(data):
        assert sum(1 for _ in _rows(table)) == table.count


@given(_data_of(OWN))
def test_keys_count_from_one_without_a_gap(data: Data) -> None:
    for table in datasets.tables(data):
        assert [row[0] for row in _rows(table)] == list(range(1, table.count + 1))


@given(data_of)
def test_no_key_comes_twice(data: Data) -> None:
    for table in datasets.tables(data):
        assert len({row[0] for row in _rows(table)}) == table.count


@given(data_of)
def test_values_have_the_types_of_their_columns(data: Data) -> None:
    for table in datasets.tables(data):
        for row in itertools.islice(_rows(table), 20):
            assert [type(value) for value in row] == [
                TYPES[column.type] for column in table.columns
            ]


@given(data_of)
def test_no_text_needs_escaping(data: Data) -> None:
    """COPY's text format relies on it."""
    for table in datasets.tables(data):
        for row in _rows(table):
            assert not set("\t\n\\\0'").intersection("".join(map(str, row)))


@given(data_of)
def test_one_set_of_parameters_gives_one_content(data: Data) -> None:
    first, second = datasets.tables(data), datasets.tables(data)
    assert [list(_rows(table)) for table in first] == [list(_rows(table)) for table in second]


@given(data_of, st.integers(0, 200))
def test_other_parameters_are_another_dataset(data: Data, value_size: int) -> None:
    other = data.model_copy(update={"value_size": value_size})
    assert (datasets.parameters(data) == datasets.parameters(other)) == (
        data.value_size == value_size
    )


def test_keeping_a_dataset_does_not_change_it() -> None:
    kept, dropped = (Data(use="kv", keep=keep) for keep in (True, False))
    assert datasets.parameters(kept) == datasets.parameters(dropped)


def test_more_rows_leave_the_first_ones_as_they_are() -> None:
    few, many = (_rows(_table("documents", rows=rows)) for rows in (10_000, 20_000))
    assert all(a == b for a, b in zip(few, many, strict=False))


@given(st.integers(0, 5_000))
def test_values_of_kv_have_exactly_their_size(value_size: int) -> None:
    assert {len(value) for _, value in _rows(_table("kv", rows=20, value_size=value_size))} == {
        value_size
    }


def test_values_of_kv_differ_and_do_not_compress() -> None:
    values = [value for _, value in _rows(_table("kv", rows=1_000, value_size=100))]
    assert len(set(values)) == 1_000
    assert len(zlib.compress("".join(values).encode())) > 70_000


def test_large_values_come_in_small_blocks() -> None:
    block = next(_table("kv", rows=1_000, value_size=2**20).rows())
    assert sum(len(value) for _, value in block) <= 2**23


@pytest.mark.parametrize("value_size", [60, 400, 2_000])
def test_bodies_have_about_the_size_that_was_asked_for(value_size: int) -> None:
    bodies = [row[3] for row in _rows(_table("documents", rows=2_000, value_size=value_size))]
    assert sum(map(len, bodies)) / len(bodies) == pytest.approx(value_size, rel=0.1)


def test_words_come_with_zipfs_frequencies() -> None:
    counts: Counter[str] = Counter()
    for row in _rows(_table("documents", rows=5_000, value_size=500)):
        counts.update(row[3].split())
    first = counts[datasets.VOCABULARY[0]]
    for rank in (2, 10, 50):
        assert counts[datasets.VOCABULARY[rank - 1]] == pytest.approx(first / rank, rel=0.15)
    assert 0 < counts["zeppelin"] < first / 50


def test_a_vocabulary_has_no_word_twice() -> None:
    assert len(set(datasets.VOCABULARY)) == len(datasets.VOCABULARY) == 8192


def test_orders_belong_to_customers_and_items_to_orders() -> None:
    customers, orders, items = (
        list(_rows(_table(name, rows=1_003))) for name in ("customers", "orders", "items")
    )
    assert {order[1] for order in orders} <= {customer[0] for customer in customers}
    items_of = Counter(item[1] for item in items)
    assert set(items_of) == {order[0] for order in orders}
    assert set(items_of.values()) == {1, 2, 3, 4, 5}


def test_there_are_ten_orders_a_customer_and_three_items_an_order() -> None:
    counts = [_table(name, rows=10_000).count for name in ("customers", "orders", "items")]
    assert counts == [1_000, 10_000, 30_000]


def test_few_customers_have_most_orders() -> None:
    orders = list(_rows(_table("orders", rows=20_000)))
    busiest_tenth = sum(1 for order in orders if order[1] <= 200)
    assert busiest_tenth / len(orders) == pytest.approx(0.1**0.5, rel=0.05)


def test_the_estimate_of_the_size_is_near_the_text_that_is_made() -> None:
    for name in NAMES:
        data = Data(use=name, rows=2_000, value_size=300)
        text = sum(
            len("".join(map(str, row))) for table in datasets.tables(data) for row in _rows(table)
        )
        assert text < datasets.size_bytes(data) < 3 * text


def test_pgbenchs_tables_have_a_branch_and_ten_tellers_for_each_100_000_accounts() -> None:
    tables = {table.name: table for table in datasets.tables(Data(use="pgbench", rows=300_000))}
    assert {name: table.count for name, table in tables.items()} == {
        "pgbench_branches": 3,
        "pgbench_tellers": 30,
        "pgbench_accounts": 300_000,
        "pgbench_history": 0,
    }
    for name in ("tellers", "accounts"):
        branch_of = Counter(row[1] for row in _rows(tables[f"pgbench_{name}"]))
        assert len(set(branch_of.values())) == 1
        assert set(branch_of) == {1, 2, 3}


def test_sysbenchs_k_is_drawn_evenly_from_all_numbers() -> None:
    drawn = [row[1] for row in _rows(datasets.tables(Data(use="sysbench", rows=20_000))[0])]
    assert 1 <= min(drawn) < 20
    assert 19_980 < max(drawn) <= 20_000
    assert sum(drawn) / len(drawn) == pytest.approx(10_000, rel=0.03)


def test_the_description_names_tables_rows_and_size() -> None:
    assert datasets.describe("SQLite", Data(use="kv", rows=100_000)) == (
        "make the table kv (100,000 rows), about 13.4 MiB in all, dropped afterwards"
    )
    sentence = datasets.describe(
        "MongoDB", Data(use="orders", rows=10, keep=True), "collection", " in shop"
    )
    assert sentence == (
        "make the collections customers (1 row), orders (10 rows) and items (30 rows) in shop, "
        "about 4.20 KiB in all, kept afterwards"
    )


def test_no_dataset_has_no_tables() -> None:
    assert datasets.tables(Data(setup=("SELECT 1",))) == ()


def test_a_million_rows_take_seconds_and_no_memory() -> None:
    """Measured 0.7 s; the bound leaves room for a busy machine."""
    tracemalloc.start()
    begun_s = time.process_time()
    rows = sum(map(len, _table("kv", rows=200_000).rows()))
    took_s = time.process_time() - begun_s
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 200_000
    assert took_s < 6
    assert peak_bytes < 20 * 2**20
