"""How values are written, and that what is written means no more than what was worked out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.scenario.fields import Mistake
from perfkit.tuning.formula import Kind, Quantity
from perfkit.tuning.notation import NOTATIONS, Notation, written

UNITS = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}


@pytest.mark.parametrize(
    ("value", "kind", "notation", "text"),
    [
        (4 * 2**30, "size", None, "4GB"),
        (2**30 / 3, "size", "size", "341MB"),
        (5.4 * 2**20, "size", "size", "5529kB"),
        (2**40, "size", "size", "1TB"),
        (512, "size", "size", "512B"),
        (0, "size", "size", "0"),
        (-(2**30), "size", "size", "-1GB"),
        (64 * 2**20, "size", "bytes", "67108864"),
        (-(256 * 2**20), "size", "KiB", "-262144"),
        (2.5 * 2**20, "size", "MiB", "2"),
        (12.345 * 2**30, "size", "GiB", "12.34"),
        (2**30, "size", "GiB", "1"),
        (8.9, "number", None, "8"),
        (-8.9, "number", "count", "-8"),
        (-0.4, "number", "count", "0"),
        (1.1, "number", "number", "1.1"),
        (2 / 3, "number", "number", "0.666"),
        (100.0, "number", "number", "100"),
        (5 * 60e9, "duration", None, "5min"),
        (90e9, "duration", "duration", "90s"),
        (1.5e9, "duration", "duration", "1500ms"),
        (250e3, "duration", "duration", "250us"),
        (0, "duration", "duration", "0"),
        (1.5e9, "duration", "s", "1.5"),
        (1.5e9, "duration", "ms", "1500"),
        (1500, "duration", "us", "1"),
    ],
)
def test_a_value_is_written_as_its_program_takes_it(
    value: float, kind: Kind, notation: Notation | None, text: str
) -> None:
    assert written(Quantity(float(value), kind), notation) == text


def test_words_are_written_as_they_are() -> None:
    assert written(Quantity("on", "text"), None) == "on"


@pytest.mark.parametrize(
    ("kind", "notation", "sentence"),
    [
        ("number", "size", "the result is a number, which can't be written as size"),
        ("size", "count", "the result is a size, which can't be written as count"),
        ("duration", "MiB", "the result is a duration, which can't be written as MiB"),
        ("text", "ms", "the result is text, which can't be written as ms"),
        ("condition", None, "the result is a comparison, which can't be written as a value"),
    ],
)
def test_a_value_of_another_kind_is_refused(
    kind: Kind, notation: Notation | None, sentence: str
) -> None:
    with pytest.raises(Mistake) as raised:
        written(Quantity(4.0, kind), notation)
    assert str(raised.value) == sentence


@given(st.integers(1, 2**50))
def test_a_size_loses_less_than_one_percent_and_gains_nothing(size: int) -> None:
    text = written(Quantity(float(size), "size"), "size")
    digits = text.rstrip("kMGTB")
    read = int(digits) * UNITS[text[len(digits) :]]
    assert read <= size
    assert size - read <= size / 100


@given(st.sampled_from(NOTATIONS), st.floats(-1e15, 1e15))
def test_what_is_written_is_one_word(notation: Notation, value: float) -> None:
    kinds: tuple[Kind, ...] = ("number", "size", "duration")
    for kind in kinds:
        try:
            text = written(Quantity(value, kind), notation)
        except Mistake:
            continue
        assert text
        assert not set(text) & set(" 'e;\n")
        assert text != "-0"
