import math
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.load.mix import mix


def first(count: int, weights: list[float], seed: int = 1, worker: int = 0) -> list[int]:
    return list(islice(mix(weights, seed, worker), count))


@pytest.mark.parametrize("weights", [[80, 20], [1, 1, 1], [0.5, 45, 43, 4, 4, 4], [1e-3, 1]])
def test_operations_come_as_often_as_their_weights_say(weights: list[float]) -> None:
    count = 100_000
    seen = Counter(first(count, weights))
    for operation, weight in enumerate(weights):
        share = weight / sum(weights)
        error = 4 * math.sqrt(count * share * (1 - share))
        assert seen[operation] == pytest.approx(count * share, abs=error)


@given(st.lists(st.sampled_from([0.0, 0.1, 7.0]), min_size=1).filter(any))
def test_an_operation_of_weight_zero_never_comes(weights: list[float]) -> None:
    assert all(weights[operation] for operation in first(3000, weights))


def test_a_single_operation_always_comes() -> None:
    assert first(5, [3]) == [0] * 5
    assert first(5, [0, 3]) == [1] * 5


def test_numbers_are_pythons_own() -> None:
    assert {type(operation) for operation in first(3000, [1, 2])} == {int}


def test_one_seed_gives_each_worker_a_sequence_of_its_own() -> None:
    weights = [1.0, 1.0]
    assert first(3000, weights) == first(3000, weights)
    assert first(3000, weights, worker=1) != first(3000, weights)
    assert first(3000, weights, seed=2) != first(3000, weights)
