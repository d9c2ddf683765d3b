import math
import re
import time
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.errors import UsageError
from perfkit.load.generate import bind_all, think
from perfkit.load.generate.zipf import Ycsb, Zipf, scatter
from perfkit.scenario import Load, Operation, Param, Scenario, Stage
from perfkit.scenario.values import (
    Bytes,
    Choice,
    Constant,
    Csv,
    Exponential,
    Hotspot,
    Latest,
    Normal,
    Sequential,
    Template,
    Text,
    Timestamp,
    Uniform,
    Uuid,
    Zipfian,
)

LOAD = Load(model="closed", stages=(Stage(name="all", duration_ns=1, start=1, end=1),))
Drawn = list[tuple[Any, ...]]


def operation(name: str = "op", /, **params: Param) -> Operation:
    return Operation(name=name, params=params)


def draws_of(
    operations: Sequence[Operation],
    count: int,
    *,
    seed: int = 1,
    worker: int = 0,
    workers: int = 1,
    path: Path = Path("scenario.yaml"),
) -> dict[str, Drawn]:
    scenario = Scenario(
        name="test", path=path, target=None, operations=tuple(operations), load=LOAD
    )
    bound = bind_all(scenario, seed=seed, worker=worker, workers=workers)
    return {each.operation.name: [each.draw() for _ in range(count)] for each in bound}


def values(param: Param, count: int, **place: Any) -> list[Any]:
    return [value for (value,) in draws_of([operation(p=param)], count, **place)["op"]]


def fits(seen: Sequence[float], probabilities: Sequence[float]) -> bool:
    """Pearson's chi-square within four standard deviations of its mean; small cells are joined."""
    total = sum(seen)
    cells: list[tuple[float, float]] = []
    joined_seen = joined_expected = 0.0
    for count, probability in zip(seen, probabilities, strict=True):
        joined_seen += count
        joined_expected += total * probability
        if joined_expected >= 10:
            cells.append((joined_seen, joined_expected))
            joined_seen = joined_expected = 0.0
    cells[-1] = cells[-1][0] + joined_seen, cells[-1][1] + joined_expected
    chi_square = sum((count - expected) ** 2 / expected for count, expected in cells)
    freedom = len(cells) - 1
    assert freedom
    return chi_square < freedom + 4 * math.sqrt(2 * freedom)


def zeta(items: int, theta: float) -> float:
    """Sum of r^−theta: the first terms one by one, the rest by Euler and Maclaurin."""
    exact = min(items, 100_000)
    total = math.fsum(math.pow(r, -theta) for r in range(1, exact + 1))
    if items == exact:
        return total
    a, b, q = math.log(exact), math.log(items), 1 - theta
    integral = (math.exp(q * b) - math.exp(q * a)) / q if q else b - a
    return total + integral + (math.exp(-theta * b) - math.exp(-theta * a)) / 2


def every_kind(low: int, high: int) -> list[Param]:
    bounds = (low, high)
    return [
        Uniform(range=bounds),
        Zipfian(range=bounds),
        Zipfian(range=bounds, theta=2.5),
        Zipfian(kind="scrambled_zipfian", range=bounds),
        Latest(range=bounds),
        Hotspot(range=bounds),
        Normal(range=bounds),
        Exponential(range=bounds),
        Sequential(start=low, end=high),
    ]


@given(low=st.integers(-(10**12), 10**12), width=st.integers(0, 10**12), seed=st.integers(0, 9))
def test_whole_ranges_give_whole_numbers_inside(low: int, width: int, seed: int) -> None:
    for param in every_kind(low, low + width):
        seen = values(param, 40, seed=seed)
        assert {type(value) for value in seen} == {int}, param
        assert low <= min(seen) <= max(seen) <= low + width, param


@pytest.mark.parametrize("kind", [Uniform, Normal, Exponential])
def test_a_bound_with_a_fraction_gives_floats_inside(
    kind: type[Uniform | Normal | Exponential],
) -> None:
    seen = values(kind(range=(0.5, 2)), 3000)
    assert {type(value) for value in seen} == {float}
    assert 0.5 <= min(seen) <= max(seen) <= 2


def test_bounds_written_as_floats_without_a_fraction_give_whole_numbers() -> None:
    assert {type(value) for value in values(Uniform(range=(1.0, 5.0)), 100)} == {int}


@pytest.mark.parametrize("kind", [Uniform, Zipfian, Latest, Hotspot, Normal, Exponential])
def test_a_range_too_wide_for_64_bits_is_refused(kind: type[Uniform]) -> None:
    param = kind(range=(0, 2**62))
    with pytest.raises(UsageError, match=r"operations\.op\.params\.p: .*beyond 2\^62"):
        values(param, 1)


def test_uniform_has_every_number_equally_often() -> None:
    seen = Counter(values(Uniform(range=(-20, 29)), 50_000))
    assert fits([seen[i] for i in range(-20, 30)], [1 / 50] * 50)


@pytest.mark.parametrize("theta", [0.0, 0.3, 0.99, 1.0, 1.0000001, 1.2, 2.0, 5.0, 10.0])
@pytest.mark.parametrize("items", [2, 3, 1000])
def test_zipfian_has_the_probabilities_of_zipfs_law(theta: float, items: int) -> None:
    seen = Counter(values(Zipfian(range=(101, 100 + items), theta=theta), 100_000))
    scale = zeta(items, theta)
    ranks = range(1, items + 1)
    assert fits([seen[100 + r] for r in ranks], [r**-theta / scale for r in ranks])


@pytest.mark.parametrize("theta", [0.99, 1.0, 1.0000001, 1.2, 2.0, 5.0, 10.0])
@pytest.mark.parametrize("items", [10**6, 10**9])
def test_zipfian_of_many_has_the_probabilities_at_its_head(theta: float, items: int) -> None:
    count = 100_000
    seen = Counter(values(Zipfian(range=(1, items), theta=theta), count))
    scale = zeta(items, theta)
    probabilities = [r**-theta / scale for r in range(1, 301)]
    observed = [seen[r] for r in range(1, 301)]
    rest = max(0.0, 1 - math.fsum(probabilities))
    assert fits([*observed, count - sum(observed)], [*probabilities, rest])


@pytest.mark.parametrize("theta", [0.5, 0.99, 1.0, 1.1])
def test_zipfian_is_right_in_its_far_tail_too(theta: float) -> None:
    items = 10**9
    ranks = Zipf(items, theta).draw(200_000, np.random.default_rng(1))
    edges = [1, *(10**power for power in range(1, 10))]
    upto = [0.0, *(zeta(edge, theta) for edge in edges)]
    probabilities = [(b - a) / upto[-1] for a, b in pairwise(upto)]
    seen = np.diff([0, *(int(np.sum(ranks <= edge)) for edge in edges)])
    assert fits([float(count) for count in seen], probabilities)


def test_the_hottest_of_a_thousand_zipfian_keys_has_its_textbook_share() -> None:
    seen = Counter(values(Zipfian(range=(1, 1000)), 100_000))
    assert seen[1] / 100_000 == pytest.approx(0.1294, abs=0.004)


@pytest.mark.parametrize("param", [Zipfian(range=(1, 10**15), theta=t) for t in (0.5, 0.99, 1, 3)])
def test_a_huge_range_needs_no_memory(param: Param) -> None:
    values(param, 1)
    tracemalloc.start()
    values(param, 3000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2_000_000


def fnv(number: int) -> int:
    """FNV-1a, 64 bit, as in the RFC draft, and the absolute value of it as a signed number."""
    hashed = 0xCBF29CE484222325
    for octet in number.to_bytes(8, "little"):
        hashed = (hashed ^ octet) * 0x100000001B3 % 2**64
    return abs(hashed - 2**64 if hashed >= 2**63 else hashed)


def test_ranks_are_scattered_to_the_keys_that_ycsb_has() -> None:
    ranks = [0, 1, 2, 255, 256, 10**10]
    assert scatter(np.array(ranks), 2**63 - 1).tolist() == [fnv(rank) for rank in ranks]
    # The first two keys of every YCSB table are user6284781860667377211, user8517097267634966620.
    assert scatter(np.array([0, 1]), 2**63 - 1).tolist() == [
        6284781860667377211,
        8517097267634966620,
    ]


def ycsb_rank(u: float) -> int:
    """One rank of YCSB's ZipfianGenerator, transcribed number by number."""
    theta, items, zetan = 0.99, 10_000_000_001, 26.46902820178302
    alpha = 1 / (1 - theta)
    eta = (1 - (2 / items) ** (1 - theta)) / (1 - (1 + 0.5**theta) / zetan)
    if u * zetan < 1:
        return 0
    if u * zetan < 1 + 0.5**theta:
        return 1
    return int(items * (eta * u - eta + 1) ** alpha)


def test_scrambled_ranks_are_those_of_ycsb() -> None:
    uniform = np.random.default_rng(4).random(2000)
    ranks = Ycsb().draw(2000, np.random.default_rng(4))
    assert ranks.tolist() == pytest.approx([ycsb_rank(u) for u in uniform], rel=1e-9)
    assert np.sum(ranks == 0) > 40
    assert np.sum(ranks == 1) > 20


@pytest.mark.parametrize("items", [1000, 100_000])
def test_the_hottest_scrambled_key_has_ycsbs_share_whatever_the_number_of_keys(items: int) -> None:
    seen = Counter(values(Zipfian(kind="scrambled_zipfian", range=(1, items)), 100_000))
    key, count = seen.most_common(1)[0]
    assert key == 1 + fnv(0) % items
    assert count / 100_000 == pytest.approx(1 / 26.469, abs=0.003 + 1 / items)


def test_a_scrambled_zipfian_of_another_theta_is_skewed_by_it() -> None:
    param = Zipfian(kind="scrambled_zipfian", range=(1, 1000), theta=2)
    seen = Counter(values(param, 50_000))
    assert seen[1 + fnv(0) % 1000] / 50_000 == pytest.approx(6 / math.pi**2, abs=0.01)


def test_latest_is_zipfian_from_the_top() -> None:
    seen = Counter(values(Latest(range=(1, 1000)), 50_000))
    scale = zeta(1000, 0.99)
    assert fits(
        [seen[1001 - r] for r in range(1, 1001)], [r**-0.99 / scale for r in range(1, 1001)]
    )


def test_latest_of_a_sequence_asks_for_what_is_there_most_often_the_newest() -> None:
    scenario = Scenario(
        name="test",
        path=Path("s.yaml"),
        target=None,
        operations=(
            operation("read", key=Latest(range=(1, 1000), of="insert.key")),
            operation("insert", key=Sequential(start=1001)),
        ),
        load=LOAD,
    )
    read, insert = bind_all(scenario, seed=1, worker=1, workers=3)
    there = set(range(1, 1001))
    newest = 1000
    hits = 0
    for _ in range(1000):
        (newest,) = insert.draw()
        there.add(newest)
        for _ in range(10):
            (key,) = read.draw()
            assert key in there
            hits += key == newest
    assert newest == 1002 + 999 * 3
    assert hits / 10_000 == pytest.approx(1 / zeta(1500, 0.99), abs=0.02)


@pytest.mark.parametrize("behind", [0, 1, 20])
def test_latest_leaves_out_what_may_still_be_on_its_way(behind: int) -> None:
    latest = Latest(range=(1, 100), of="n", behind=behind)
    drawn = draws_of([operation("add", n=Sequential(start=101), last=latest)], 2_000)["add"]
    assert max(last - number for number, last in drawn[behind:]) == -behind
    assert {last for _, last in drawn[:behind]} <= set(range(1, 101))


def test_latest_follows_a_sequence_round_its_end() -> None:
    drawn = draws_of(
        [operation("add", n=Sequential(start=11, end=15), last=Latest(range=(1, 10), of="n"))], 500
    )["add"]
    assert {last for _, last in drawn} == set(range(1, 16))


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], "no operation has a sequential param 'id'"),
        ([operation("b", id=Uuid())], "no operation has a sequential param 'id'"),
        (
            [operation("b", id=Sequential()), operation("c", id=Sequential())],
            r"several operations have a sequential 'id': write operation\.id",
        ),
    ],
)
def test_latest_of_something_that_is_no_single_sequence_is_refused(
    others: list[Operation], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        draws_of([operation("a", key=Latest(range=(1, 10), of="id")), *others], 1)


def test_a_hotspot_gets_its_share_evenly_and_the_rest_the_rest() -> None:
    seen = Counter(values(Hotspot(range=(1, 50), keys=0.2, draws=0.8), 50_000))
    assert fits([seen[i] for i in range(1, 51)], [0.08] * 10 + [0.005] * 40)


def test_a_hotspot_of_the_whole_range_is_uniform() -> None:
    seen = Counter(values(Hotspot(range=(1, 50), keys=1, draws=0.5), 50_000))
    assert fits([seen[i] for i in range(1, 51)], [1 / 50] * 50)


def gaussian(mean: float, stddev: float, low: float, high: float) -> float:
    def upto(x: float) -> float:
        return math.erf((x - mean) / stddev / math.sqrt(2)) / 2

    return upto(high) - upto(low)


@pytest.mark.parametrize(("mean", "stddev"), [(None, None), (10, 30), (100, 5)])
def test_normal_is_gaussian_cut_to_its_range(mean: float | None, stddev: float | None) -> None:
    seen = Counter(values(Normal(range=(1, 100), mean=mean, stddev=stddev), 50_000))
    mu, sigma = mean or 50.5, stddev or 16.5
    weights = [gaussian(mu, sigma, i - 0.5, i + 0.5) for i in range(1, 101)]
    assert fits([seen[i] for i in range(1, 101)], [weight / sum(weights) for weight in weights])


def test_a_normal_whose_range_is_one_number_is_that_number() -> None:
    assert values(Normal(range=(7, 7)), 3) == [7, 7, 7]


def test_exponential_is_ycsbs_cut_to_its_range() -> None:
    seen = Counter(values(Exponential(range=(1, 100)), 50_000))
    gamma = -math.log(0.05) / 85.71428571
    weights = [math.exp(-gamma * i) for i in range(100)]
    assert fits([seen[i] for i in range(1, 101)], [weight / sum(weights) for weight in weights])


@given(st.integers(1, 6), st.integers(-5, 5))
def test_a_sequence_is_shared_out_among_workers_without_gap_or_double(
    workers: int, start: int
) -> None:
    shares = [
        values(Sequential(start=start), 50, worker=worker, workers=workers)
        for worker in range(workers)
    ]
    assert sorted(chain.from_iterable(shares)) == list(range(start, start + 50 * workers))
    assert all(share == sorted(share) for share in shares)


@given(st.integers(1, 6), st.integers(1, 20))
def test_a_sequence_wraps_round_and_stays_apart_from_other_workers(
    workers: int, numbers: int
) -> None:
    shares = [
        set(values(Sequential(start=1, end=numbers), 60, worker=worker, workers=workers))
        for worker in range(workers)
    ]
    assert set.union(*shares) == set(range(1, numbers + 1))
    if workers <= numbers:
        assert sum(map(len, shares)) == numbers


def test_choices_come_by_weight_and_with_their_type() -> None:
    param = Choice(values=("a", 1, 2.5, None, True, "never"), weights=(5, 1, 1, 2, 1, 0))
    seen = Counter(map(repr, values(param, 20_000)))
    names = ["'a'", "1", "2.5", "None", "True"]
    assert set(seen) == set(names)
    assert fits([seen[name] for name in names], [0.5, 0.1, 0.1, 0.2, 0.1])


def test_choices_without_weights_come_equally_often() -> None:
    seen = Counter(values(Choice(values=tuple("abcdefghij")), 20_000))
    assert fits([seen[letter] for letter in "abcdefghij"], [0.1] * 10)


def test_text_is_words_of_exactly_the_length() -> None:
    for seen in values(Text(length=(100, 100)), 2000):
        assert len(seen) == 100
        assert re.fullmatch(r"[a-z]+( [a-z]+)+", seen)


@pytest.mark.parametrize("alphabet", [None, "ab", "äé🙂"])
def test_text_has_every_length_of_its_bounds(alphabet: str | None) -> None:
    seen = Counter(len(text) for text in values(Text(length=(0, 9), alphabet=alphabet), 5000))
    assert fits([seen[length] for length in range(10)], [0.1] * 10)


def test_letters_of_an_alphabet_come_equally_often() -> None:
    seen = Counter("".join(values(Text(length=(50, 50), alphabet="abcdé🙂"), 2000)))
    assert fits([seen[letter] for letter in "abcdé🙂"], [1 / 6] * 6)


def test_texts_do_not_repeat() -> None:
    assert len(set(values(Text(length=(100, 100)), 3000))) == 3000


def test_a_text_can_be_longer_than_a_megabyte() -> None:
    (seen,) = values(Text(length=(3 * 2**20, 3 * 2**20)), 1)
    assert len(seen) == 3 * 2**20
    assert not seen.endswith(" ")


def test_bytes_are_random_and_of_the_length() -> None:
    seen = values(Bytes(length=(0, 40)), 3000)
    assert {type(value) for value in seen} == {bytes}
    assert {len(value) for value in seen} == set(range(41))
    octets = Counter(b"".join(seen))
    assert fits([octets[octet] for octet in range(256)], [1 / 256] * 256)


def test_uuids_are_of_version_4_and_never_the_same() -> None:
    seen = values(Uuid(), 3000)
    for text in seen:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, uuid.RFC_4122, text)
    assert len(set(seen)) == 3000


def test_timestamps_lie_between_their_bounds_evenly() -> None:
    param = Timestamp(start="2026-01-01T00:00:00Z", end="2026-01-11T02:00:00+02:00")
    times = [datetime.fromisoformat(text) for text in values(param, 5000)]
    assert all(time.tzinfo == UTC for time in times)
    days = Counter((time - datetime(2026, 1, 1, tzinfo=UTC)).days for time in times)
    assert fits([days[day] for day in range(10)], [0.1] * 10)


def test_a_timestamp_without_bounds_is_the_time_of_its_draw() -> None:
    scenario = Scenario(
        name="t", path=Path("s"), target=None, operations=(operation(at=Timestamp()),), load=LOAD
    )
    (bound,) = bind_all(scenario, seed=1, worker=0, workers=1)
    for _ in range(2):
        before = datetime.now(UTC)
        time.sleep(0.002)
        (text,) = bound.draw()
        assert before < datetime.fromisoformat(text) <= datetime.now(UTC)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", text)


@pytest.fixture
def users_csv(tmp_path: Path) -> Path:
    rows = "".join(f"{i},name {i},{i:04}\n" for i in range(1, 11))
    (tmp_path / "users.csv").write_text("\ufeffid,name,code\n" + rows, encoding="utf-8")
    return tmp_path / "scenario.yaml"


def column(name: str, order: Literal["sequential", "random"] = "sequential") -> Csv:
    return Csv(file="users.csv", column=name, order=order)


def test_a_csv_column_goes_from_worker_to_worker_and_round(users_csv: Path) -> None:
    first, second = (
        values(column("id"), 10, worker=worker, workers=2, path=users_csv) for worker in (0, 1)
    )
    assert first == [1, 3, 5, 7, 9] * 2
    assert second == [2, 4, 6, 8, 10] * 2
    assert values(column("id"), 12, worker=1, workers=3, path=users_csv) == [
        2, 5, 8, 1, 4, 7, 10, 3, 6, 9, 2, 5,
    ]  # fmt: skip


def test_a_csv_column_of_whole_numbers_gives_numbers_and_any_other_text(users_csv: Path) -> None:
    assert values(column("id"), 1, path=users_csv) == [1]
    assert values(column("code"), 1, path=users_csv) == ["0001"]


@pytest.mark.parametrize("order", ["sequential", "random"])
def test_columns_of_a_csv_file_give_values_of_one_row(
    users_csv: Path, order: Literal["sequential", "random"]
) -> None:
    params = {"id": column("id", order), "name": column("name", order)}
    drawn = draws_of([operation(**params)], 3000, path=users_csv)["op"]
    assert all(name == f"name {number}" for number, name in drawn)


def test_random_rows_of_a_csv_file_come_equally_often(users_csv: Path) -> None:
    seen = Counter(values(column("id", "random"), 5000, path=users_csv))
    assert fits([seen[number] for number in range(1, 11)], [0.1] * 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "no rows below the header"),
        ("id\n", "no rows below the header"),
        ("name,id2\nx,1\n", "the header has name, id2"),
        ("name,id\nx,1\ny\n", "a row has too few columns"),
        (b"id\n\xff\xfe", "codec can't decode"),
    ],
)
def test_a_csv_file_that_can_not_be_used_is_refused(
    tmp_path: Path, text: str | bytes | None, message: str
) -> None:
    if text is not None:
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "users.csv").write_bytes(data)
    with pytest.raises(UsageError, match=rf"operations\.op\.params\.p: .*'id'.*{message}"):
        values(column("id"), 1, path=tmp_path / "scenario.yaml")


def test_a_template_holds_the_values_of_its_own_draw() -> None:
    drawn = draws_of(
        [
            operation(
                line=Template(text="{{{key}}}={id}/{id}"),  # a template of a template, before it
                key=Template(text="user:{id}:{name}"),
                alone=Template(text="{id}"),
                fixed=Template(text="{{}} 100 %"),
                id=Uniform(range=(1, 10**6)),
                name=Choice(values=("a", "b")),
            )
        ],
        3000,
    )["op"]
    for line, key, alone, fixed, number, name in drawn:
        assert key == f"user:{number}:{name}"
        assert line == f"{{{key}}}={number}/{number}"
        assert alone == str(number)
        assert fixed == "{} 100 %"


def test_a_param_has_the_same_values_with_and_without_a_template_of_it() -> None:
    alone = draws_of([operation(id=Uniform(range=(1, 99)))], 100)["op"]
    used = draws_of([operation(id=Uniform(range=(1, 99)), t=Template(text="x{id}"))], 100)["op"]
    assert [number for number, _ in used] == [number for (number,) in alone]


@pytest.mark.parametrize(
    "params",
    [
        {"a": Template(text="{b}"), "b": Template(text="{a}")},
        {"a": Template(text="{a}")},
        {"a": Template(text="{unknown}")},
    ],
)
def test_a_template_of_itself_or_of_nothing_known_is_refused(params: dict[str, Param]) -> None:
    with pytest.raises(UsageError, match=r"operations\.op\.params: a.*not in a circle"):
        draws_of([operation(**params)], 1)


@pytest.mark.parametrize("value", [None, True, 7, 2.5, "text"])
def test_a_constant_is_itself(value: str | float | None) -> None:
    assert values(Constant(value=value), 3) == [value] * 3


def test_an_operation_without_params_draws_nothing_again_and_again() -> None:
    assert draws_of([operation()], 3)["op"] == [(), (), ()]


def random_params() -> dict[str, Param]:
    return {
        "uniform": Uniform(range=(1, 10**9)),
        "zipfian": Zipfian(range=(1, 10**9), theta=0.5),
        "text": Text(length=(50, 90)),
        "letters": Text(length=(20, 20), alphabet="abc"),
        "bytes": Bytes(length=(10, 50)),
        "uuid": Uuid(),
        "time": Timestamp(start="2026-01-01T00:00:00Z", end="2027-01-01T00:00:00Z"),
    }


def test_one_seed_gives_each_worker_a_sequence_of_its_own() -> None:
    operations = [operation(**random_params())]
    first = draws_of(operations, 1500)["op"]
    assert draws_of(operations, 1500)["op"] == first
    for other in (
        draws_of(operations, 1500, worker=1, workers=2)["op"],
        draws_of(operations, 1500, seed=2)["op"],
    ):
        for mine, theirs in zip(zip(*first, strict=True), zip(*other, strict=True), strict=True):
            assert not set(mine) & set(theirs)


def test_another_operation_or_param_changes_nothing_in_the_others() -> None:
    params = random_params()
    first = draws_of([operation(**params)], 100)["op"]
    more = draws_of(
        [operation("new", id=Uuid()), operation(new=Uuid(), **dict(reversed(params.items())))], 100
    )["op"]
    assert [tuple(reversed(drawn[1:])) for drawn in more] == first


def test_params_of_one_kind_do_not_move_together() -> None:
    drawn = draws_of([operation(a=Uniform(range=(1, 10**9)), b=Uniform(range=(1, 10**9)))], 100)
    assert not {a for a, _ in drawn["op"]} & {b for _, b in drawn["op"]}


def test_think_times_are_whole_nanoseconds_also_between_whole_seconds() -> None:
    times = list(islice(think(Uniform(range=(1.0, 3.0)), seed=1, worker=0), 3000))
    assert {type(time_ns) for time_ns in times} == {int}
    assert 10**9 <= min(times) < 1.01e9
    assert 2.99e9 < max(times) <= 3 * 10**9


def test_an_exponential_think_time_has_its_mean() -> None:
    fraction = -math.log(0.05) / 20  # as the scenario writes a mean of 0.1 s, cut at twenty times
    param = Exponential(range=(0.0, 2.0), percentile=95, fraction=fraction)
    times = list(islice(think(param, seed=1, worker=0), 20_000))
    assert sum(times) / len(times) == pytest.approx(1e8, rel=0.03)


def test_a_constant_think_time_is_itself() -> None:
    assert list(islice(think(Constant(value=0.25), seed=1, worker=0), 2)) == [250_000_000] * 2


def test_users_of_other_workers_think_at_other_times() -> None:
    param = Choice(values=(0.1, 0.2), weights=(1, 1))
    first, second = (list(islice(think(param, seed=1, worker=w), 500)) for w in (0, 1))
    assert first != second
    assert {*first, *second} == {100_000_000, 200_000_000}
