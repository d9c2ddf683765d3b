"""Formulas: what they give, of which kind, and that nothing in them ever runs."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.scenario.fields import Mistake
from perfkit.tuning.formula import Quantity, quantity, read_formula

GIB = 2**30
FACTS = {
    "ram": Quantity(64.0 * GIB, "size"),
    "cores": Quantity(16.0, "number"),
    "disk": Quantity("ssd", "text"),
    "connections": Quantity(200.0, "number"),
    "hold": Quantity(5e6, "duration"),
    "zero": Quantity(0.0, "number"),
}


def value(text: str) -> Quantity:
    return read_formula(text).evaluate(FACTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ram / 4", Quantity(16.0 * GIB, "size")),
        ("min(ram / 4, 8GiB)", Quantity(8.0 * GIB, "size")),
        ("max(ram / 4, 8GiB, 20GiB)", Quantity(20.0 * GIB, "size")),
        ("ram / 1GiB", Quantity(64.0, "number")),
        ("cores * 2 + 1", Quantity(33.0, "number")),
        ("round(cores / 3)", Quantity(5.0, "number")),
        ("floor(cores / 3 + 0.5)", Quantity(5.0, "number")),
        ("round(2.5)", Quantity(3.0, "number")),
        ("-min(ram / 64, 256MiB)", Quantity(-0.25 * GIB, "size")),
        ("1000 * hold", Quantity(5e9, "duration")),
        ("hold * 2 + 1s", Quantity(1.01e9, "duration")),
        ('1.1 if disk == "ssd" else 4', Quantity(1.1, "number")),
        ("1.1 if disk != 'ssd' else 4", Quantity(4.0, "number")),
        ("1 if 8GiB <= ram < 1TiB and not cores > 32 else 2", Quantity(1.0, "number")),
        ("1 if ram < 8GiB or cores >= 16 else 2", Quantity(1.0, "number")),
        ("cores / 2 if zero == 1 else cores", Quantity(16.0, "number")),
        ("1_000MiB", Quantity(1000.0 * 2**20, "size")),
        ("min(\n  ram / 4,\n  16GiB\n)", Quantity(16.0 * GIB, "size")),
        ("disk", Quantity("ssd", "text")),
    ],
)
def test_a_formula_has_its_value_and_kind(text: str, expected: Quantity) -> None:
    found = value(text)
    assert found.kind == expected.kind
    assert (
        found.value == pytest.approx(expected.value)
        if expected.kind != "text"
        else found == expected
    )


def test_only_the_branch_that_is_taken_is_worked_out() -> None:
    assert value("cores / zero if zero > 0 else cores").value == 16


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cores / zero", "it divides by zero"),
        ("ram / (cores - 16)", "it divides by zero"),
        ("ram + 1", "a size and a number can't be added to each other"),
        ("ram - 1s", "a size and a duration can't be subtracted from each other"),
        ("ram * ram", "a size can't be multiplied by a size"),
        ("1 / ram", "a number can't be divided by a size"),
        ("min(ram, 4)", "a size and a number can't be compared with each other"),
        ("max(1, 2s)", "a number and a duration can't be compared with each other"),
        ("round(ram)", "round takes a plain number"),
        ("disk * 2", "text can't be calculated with"),
        ("-disk", "text can't be calculated with"),
        ('disk < "ssd"', "text is compared with == or != only"),
        ("ram == 4", "a size and a number can't be compared with each other"),
        ("1 if cores else 2", "a number stands where a comparison belongs"),
        ("not cores", "a number stands where a comparison belongs"),
        ("(cores > 1) + 1", "can't be calculated with"),
        ("1e20 * 1e20", "too large"),
    ],
)
def test_what_has_no_value_says_why(text: str, sentence: str) -> None:
    with pytest.raises(Mistake) as raised:
        value(text)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no formula"),
        ("ram /", "no formula"),
        ("ram; cores", "no formula"),
        ("ram = 4", "no formula"),
        ("__import__('os').system('true')", "unknown function"),
        ("().__class__", "takes no"),
        ("ram.real", "takes no dot"),
        ("9 ** 9 ** 9 ** 9", "takes no power"),
        ("cores // 2", "takes no //"),
        ("cores % 2", "takes no %"),
        ("cores << 4000", "takes no"),
        ("[1] * 9", "takes no list"),
        ("[x for x in y]", "takes no"),
        ("lambda: 1", "takes no"),
        ("f'{ram}'", "takes no"),
        ("(x := 4)", "takes no"),
        ("ram if", "no formula"),
        ("True", "takes no True"),
        ("None", "takes no None"),
        ("1j", "unknown unit"),
        ("b'x'", "takes no"),
        ("ram is cores", "takes no"),
        ("disk in disk", "takes no"),
        ("exec(ram)", "unknown function exec"),
        ("mni(ram, 1GiB)", "unknown function mni"),
        ("min(ram)", "min takes two values or more"),
        ("min(*ram)", "takes plain values"),
        ("round(1, 2)", "round takes one value"),
        ("round(x=1)", "takes plain values"),
        ("16GiB(4)", "unknown function"),
        ("____", "no name"),
        ("16GB", "write 16GiB"),
        ("4parsecs", "unknown unit"),
        ("ram × 2", "holds the character"),
        ("9" * 399, "too large"),
        ("1" + "+1" * 400, "too long"),
        ("(" * 200 + "1" + ")" * 198, "no formula"),
    ],
)
def test_what_is_no_formula_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Mistake) as raised:
        read_formula(text)
    assert sentence in str(raised.value)


def test_a_near_miss_of_a_function_is_named() -> None:
    with pytest.raises(Mistake) as raised:
        read_formula("floot(cores)")
    assert raised.value.hint == "did you mean floor?"


def test_names_are_the_facts_and_neither_functions_nor_literals() -> None:
    assert read_formula("min(ram / cores, 4MiB) if disk == 'ram' else 1s").names == {
        "ram",
        "cores",
        "disk",
    }


@given(st.text(max_size=120))
def test_any_text_is_a_formula_or_a_mistake(text: str) -> None:
    with suppress(Mistake):
        formula = read_formula(text)
        formula.evaluate(dict.fromkeys(formula.names, Quantity(2.0, "number")))


FORMULAS = st.recursive(
    st.sampled_from(
        ["ram", "cores", "connections", "hold", "1GiB", "5ms", "3", "0", "1.5", "zero"]
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("{}({})".format, st.sampled_from(["round", "floor", "-"]), inner),
        st.builds(
            "({} if {} {} {} else {})".format,
            inner,
            inner,
            st.sampled_from(["<", "=="]),
            inner,
            inner,
        ),
    ),
    max_leaves=12,
)


@given(FORMULAS)
def test_what_can_be_worked_out_is_a_finite_quantity(text: str) -> None:
    try:
        found = value(text)
    except Mistake:
        return
    assert isinstance(found.value, float)
    assert math.isfinite(found.value)
    assert found.kind in {"number", "size", "duration"}


@given(st.integers(1, 4096), st.integers(1, 512), st.integers(1, 64))
def test_arithmetic_is_that_of_numbers(ram_gib: int, cores: int, part: int) -> None:
    facts = {
        "ram": Quantity(float(ram_gib * GIB), "size"),
        "cores": Quantity(float(cores), "number"),
    }
    found = read_formula(f"max(64MiB, min(ram / {part} / cores, 16GiB) * 0.5)").evaluate(facts)
    assert found.value == pytest.approx(max(2**26, min(ram_gib * GIB / part / cores, 16 * GIB) / 2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (4, Quantity(4.0, "number")),
        ("4", Quantity(4.0, "number")),
        ("64GiB", Quantity(64.0 * GIB, "size")),
        ("64GB", Quantity(64e9, "size")),
        ("5ms", Quantity(5e6, "duration")),
        ("ssd", Quantity("ssd", "text")),
    ],
)
def test_a_fact_is_a_number_a_size_a_duration_or_a_word(given: object, expected: Quantity) -> None:
    assert quantity(given) == expected


@pytest.mark.parametrize("given", [True, None, "", "a b", "1e400", [4], "4 parsecs", "$(x)"])
def test_anything_else_is_no_fact(given: object) -> None:
    with pytest.raises(Mistake):
        quantity(given)
