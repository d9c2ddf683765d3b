"""How a change is written."""

import pytest

from perfkit.comparison.wording import show_change


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (0.123, "+12 %"), (-0.034, "-3.4 %"), (0.0, "0.0 %"), (-0.0001, "0.0 %"),
        (0.0994, "+9.9 %"), (0.0999, "+10 %"), (1.5, "+150 %"), (2.5, "3.5 times"), (9.5, "10 times"), (1e200, "over 1,000 times"),
        (-1.0, "-100 %"),
    ],
)  # fmt: skip
def test_a_change_has_a_sign_or_is_a_factor(ratio: float, shown: str) -> None:
    assert show_change(ratio) == shown
