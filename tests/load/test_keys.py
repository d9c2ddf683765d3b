"""Values that are made of others: YCSB's keys, shifted and padded numbers."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.ycsb import ycsb_key, ycsb_keys
from perfkit.scenario import Param
from perfkit.scenario.values import (
    Latest,
    Numbers,
    Padded,
    Sequential,
    Shifted,
    Template,
    Uniform,
    YcsbKey,
    Zipfian,
)
from tests.load.test_generate import draws_of, operation, values


def test_the_first_keys_are_those_of_every_ycsb_table() -> None:
    first = ["user6284781860667377211", "user8517097267634966620", "user1820151046732198393"]
    assert ycsb_keys(np.arange(3)) == first


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50))
def test_a_key_is_the_same_made_alone_and_in_a_block(numbers: list[int]) -> None:
    assert ycsb_keys(np.array(numbers, dtype=np.int64)) == [ycsb_key(number) for number in numbers]


@pytest.mark.parametrize(
    "number",
    [
        Uniform(range=(1, 10**9)),
        Zipfian(range=(1, 10**9)),
        Zipfian(kind="scrambled_zipfian", range=(5, 900)),
        Latest(range=(1, 10**9)),
        Sequential(start=7),
        Sequential(start=7, end=20),
    ],
    ids=lambda number: number.kind,
)
def test_keys_are_those_of_the_numbers_that_the_generator_alone_would_give(number: Numbers) -> None:
    assert values(YcsbKey(number=number), 3000) == [ycsb_key(n) for n in values(number, 3000)]


@given(st.integers(1, 4), st.integers(0, 3))
def test_a_key_of_the_latest_was_drawn_before(workers: int, worker: int) -> None:
    keys = YcsbKey(number=Sequential(start=101))
    latest = YcsbKey(number=Latest(range=(1, 100), of="n"))
    operations = [operation("insert", n=keys), operation("read", last=latest)]
    there = {ycsb_key(number) for number in range(1, 101)}
    drawn = draws_of(operations, 300, worker=worker % workers, workers=workers)
    mine = {ycsb_key(101 + worker % workers + n * workers) for n in range(300)}
    assert {key for (key,) in drawn["insert"]} == mine
    assert {key for (key,) in drawn["read"]} <= there | mine
    within = draws_of(
        [operation("both", n=keys, last=YcsbKey(number=Latest(range=(1, 100), of="n")))], 300
    )["both"]
    for key, last in within:
        there.add(key)
        assert last in there


@given(st.integers(-(10**9), 10**9), st.integers(1, 40))
def test_shifted_and_padded_numbers_belong_to_the_same_draw(by: int, width: int) -> None:
    params: dict[str, Param] = {
        "text": Template(text="{high}:{digits}"),
        "high": Shifted(of="low", by=by),
        "higher": Shifted(of="high", by=1),
        "digits": Padded(of="low", width=width),
        "low": Uniform(range=(0, 10**6)),
    }
    for text, high, higher, digits, low in draws_of([operation(**params)], 50)["op"]:
        assert (high, higher) == (low + by, low + by + 1)
        assert digits == str(low).zfill(width)
        assert text == f"{high}:{digits}"


def test_a_param_keeps_its_values_when_others_are_made_of_it() -> None:
    low: Any = Uniform(range=(1, 10**6))
    alone = values(low, 500)
    together = draws_of([operation(p=low, q=Shifted(of="p", by=1))], 500)["op"]
    assert [value for value, _ in together] == alone


def test_what_is_made_of_a_sequence_takes_nothing_from_it() -> None:
    params: dict[str, Param] = {"n": Sequential(), "digits": Padded(of="n", width=3)}
    drawn = draws_of([operation(**params)], 200)["op"]
    assert all(after - before == 1 for (before, _), (after, _) in pairwise(drawn))
    assert drawn[-1] == (200, "200")
