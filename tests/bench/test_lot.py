"""The order of runs: every variant once in each block, drawn by lot."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from perfkit.bench.lot import in_blocks

NAMES = st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


@given(NAMES, st.integers(1, 12), st.integers(0, 99))
def test_each_block_has_every_variant_once(names: list[str], runs: int, seed: int) -> None:
    order = list(in_blocks(names, runs, seed))
    assert [block for block, _ in order] == sorted([*range(1, runs + 1)] * len(names))
    assert Counter(order) == {(block, name): 1 for block in range(1, runs + 1) for name in names}


@given(NAMES, st.integers(1, 12), st.integers(0, 99))
def test_the_same_seed_draws_the_same_order(names: list[str], runs: int, seed: int) -> None:
    assert list(in_blocks(names, runs, seed)) == list(in_blocks(names, runs, seed))


def test_no_variant_is_always_first() -> None:
    firsts = Counter(
        next(name for block, name in in_blocks("ab", 1, seed) if block == 1) for seed in range(400)
    )
    assert 140 < firsts["a"] < 260
