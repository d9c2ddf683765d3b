"""Words in braces in SQL: where they count, what they may be, and what is told of any other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.errors import ScenarioError
from perfkit.scenario import parse_scenario
from perfkit.scenario.placeholders import replace_sql_choices, sql_choices, sql_names
from perfkit.scenario.values import Choice, Constant
from perfkit.scenario.words import forms

COUNTED = [
    "UPDATE t SET {c} = :v",
    "SELECT * FROM sbtest{c}",
    'SELECT "{c}"',
    "SELECT `a {c}`",
    "SELECT '}' || {c}",
    "SELECT 'it''s', {c} -- not here",
]
LITERAL = [
    "SELECT '{c}'",
    r"SELECT E'\'{c}'",
    "SELECT a #>> '{c}' FROM t -- {c}",
    "SELECT 1 /* {c} /* {c} */ {c} */",
    "SELECT $body$ {c} $body$",
    "SELECT '{\"c\": {c}}'",
    "SELECT {d}, { c }, {c d}, {}",
]


@pytest.mark.parametrize("sql", COUNTED)
def test_a_word_counts_outside_of_texts_and_comments(sql: str) -> None:
    assert sql_choices(sql, ["c"]) == ("c",)
    assert replace_sql_choices(sql, {"c": "x"}) == sql.replace("{c}", "x")
    assert sql_choices(sql, []) == ()


@pytest.mark.parametrize("sql", LITERAL)
def test_any_other_brace_stays_what_it_is(sql: str) -> None:
    assert sql_choices(sql, ["c"]) == ()
    assert forms(sql, {"c": Constant(value=5)}) == {None: sql}


@given(st.lists(st.sampled_from(["{c}", ":c", "'", '"', "--", "\n", "$$", "/*", "*/", "x"])))
def test_words_and_values_keep_out_of_each_others_way(pieces: list[str]) -> None:
    sql = " ".join(pieces)
    for form in forms(sql, {"c": Choice(values=("a", "b"))}).values():
        assert sql_names(form) == sql_names(sql)
        assert len(form) <= len(sql)


def _said(sql: str, params: str) -> list[str]:
    text = (
        "load: { model: closed, users: 1, duration: 1s }\n"
        f"operations:\n  - name: o\n    sql: {sql}\n    params: {{ {params} }}\n"
    )
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(text, Path("s.yml"), environ={})
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("sql", "params", "sentence"),
    [
        ("SELECT {f}", "f: { choice: [a, b c] }", "s.yml:4:10: operations.o.sql: {f} is part of the statement, and 'b c' is no plain word or number; for a value write :f"),
        ("SELECT {f}", "f: { choice: [a, -5] }", "s.yml:4:10: operations.o.sql: {f} is part of the statement, and -5 is no plain word or number; for a value write :f"),
        ("SELECT {f}", "f: { uniform: [1, 5] }", "s.yml:4:10: operations.o.sql: {f} is part of the statement, so it must be a choice of words, not uniform; for a value write :f"),
        ("SELECT {f}", "f: name", "s.yml:4:10: operations.o.sql: {f} is part of the statement, so it must be a choice of words, not constant; for a value write :f"),
        ("SELECT '{f}'", "f: { choice: [a] }", "s.yml:5:18: operations.o.params.f: is never used (in SQL write :f)"),
        ("SELECT {f}{g}", f"f: {{ choice: {[*range(60)]} }}, g: {{ choice: [a, b] }}", "s.yml:4:10: operations.o.sql: {f} and {g} have 120 combinations, and each is a statement of its own: at most 100"),
    ],
)  # fmt: skip
def test_what_can_not_be_part_of_a_statement_is_told_where_it_stands(
    sql: str, params: str, sentence: str
) -> None:
    assert _said(sql, params) == [sentence]


def test_a_mistake_elsewhere_does_not_make_more_of_a_word() -> None:
    (problem,) = _said("SELECT {f}", "f: { chioce: [a] }")
    assert "unknown generator 'chioce' (did you mean choice?)" in problem
