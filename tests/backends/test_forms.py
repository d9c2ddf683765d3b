"""In which forms a SQL statement is sent: chosen words, numbered values, rows of a batch."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends import sql
from perfkit.backends.forms import plan, spellings
from perfkit.scenario import Operation
from perfkit.scenario.values import Choice, Param, Uniform

COLUMNS: dict[str, Param] = {"c": Choice(values=("a", "b"))}


def _problem(text: str, *, most_values: int = 100, **more: Any) -> str:
    operation = Operation(name="o", sql=text, **more)
    return sql.problem(operation, "SQLite", most_values) or ""


# -- words ----------------------------------------------------------------------------------------


def test_a_statement_exists_once_for_each_word() -> None:
    operation = Operation(name="o", sql="UPDATE t SET {c} = :v WHERE '{x}' = :c", params=COLUMNS)
    found = plan(operation.sql or "", operation, ("v", "c"), "$")
    assert found.texts == {
        "a": "UPDATE t SET a = $1 WHERE '{x}' = $2",
        "b": "UPDATE t SET b = $1 WHERE '{x}' = $2",
    }
    assert found.key is not None
    assert found.key((7, "b")) == "b"
    assert found.picks == (0, 1)


def test_several_words_are_chosen_together() -> None:
    params = {**COLUMNS, "n": Choice(values=(1, 20))}
    operation = Operation(name="o", sql="SELECT {c} FROM t{n}", params=params)
    found = plan(operation.sql or "", operation, ("n", "c"), "?")
    assert found.key is not None
    assert found.texts[found.key((20, "a"))] == "SELECT a FROM t20"
    assert len(found.texts) == 4
    assert found.picks == ()


@pytest.mark.parametrize(
    "param",
    [
        Uniform(range=(1, 5)),
        Choice(values=("a", "b; DROP TABLE t")),
        Choice(values=("a b",)),
        Choice(values=("é",)),
        Choice(values=("a\n",)),
        Choice(values=(1.5,)),
        Choice(values=(-1,)),
        Choice(values=(True,)),
        Choice(values=(10**9,)),
    ],
)
def test_only_plain_words_and_small_numbers_can_be_part_of_a_statement(param: Param) -> None:
    assert "{c}" in _problem("SELECT {c}", params={"c": param})
    assert sql.writes(Operation(name="o", sql="SELECT {c}", params={"c": param}))


def test_more_than_a_hundred_combinations_are_too_many() -> None:
    params: dict[str, Param] = {
        "a": Choice(values=tuple(range(10))),
        "b": Choice(values=tuple(range(10))),
    }
    assert not _problem("SELECT {a}, {b}", params=params)
    params["b"] = Choice(values=tuple(range(11)))
    assert "110 combinations" in _problem("SELECT {a}, {b}", params=params)


def test_what_a_word_makes_of_a_statement_counts() -> None:
    params: dict[str, Param] = {"verb": Choice(values=("SELECT", "COMMIT"))}
    assert "COMMIT" in _problem("{verb}", params=params)
    params = {"f": Choice(values=("lower", "purge"))}
    assert sql.writes(Operation(name="o", sql="SELECT {f}('x')", params=params))
    params = {"f": Choice(values=("lower", "upper"))}
    assert not sql.writes(Operation(name="o", sql="SELECT {f}('x')", params=params))


@given(st.text(max_size=60))
def test_other_braces_stay_what_they_are(text: str) -> None:
    assert spellings(text, Operation(name="o", sql=text)) == [text]


# -- batches --------------------------------------------------------------------------------------

TAKEN = [
    "INSERT INTO t VALUES (:a, :b)",
    "insert into t (x, y, z) values(:a, f(:b, 'x)'), ')') ;",
    'INSERT INTO "values (" (x) VALUES (:a) ON CONFLICT (x) DO UPDATE SET x = excluded.x',
    "INSERT OR IGNORE INTO t (x) VALUES (:a)",
    "REPLACE INTO t (x) VALUES (:a) RETURNING x",
    "/* VALUES (:no) */ INSERT INTO s.t -- (\nVALUES ((SELECT max(x) FROM t), :a) -- done",
]
NOT_TAKEN = [
    "SELECT :a",
    "UPDATE t SET x = :a",
    "INSERT INTO t VALUES (:a), (:b)",
    "INSERT INTO t SELECT :a",
    "INSERT INTO t SELECT * FROM (VALUES (:a)) AS v",
    "INSERT INTO t (x) SELECT y FROM u JOIN values (:a)",
    "INSERT INTO t DEFAULT VALUES",
    "INSERT INTO t VALUES (:a) UNION SELECT 1",
    "INSERT INTO t VALUES (:a",
]


@pytest.mark.parametrize("text", TAKEN)
def test_an_insert_of_one_row_becomes_one_of_many(text: str) -> None:
    assert _problem(text, batch=3) == ""
    operation = Operation(name="o", sql=text, batch=3)
    found = plan(text, operation, ("a", "b"), "$")
    (many,) = found.texts.values()
    numbers = [int(number) for number in re.findall(r"\$(\d+)", many)]
    assert numbers == list(range(1, found.values + 1))
    (unnumbered,) = plan(text, operation, ("a", "b"), "?").texts.values()
    assert unnumbered == re.sub(r"\$\d+", "?", many)
    assert found.values == 3 * len(found.picks)


@pytest.mark.parametrize("text", NOT_TAKEN)
def test_a_batch_says_what_it_takes(text: str) -> None:
    assert "INSERT INTO … VALUES (…)" in _problem(text, batch=2)
    assert _problem(text.replace(":a", "1").replace(":b", "2"), batch=2)


def test_constants_are_repeated_in_each_row_and_each_place_has_a_value() -> None:
    text = "INSERT INTO t VALUES (:b, 'x', :a, :b) RETURNING x"
    found = plan(text, Operation(name="o", sql=text, batch=2), ("a", "b"), "?")
    assert found.texts == {None: "INSERT INTO t VALUES (?, 'x', ?, ?), (?, 'x', ?, ?) RETURNING x"}
    assert found.picks == (1, 0, 1)


def test_a_value_that_belongs_to_no_row_is_refused() -> None:
    text = "INSERT INTO t VALUES (:a) ON CONFLICT (x) DO UPDATE SET x = :a"
    assert "excluded.column" in _problem(text, batch=2)
    assert not _problem(text)


def test_a_word_can_not_differ_between_the_rows_of_one_statement() -> None:
    assert "{c}" in _problem("INSERT INTO t ({c}) VALUES (:a)", batch=2, params=COLUMNS)


def test_the_largest_possible_batch_is_named() -> None:
    text = "INSERT INTO t VALUES (:a, :b, 1)"
    assert "at most 50 rows" in _problem(text, batch=51)
    assert not _problem(text, batch=50)
    assert not _problem("INSERT INTO t VALUES (1)", batch=5000)
