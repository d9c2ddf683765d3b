"""Ranges by the name of a table, keys and numbers made of others: what is read, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.errors import ScenarioError
from perfkit.scenario import Scenario, parse_scenario
from perfkit.scenario.datasets import UNIT_ROWS, table_rows

USES = sorted(UNIT_ROWS)


def parsed(param: str, data: str = "use: ycsb, rows: 300", *overrides: str) -> Scenario:
    """A scenario in whose line 5 the param k begins in column 18."""
    text = (
        "load: { model: closed, users: 4, duration: 1s }\n"
        f"data: {{ {data} }}\n"
        'operations:\n  - { name: o, redis: [GET, "{k}"],\n'
        f"      params: {{ k: {param} }} }}\n"
    )
    return parse_scenario(text, Path("s.yml"), overrides=overrides, environ={})


def param(text: str, data: str = "use: ycsb, rows: 300", *overrides: str) -> Any:
    return parsed(text, data, *overrides).operations[0].params["k"]


def said(text: str, data: str = "use: ycsb, rows: 300", *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        parsed(text, data, *overrides)
    return [str(problem) for problem in raised.value.problems]


@given(st.sampled_from(USES), st.integers(1, 1000), st.data())
def test_a_tables_name_is_the_range_of_its_rows(use: str, scale: int, data: st.DataObject) -> None:
    rows = scale * UNIT_ROWS[use]
    table, count = data.draw(st.sampled_from(sorted(table_rows(use, rows).items())))
    written = f"use: {use}, rows: 100000"
    override = f"data.rows={rows}"
    assert param(f"{{ uniform: {table} }}", written, override).range == (1, count)
    assert param(f"{{ latest: {{ range: {table} }} }}", written, override).range == (1, count)
    assert param(f"{{ sequential: {{ after: {table} }} }}", written, override).start == count + 1
    key = param(f"{{ ycsb_key: {{ zipfian: {table} }} }}", written, override)
    assert key.number.range == (1, count)


def test_without_a_number_of_rows_the_dataset_has_its_usual_one() -> None:
    assert param("{ uniform: usertable }", "use: ycsb").range == (1, 10_000)


def test_rows_may_be_written_with_an_exponent() -> None:
    assert param("{ uniform: usertable }", "use: ycsb, rows: 1e3").range == (1, 1000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{ uniform: usertabel }", "5:31: operations.o.params.k.uniform: 'usertabel' is neither a range [low, high] nor a table of the dataset (did you mean usertable?)"),
        ("{ zipfian: { range: usr } }", "5:40: operations.o.params.k.zipfian.range: 'usr' is neither a range [low, high] nor a table of the dataset (known: usertable)"),
        ("{ sequential: { after: kv } }", "5:43: operations.o.params.k.sequential.after: 'kv' is no table of the dataset (known: usertable)"),
        ("{ sequential: { after: 5 } }", "5:43: operations.o.params.k.sequential.after: 5 is no table of the dataset (known: usertable)"),
        ("{ sequential: { after: usertable, start: 5 } }", "5:61: operations.o.params.k.sequential.start: says where it begins twice: after and start"),
        ("{ ycsb_key: { uniform: usertabel } }", "5:43: operations.o.params.k.ycsb_key.uniform: 'usertabel' is neither a range [low, high] nor a table of the dataset (did you mean usertable?)"),
        ("{ ycsb_key: { unifrom: usertable } }", "5:34: operations.o.params.k.ycsb_key: unknown generator 'unifrom' (did you mean uniform?)"),
        ("{ ycsb_key: { zipfian: { range: usertable, thta: 1 } } }", "5:63: operations.o.params.k.ycsb_key.zipfian: unknown key 'thta' (did you mean theta?)"),
        ("{ ycsb_key: usertable }", "5:32: operations.o.params.k.ycsb_key: 'usertable' is no generator of whole numbers: write one, as in uniform: [1, 100]"),
        ("{ ycsb_key: { choice: [1, 2] } }", "5:32: operations.o.params.k.ycsb_key: choice is no generator of whole numbers: write one, as in uniform: [1, 100]"),
        ("{ ycsb_key: { uniform: [0.5, 2] } }", "5:43: operations.o.params.k.ycsb_key.uniform: the range has a fraction: a key is made of a whole number"),
        ("{ ycsb_key: { latest: { range: usertable, of: o.n } } }", "5:66: operations.o.params.k.ycsb_key.latest.of: no operation has a sequential param 'o.n'"),
        ("{ shifted: { of: n, by: 1 } }", "5:37: operations.o.params.k.shifted.of: there is no param 'n' here (known: k)"),
        ("{ shifted: { of: k, by: 1 } }", "5:20: operations.o.params.k: is made of itself: k → k"),
        ("{ shifted: { of: n, by: 1 }}, n: { uniform: [0.5, 2] }", "5:37: operations.o.params.k.shifted.of: 'n' is no whole number, but a number with a fraction"),
        ("{ padded: { of: n, width: 5 }}, n: { text: 5 }", "5:36: operations.o.params.k.padded.of: 'n' is no whole number, but text"),
        ("{ padded: { of: k, width: 41 }}", "5:46: operations.o.params.k.padded.width: 41 is out of bounds: from 1 to 40"),
    ],
)  # fmt: skip
def test_what_is_no_number_of_rows_is_told_where_it_stands(text: str, sentence: str) -> None:
    assert said(text) == [f"s.yml:{sentence}"]


def test_a_tables_name_means_nothing_without_a_built_in_dataset() -> None:
    (problem,) = said("{ uniform: usertable }", "setup: [[PING]]")
    sentence = "'usertable' is the name of a table only with a built-in dataset: data.use"
    assert problem == f"s.yml:5:31: operations.o.params.k.uniform: {sentence}"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("use: ycbs", "2:14: data.use: 'ycbs' is none of 'kv', 'documents', 'orders', 'ycsb', 'pgbench', 'sysbench', 'redis-benchmark' (did you mean ycsb?)"),
        ("use: ycsb, rows: many", "2:26: data.rows: 'many' is no whole number"),
        ("use: pgbench, rows: 150000", "2:29: data.rows: pgbench's accounts come in branches of 100,000: 150,000 is no multiple of it"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_data_is_told_once_and_not_of_each_range(data: str, sentence: str) -> None:
    assert said("{ uniform: usertable }", data) == [f"s.yml:{sentence}"]


def test_an_overridden_range_is_told_of_with_its_option() -> None:
    found = said("{ uniform: usertable }", "use: ycsb", "operations.o.params.k.uniform=users")
    assert [each.partition(": ")[0] for each in found] == ["--set operations.o.params.k.uniform"]
