"""The marks by which perfkit knows what it made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends import marks
from perfkit.errors import TargetError
from perfkit.scenario import Data

KV = Data(use="kv", rows=10, keep=True)


@given(
    st.builds(
        Data,
        use=st.sampled_from(["kv", "orders"]),
        rows=st.integers(1, 10**9),
        value_size=st.integers(0, 2**26),
        keep=st.booleans(),
    )
)
def test_a_mark_is_read_back_as_it_was_written(data: Data) -> None:
    mark = marks.mark_of(data)
    assert marks.read_mark(f"CREATE TABLE kv /* {mark} */ (id INTEGER)") == mark


@pytest.mark.parametrize(
    "text", [None, "", "a table of mine", "perfkit dataset", "perfkit dataset {mine}"]
)
def test_other_texts_are_no_marks(text: str | None) -> None:
    assert marks.read_mark(text) is None


def test_only_the_same_dataset_that_was_kept_is_reused() -> None:
    mark = str(marks.mark_of(KV))
    assert marks.may_reuse(KV, ["kv"], {"kv": mark})
    assert not marks.may_reuse(KV, ["kv"], {})
    assert not marks.may_reuse(KV, ["kv", "kv_more"], {"kv": mark})
    assert not marks.may_reuse(KV.model_copy(update={"rows": 11}), ["kv"], {"kv": mark})
    left_by_a_crash = str(marks.mark_of(KV.model_copy(update={"keep": False})))
    assert not marks.may_reuse(KV, ["kv"], {"kv": left_by_a_crash})


def test_a_stranger_among_the_tables_is_refused() -> None:
    with pytest.raises(TargetError, match="items"):
        marks.may_reuse(KV, ["kv"], {"kv": str(marks.mark_of(KV)), "items": "mine"})
