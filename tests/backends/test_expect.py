"""What `expect` asks of a reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.base import Failure
from perfkit.backends.expect import (
    forgiven,
    rows_test,
    unexpected_rows,
    unexpected_value,
    value_test,
)
from perfkit.scenario import Expect

counts = st.integers(0, 10**6)


def _rows(wanted: int | str, seen: int) -> bool:
    test = rows_test(Expect(rows=wanted))
    assert test is not None
    return test(seen)


@given(counts, counts)
def test_comparisons_of_rows_are_those_of_numbers(wanted: int, seen: int) -> None:
    assert _rows(wanted, seen) == _rows(f"{wanted}", seen) == _rows(f"== {wanted}", seen)
    assert _rows(wanted, seen) == (seen == wanted)
    assert _rows(f">={wanted}", seen) == (seen >= wanted)
    assert _rows(f"<= {wanted}", seen) == (seen <= wanted)
    assert _rows(f"> {wanted} ", seen) == (seen > wanted)
    assert _rows(f"<{wanted}", seen) == (seen < wanted)


@given(counts, counts, counts)
def test_a_range_of_rows_includes_both_ends(low: int, high: int, seen: int) -> None:
    assert _rows(f"{low}..{high}", seen) == (low <= seen <= high)


@pytest.mark.parametrize("text", ["", "many", ">", "1...2", "-1", "1..", "~1"])
def test_other_texts_are_no_number_of_rows(text: str) -> None:
    with pytest.raises(ValueError, match=r"1\.\.10"):
        rows_test(Expect(rows=text))


def test_nothing_expected_is_nothing_to_test() -> None:
    assert rows_test(Expect()) is None
    assert value_test(Expect()) is None


SAME: list[tuple[Any, Any]] = [
    (5, 5), (5, "5"), (5, b"5"), (5, 5.0), (5, "5.00"), (1.5, b"1.5"), (True, True), (True, 1),
    (True, b"t"), (True, "true"), (False, 0), (False, b"f"), ("a", "a"), ("a", b"a"), ("5", 5),
    ("", ""), ("é", "é".encode()),
]  # fmt: skip
OTHER: list[tuple[Any, Any]] = [
    (5, "nan"), (5, b"sNaN"), (5, 6), (5, "five"), (5, None), (5, ""), (1, True), (True, 2), (True, None), (False, None),
    (False, ""), ("a", "A"), ("a", " a"), ("None", None), ("5", 5.0),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "seen"), SAME)
def test_a_value_is_the_same_in_the_types_that_servers_answer_in(wanted: Any, seen: Any) -> None:
    test = value_test(Expect(value=wanted, has_value=True))
    assert test is not None
    assert test(seen)


@pytest.mark.parametrize(("wanted", "seen"), OTHER)
def test_another_value_is_another(wanted: Any, seen: Any) -> None:
    test = value_test(Expect(value=wanted, has_value=True))
    assert test is not None
    assert not test(seen)


def test_null_can_be_expected() -> None:
    test = value_test(Expect(value=None, has_value=True))
    assert test is not None
    assert test(None)
    assert not test("")
    assert not test(0)


def test_failures_say_what_was_expected_and_what_came() -> None:
    assert unexpected_rows(Expect(rows=">=1"), 0).message == "expected >=1 rows, got 0"
    assert unexpected_value(Expect(value="a"), None).message == "expected the value 'a', got null"


def test_long_values_are_shown_shortened() -> None:
    assert len(unexpected_value(Expect(value="a"), "x" * 10_000).message) < 120


def test_listed_error_classes_are_all_right_and_no_others() -> None:
    failure = Failure("unique_violation", "")
    assert forgiven(Expect(error=("unique_violation",)), failure) is None
    assert forgiven(Expect(error=("deadlock_detected",)), failure) is failure
