"""Text made harmless, and quantities as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.report.wording import printable, show_quantity, show_span


@given(st.text())
def test_printable_text_is_one_line_without_anything_that_a_terminal_obeys(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_text_that_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_control_characters_are_shown_and_not_swallowed() -> None:
    assert printable("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (-0.1, "0 s"),
        (0.85, "850 ms"),
        (12.34, "12.3 s"),
        (119, "119 s"),
        (125.2, "2 min 05 s"),
        (3599.9, "1 h 00 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_a_span_is_written_as_people_say_it(seconds: float, shown: str) -> None:
    assert show_span(seconds) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "ms", "-"),
        (0.256, "ratio", "25.6 %"),
        (1.5 * 2**20, "bytes", "1.50 MiB"),
        (1.5 * 2**20, "bytes_per_s", "1.50 MiB/s"),
        (0.0123, "ms", "12.3 µs"),
        (1.5, "s", "1.50 s"),
        (12345, "per_s", "12,345/s"),
        (17, "count", "17"),
        (0.314, "cores", "0.31 cores"),
    ],
)
def test_a_quantity_gets_the_unit_that_fits(value: float | None, unit: str, shown: str) -> None:
    assert show_quantity(value, unit) == shown
