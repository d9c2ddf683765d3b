"""How Redis requests are packed and replies put together, whatever the values and the pieces."""

import itertools
import socket
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.base import PENDING, Bound, ConnectionLostError
from perfkit.backends.redis.channel import RedisChannel
from perfkit.backends.redis.compile import compile_operation, encode, judge_of
from perfkit.backends.redis.connection import pack
from perfkit.backends.stream import BUFFER_BYTES
from perfkit.scenario import Expect, Operation
from perfkit.scenario.values import Bytes, Padded, Param, Uuid

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.one_of(st.integers(), st.floats(allow_nan=False), TEXTS)
LITERALS = TEXTS.map(lambda text: text.replace("{", "{{").replace("}", "}}"))
ARGUMENTS = st.one_of(LITERALS, st.integers(), st.just("{a}"), st.just("{b}"),
                      LITERALS.map(lambda text: f"{text}{{a}}%:{{b}}"))  # fmt: skip
COMMANDS = st.lists(
    st.tuples(st.just("SET"), ARGUMENTS, ARGUMENTS).map(tuple), min_size=1, max_size=4
)


def _packed(command: tuple[Any, ...], values: dict[str, Any]) -> bytes:
    """The same by the plainest means."""
    arguments = [a.format(**values) if isinstance(a, str) else a for a in command]
    return pack([encode(argument) for argument in arguments])


@given(COMMANDS, VALUES, VALUES)
def test_requests_are_what_the_driver_would_pack(
    commands: list[tuple[Any, ...]], a: Any, b: Any
) -> None:
    operation = Operation(name="o", redis=tuple(commands))
    compiled = compile_operation(Bound(operation, ("a", "b"), lambda: (a, b)))
    expected = b"".join(_packed(command, {"a": a, "b": b}) for command in commands)
    for _ in range(2):
        made = compiled.make()
        assert made == (expected if len(commands) == 1 else (expected, len(commands)))


@given(st.binary(max_size=40))
def test_bytes_are_sent_as_they_are(value: bytes) -> None:
    params = {"b": Bytes(length=(0, 40))}
    operation = Operation(name="o", redis=(("SET", "k:{b}", "{b}"),), params=params)
    made = compile_operation(Bound(operation, ("b",), lambda: (value,))).make()
    assert made == pack([b"SET", b"k:" + value, value])


def test_each_request_draws_anew() -> None:
    draws = itertools.count(1)
    bound = Bound(Operation(name="o", redis=(("GET", "k{n}"),)), ("n",), lambda: (next(draws),))
    make = compile_operation(bound).make
    assert [make()[-4:-2] for _ in range(3)] == [b"k1", b"k2", b"k3"]


@dataclass
class _Wire:
    """The half of a connection that a channel takes over."""

    socket: socket.socket


@given(
    st.lists(st.binary(max_size=60), min_size=1, max_size=4),
    st.lists(st.integers(1, 30), min_size=1, max_size=20),
)
def test_replies_come_together_from_any_pieces(values: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(b"$%d\r\n%b\r\n" % (len(value), value) for value in values)
    here, there = socket.socketpair()
    with here, there:
        channel = RedisChannel(_Wire(here), bytearray(BUFFER_BYTES))  # type: ignore[arg-type]  # only the socket is used
        assert not channel.send((b"x", len(values)))
        for size in itertools.cycle(sizes):
            assert channel.receive() is PENDING
            there.sendall(stream[:size])
            stream = stream[size:]
            if not stream:
                break
        assert channel.receive() == values
        assert channel.receive() is PENDING


@pytest.mark.parametrize("came", [b"?", b"$1\r\na\r\n?"])
def test_a_reply_that_is_not_redis_ends_the_connection(came: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        channel = RedisChannel(_Wire(here), bytearray(BUFFER_BYTES))  # type: ignore[arg-type]  # only the socket is used
        assert not channel.send((b"x", 2))
        there.sendall(came)
        with pytest.raises(ConnectionLostError, match="unintelligible reply"):
            channel.receive()


# -- batches and commands in turn -----------------------------------------------------------------

PADDED: dict[str, Param] = {"a": Padded(of="n", width=4), "b": Uuid()}


@given(COMMANDS, st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=5))
def test_a_batch_packs_each_draw_in_its_place(
    commands: list[tuple[Any, ...]], draws: list[tuple[Any, Any]]
) -> None:
    operation = Operation(name="o", redis=tuple(commands), batch=len(draws))
    make = compile_operation(Bound(operation, ("a", "b"), itertools.cycle(draws).__next__)).make
    expected = b"".join(
        _packed(command, {"a": a, "b": b}) for a, b in draws for command in commands
    )
    for _ in range(2):
        assert make() == (expected, len(commands) * len(draws))


@given(
    COMMANDS,
    st.lists(st.tuples(st.integers(-1, 20_000), st.uuids()), min_size=1, max_size=5),
)
def test_values_of_foreseen_length_are_packed_as_any_others(
    commands: list[tuple[Any, ...]], numbers: list[tuple[int, UUID]]
) -> None:
    draws = [(f"{number:04}", str(uuid)) for number, uuid in numbers]
    operation = Operation(name="o", redis=tuple(commands), batch=len(draws), params=PADDED)
    make = compile_operation(Bound(operation, ("a", "b"), itertools.cycle(draws).__next__)).make
    expected = b"".join(
        _packed(command, {"a": a, "b": b}) for a, b in draws for command in commands
    )
    count = len(commands) * len(draws)
    for _ in range(2):
        assert make() == (expected if count == 1 else (expected, count))


def test_commands_in_turn_share_a_draw_and_are_requests_of_their_own() -> None:
    draws = itertools.count(1)
    commands = ("GET", "k{n}"), ("DEL", "k{n}")
    operation = Operation(name="o", redis=commands, pipeline=False)
    compiled = compile_operation(Bound(operation, ("n",), lambda: (next(draws),)))
    assert compiled.turns
    for number in (1, 2):
        assert compiled.make() == [pack(["GET", f"k{number}"]), pack(["DEL", f"k{number}"])]


def test_an_error_anywhere_in_a_batch_is_found() -> None:
    judge = compile_operation(
        Bound(Operation(name="o", redis=(("INCR", "x"),), batch=3), (), lambda: ())
    ).judge
    assert judge is not None
    assert judge([1, 2, 3]) is None
    failure = judge([1, hiredis.ReplyError("ERR no number"), 3])
    assert failure is not None
    assert "no number" in failure.message


@pytest.mark.parametrize(
    ("expect", "replies", "right"),
    [
        (Expect(rows=3), [b"a", 1, b"c"], True),
        (Expect(rows=3), [b"a", None, b"c"], False),
        (Expect(rows=3), [[b"a", b"b", b"c"], [], None], True),
        (Expect(rows=3), [[b"a", b"b"], 1, 2], False),
        (Expect(rows=1), [b"a", b"b", b"c"], False),
        (Expect(rows=">=2"), [b"a", b"b", None], True),
        (Expect(value=7), [7, 8, 9], True),
        (Expect(value=7), [b"8", 7, 7], False),
        (Expect(rows=3, error=("ERR",)), [b"a", hiredis.ReplyError("ERR no"), b"c"], True),
    ],
)
def test_the_replies_of_a_batch_are_judged_together(
    expect: Expect, replies: list[Any], *, right: bool
) -> None:
    operation = Operation(name="o", redis=(("GET", "x"),), batch=3, expect=expect)
    assert (judge_of(operation)(replies) is None) == right
