import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.scenario.placeholders import (
    Name,
    fill,
    replace_sql_names,
    sql_names,
    template_names,
    text_parts,
    text_template,
)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT v FROM kv WHERE id = :id", ("id",)),
        ("SELECT :b, :a, :b", ("b", "a")),
        ("SELECT x::int, :id::text", ("id",)),
        ("SELECT a[1:2], a[lo:hi], a[:n]", ("n",)),
        ("SELECT f(a := 1, b := :id)", ("id",)),
        ("SELECT ':x', 'it''s :y', \"c:d :z\", `:w`", ()),
        ("SELECT E'it\\'s :x' || :id", ("id",)),
        ("SELECT 'ends in a backslash \\' || :id", ("id",)),
        ("SELECT 1 -- :x\n, :id", ("id",)),
        ("SELECT 1 /* :x /* :y */ :z */ , :id", ("id",)),
        ("SELECT 1 /* not /* nested, as SQLite has it */ , :id", ("id",)),
        ("DO $$ SELECT :x $$; SELECT :id", ("id",)),
        ("SELECT $tag$ $$ :x $$ $tag$, $1, :id", ("id",)),
        ("SELECT 'not closed :x", ()),
        ("SELECT 1 /* not closed :x", ()),
        ("SELECT $$ not closed :x", ()),
        ("SELECT (ARRAY[1,2])[1:2], t.time'12:30'", ()),
        ("WHERE id=:id AND v>=:low", ("id", "low")),
        ("SELECT '{\"a\":1}'::jsonb -> :key", ("key",)),
    ],
)
def test_names_in_sql_are_found_where_a_value_can_stand(sql: str, names: tuple[str, ...]) -> None:
    assert sql_names(sql) == names


def test_replacing_changes_the_names_and_nothing_else() -> None:
    numbers: dict[str, int] = {}

    def numbered(name: str) -> str:
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    sql = "UPDATE t SET a = :a, b = ':a' WHERE id = :id -- :a\n AND c = :a::int"
    assert (
        replace_sql_names(sql, numbered)
        == "UPDATE t SET a = $1, b = ':a' WHERE id = $2 -- :a\n AND c = $1::int"
    )


_INERT = st.sampled_from(
    [
        "'a :x ''b'",
        '"q :x"',
        "/* :x */",
        "-- :x\n",
        "$$ :x $$",
        "$q$ :x $q$",
        "x::int",
        "a[1:2]",
        "1",
    ]
)


@given(st.lists(st.one_of(_INERT, st.sampled_from([":one", ":two_2", ":Three"]))))
def test_names_are_found_between_any_texts_that_only_look_like_them(pieces: list[str]) -> None:
    sql = " , ".join(pieces)
    expected = [piece[1:] for piece in pieces if piece.startswith(":")]
    assert list(sql_names(sql)) == list(dict.fromkeys(expected))
    assert replace_sql_names(sql, lambda name: f":{name}") == sql


@given(st.text(alphabet="ab:'\"/*-\n$[]\\eE{} `"))
def test_any_text_survives_a_replacement_by_the_same(sql: str) -> None:
    assert replace_sql_names(sql, lambda name: f":{name}") == sql


def test_a_text_that_is_only_a_name_keeps_the_type_of_the_value() -> None:
    assert fill("{id}", ["id"])((5,)) == 5
    assert fill("{b}", ["a", "b"])((1, b"\x00")) == b"\x00"


def test_inside_a_longer_text_the_value_is_filled_in() -> None:
    assert fill("key:{id}", ["id"])((5,)) == "key:5"
    assert fill("{a}:{b}:100%", ["a", "b"])(("x", 2)) == "x:2:100%"
    assert fill("{b}-{b}", ["a", "b"])(("x", 2)) == "2-2"
    assert fill("only {b}", ["a", "b"])(("x", 2)) == "only 2"


def test_doubled_braces_are_braces() -> None:
    assert fill("{{a}}", [])(()) == "{a}"
    assert fill('{{"id": {id}}}', ["id"])((5,)) == '{"id": 5}'


@pytest.mark.parametrize("text", ["{", "}", "{a b}", "{1}", "a{", "{{{", "{}", "{a"])
def test_a_single_brace_is_an_error(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"single [{}]: write (\{\{|\}\}) for the character itself"
    ):
        text_parts(text)


def test_values_are_filled_at_any_depth_and_into_keys() -> None:
    command = {"find": "kv", "filter": {"_id": "{id}", "f{n}": ["{n}", {"x": "a{{}}"}, 1.5, None]}}
    assert fill(command, ["id", "n"])((7, 3)) == {
        "find": "kv",
        "filter": {"_id": 7, "f3": [3, {"x": "a{}"}, 1.5, None]},
    }
    assert template_names(command) == ("id", "n")


def test_filling_again_leaves_earlier_results_as_they_were() -> None:
    filled = fill({"a": {"b": ["{x}"]}}, ["x"])
    first = filled((1,))
    second = filled((2,))
    assert first == {"a": {"b": [1]}}
    assert second == {"a": {"b": [2]}}


def test_what_becomes_of_a_text_is_told_by_its_type() -> None:
    assert text_template("a{{", ["id"]) == "a{"
    assert text_template("{id}", ["x", "id"]) == 1
    assert callable(text_template("a{id}", ["id"]))


_NAMES = ("a", "b_2", "C")
_PARTS = st.lists(st.one_of(st.text(min_size=1), st.sampled_from(_NAMES).map(Name)))


@given(_PARTS, st.tuples(st.integers(), st.text(), st.floats()))
def test_a_filled_text_is_its_parts_in_order(parts: Sequence[Any], draw: tuple[Any, ...]) -> None:
    text = "".join(
        f"{{{part.name}}}" if isinstance(part, Name) else re.sub(r"([{}])", r"\1\1", part)
        for part in parts
    )
    values = [draw[_NAMES.index(p.name)] if isinstance(p, Name) else p for p in parts]
    result = fill(text, _NAMES)(draw)
    if len(values) == 1:
        assert result is values[0] or result == values[0]
    else:
        assert result == "".join(map(str, values))
