"""How MongoDB messages are made and replies judged, whatever the values and the pieces."""

import itertools
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.base import PENDING, Bound, Compiled, ConnectionLostError
from perfkit.backends.mongo.channel import MongoChannel
from perfkit.backends.mongo.commands import commands_of
from perfkit.backends.mongo.compile import Replies, compile_operation
from perfkit.backends.mongo.server import Server
from perfkit.backends.mongo.wire import batch_count, decode, message, trailer_bytes
from perfkit.backends.stream import BUFFER_BYTES, Address
from perfkit.scenario import Expect, Operation
from perfkit.scenario.values import Param, Text, Uniform

SERVER = Server(
    "mongodb://h/db", Address("h", 1), "db", None, writable=True, movable=False, defaults={}
)
TRAILER = {
    "$clusterTime": {
        "clusterTime": bson.Timestamp(5, 1),
        "signature": {"hash": b"01234567890123456789", "keyId": bson.Int64(7)},
    },
    "operationTime": bson.Timestamp(5, 1),
}
TRAILERS = st.sampled_from([{}, TRAILER])  # of a server alone, and of a replica set's member
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = TEXTS.filter(lambda key: "\0" not in key)
DOCUMENTS = st.dictionaries(KEYS, st.one_of(TEXTS, st.binary(max_size=30), st.floats(), st.none()))


def _compiled(command: dict[str, Any], values: tuple[Any, ...], **more: Any) -> Compiled:
    replies = Replies()
    replies.ok_end = more.pop("ok_end", -1)
    operation = Operation(name="o", mongo=command, **more)
    names = ("a", "b")[: len(values)]
    return compile_operation(Bound(operation, names, lambda: values), SERVER, replies)


def _reply(document: dict[str, Any]) -> bytes:
    """The message of a server; replies and requests are laid out alike."""
    return message(document)


NUMBERS: dict[str, Param] = {"a": Uniform(range=(1, 9)), "b": Uniform(range=(1, 9))}
TEMPLATES = st.sampled_from([
    {"_id": "{a}"},
    {"_id": "{a}", "x": {"$in": ["{b}", "{a}", 5]}},
    {"k{a}": 1},
    {"t": "a{a}b", "n": "{b}"},
    {"_id": {"$gte": "{a}", "$lt": {"$numberLong": "{b}"}}},
    {"n": "{a}", "twin": 0x5EED0000},
])  # fmt: skip


@given(TEMPLATES, st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
def test_messages_of_numbers_are_what_the_driver_would_encode(
    template: dict[str, Any], a: int, b: int
) -> None:
    command = {"find": "c", "filter": template, "limit": 1}
    patched = _compiled(command, (a, b), params=NUMBERS)
    plain = _compiled(command, (a, b))  # of params it knows nothing about, so it encodes each time
    assert patched.make() == plain.make()
    assert patched.make() == plain.make()


@given(st.one_of(st.floats(allow_nan=False), st.booleans(), TEXTS, st.binary(), st.none()))
def test_a_value_of_any_type_goes_into_the_message(value: Any) -> None:
    made = _compiled({"find": "c", "filter": {"_id": "{a}"}}, (value,)).make()
    filled = decode(made)["filter"]["_id"]
    assert filled == value
    assert type(filled) is type(value)


def test_a_message_carries_what_keeps_the_server_tidy() -> None:
    made = decode(_compiled({"find": "c"}, (), timeout_ns=1_500_000_000).make())
    assert made == {
        "find": "c", "singleBatch": True, "batchSize": 2**31 - 1, "maxTimeMS": 1500, "$db": "db",
    }  # fmt: skip


def test_what_the_user_wrote_prevails() -> None:
    command = {"find": "c", "batchSize": 7, "maxTimeMS": 5}
    made = decode(_compiled(command, ()).make())
    assert (made["batchSize"], made["maxTimeMS"]) == (7, 5)


# -- judging --------------------------------------------------------------------------------------

ERRORS = st.one_of(
    st.fixed_dictionaries({"ok": st.just(0.0), "errmsg": TEXTS, "code": st.integers(1, 999)}),
    st.fixed_dictionaries({
        "n": st.just(0),
        "writeErrors": st.lists(
            st.fixed_dictionaries({"code": st.just(11000), "errmsg": TEXTS, "keyValue": DOCUMENTS}),
            min_size=1, max_size=2,
        ),
        "ok": st.just(1.0),
    }),
    st.fixed_dictionaries({
        "n": st.just(1),
        "writeConcernError": st.fixed_dictionaries({"code": st.just(64), "errmsg": TEXTS}),
        "ok": st.just(1.0),
    }),
)  # fmt: skip
WRITES = [
    {"insert": "c", "document": {}},
    {"update": "c", "filter": {}, "u": {}},
    {"findAndModify": "c", "update": {}},
    {"aggregate": "c", "pipeline": [{"$out": "d"}]},
]


@given(ERRORS, st.sampled_from(WRITES), TRAILERS)
def test_no_error_is_ever_missed(
    error: dict[str, Any], command: dict[str, Any], trailer: dict[str, Any]
) -> None:
    ok_end = -trailer_bytes(_reply({"ok": 1.0, **trailer}))
    judge = _compiled(command, (), ok_end=ok_end).judge
    assert judge is not None
    assert judge(_reply({**error, **trailer})) is not None
    assert judge(_reply({"n": 1, "ok": 1.0, **trailer})) is None


@given(st.lists(DOCUMENTS, max_size=12), TRAILERS)
def test_documents_are_counted_as_decoding_would(
    documents: list[dict[str, Any]], trailer: dict[str, Any]
) -> None:
    cursor = {"firstBatch": documents, "id": bson.Int64(0), "ns": "db.c"}
    reply = _reply({"cursor": cursor, "ok": 1.0, **trailer})
    assert batch_count(reply) == len(documents)
    expecting = Expect(rows=len(documents))
    judge = _compiled({"find": "c"}, (), expect=expecting).judge
    assert judge is not None
    assert judge(reply) is None


@pytest.mark.parametrize(
    "document", [{"n": 1, "ok": 1.0}, {"cursor": {"id": 0, "firstBatch": []}, "ok": 1.0}, {}]
)
def test_a_reply_of_another_layout_is_not_counted(document: dict[str, Any]) -> None:
    assert batch_count(_reply(document)) is None


@pytest.mark.parametrize(
    ("error", "error_class", "retryable"),
    [
        ({"code": 112, "codeName": "WriteConflict"}, "WriteConflict", True),
        ({"code": 10107, "codeName": "NotWritablePrimary"}, "NotWritablePrimary", True),
        ({"code": 251, "codeName": "NoSuchTransaction", "errorLabels": ["TransientTransactionError"]},
         "NoSuchTransaction", True),
        ({"code": 2, "codeName": "BadValue"}, "BadValue", False),
        ({"code": 40415}, "Location40415", False),
        ({}, "Location8", False),
    ],
)  # fmt: skip
def test_an_error_has_its_name_in_mongodb(
    error: dict[str, Any], error_class: str, *, retryable: bool
) -> None:
    judge = _compiled({"find": "c"}, ()).judge
    assert judge is not None
    failure = judge(_reply({"ok": 0.0, "errmsg": "no", **error}))
    assert failure is not None
    assert (failure.error_class, failure.retryable) == (error_class, retryable)


def test_a_reply_that_can_not_be_read_is_unexpected() -> None:
    judge = _compiled({"find": "c"}, ()).judge
    assert judge is not None
    failure = judge(b"HTTP/1.1 400 Bad Request and so on")
    assert failure is not None
    assert failure.error_class == "unexpected"


# -- pieces ---------------------------------------------------------------------------------------


@dataclass
class _Wire:
    """The half of a connection that a channel takes over."""

    socket: socket.socket


def _channel(here: socket.socket, *, movable: bool = True) -> MongoChannel:
    wire: Any = _Wire(here)  # only the socket is used
    return MongoChannel(wire, bytearray(BUFFER_BYTES), movable=movable)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.lists(st.integers(1, 40), min_size=1))
def test_replies_come_together_from_any_pieces(
    documents: list[dict[str, Any]], sizes: list[int]
) -> None:
    here, there = socket.socketpair()
    with here, there:
        channel = _channel(here)
        for document in documents:
            left = whole = _reply(document)
            for size in itertools.cycle(sizes):
                assert channel.receive() is PENDING
                there.sendall(left[:size])
                left = left[size:]
                if not left:
                    break
            assert channel.receive() == whole


@pytest.mark.parametrize(
    "nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\0\0\0" + b"\0" * 30]
)
def test_nonsense_is_a_lost_connection(nonsense: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(nonsense)
        with pytest.raises(ConnectionLostError, match="unintelligible"):
            _channel(here).receive()


NOT_PRIMARY = {
    "topologyVersion": {"counter": bson.Int64(8)},
    "ok": 0.0,
    "errmsg": "not primary",
    "code": 10107,
    "codeName": "NotWritablePrimary",
}


@pytest.mark.parametrize("pieces", [[], [3], [21, 40]])
def test_a_server_that_is_no_longer_primary_is_lost_where_there_may_be_another(
    pieces: list[int],
) -> None:
    here, there = socket.socketpair()
    with here, there:
        channel, left = _channel(here), _reply(NOT_PRIMARY)
        for size in pieces:
            there.sendall(left[:size])
            left = left[size:]
            assert channel.receive() is PENDING
        there.sendall(left)
        with pytest.raises(ConnectionLostError, match="NotWritablePrimary: not primary"):
            channel.receive()


def test_the_member_that_a_url_names_alone_is_not_lost_by_what_it_refuses() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(_reply(NOT_PRIMARY))
        reply = _channel(here, movable=False).receive()
    judge = _compiled({"find": "c"}, ()).judge
    assert judge is not None
    failure = judge(reply)
    assert failure is not None
    assert failure.error_class == "NotWritablePrimary"


def test_an_address_of_tls_is_not_shown_with_its_context() -> None:
    assert str(Address("::1", 5, ssl.create_default_context())) == "[::1]:5"


def test_params_of_text_are_encoded_each_time() -> None:
    params: dict[str, Param] = {"a": Text(length=(1, 9))}
    made = _compiled({"find": "c", "filter": {"v": "{a}"}}, ("xyz",), params=params).make()
    assert decode(made)["filter"] == {"v": "xyz"}


# -- batches and commands in turn -----------------------------------------------------------------


def _made(command: Any, draws: list[tuple[Any, ...]], **more: Any) -> Any:
    operation = Operation(name="o", mongo=command, **more)
    draw = itertools.cycle(draws).__next__
    return compile_operation(Bound(operation, ("a", "b"), draw), SERVER, Replies()).make()


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), TEXTS), min_size=2, max_size=5))
def test_a_batch_repeats_its_item_with_each_draw(draws: list[tuple[int, str]]) -> None:
    insert = {"insert": "c", "document": {"_id": "{a}", "v": ["x{b}"]}, "ordered": False}
    made = decode(_made(insert, draws, batch=len(draws), params=NUMBERS))
    assert next(iter(made)) == "insert"
    assert made["documents"] == [{"_id": a, "v": [f"x{b}"]} for a, b in draws]
    assert made["ordered"] is False
    update = {"update": "c", "filter": {"_id": "{a}"}, "u": {"$set": {"v": "{b}"}}, "upsert": True}
    made = decode(_made(update, draws, batch=len(draws)))
    assert made["updates"] == [
        {"q": {"_id": a}, "u": {"$set": {"v": b}}, "upsert": True} for a, b in draws
    ]


def test_a_batch_knows_extended_json_and_braces() -> None:
    insert = {
        "insert": "c",
        "document": {"n": {"$numberLong": "{a}"}, "b": "{{}}"},
        "comment": "{{",
    }
    made = decode(_made(insert, [("1", ""), ("2", "")], batch=2))
    assert made["documents"] == [{"n": 1, "b": "{}"}, {"n": 2, "b": "{}"}]
    assert made["comment"] == "{"


@pytest.mark.parametrize(
    "command",
    [
        {"find": "c"},
        {"insert": "c", "documents": [{"_id": "{a}"}, {"_id": "{b}"}]},
        {"insert": "c"},
        {"bulk": "c", "operations": [{"insert": {}}, {"delete": {"filter": {}}}]},
        {"insert": "c", "document": {"_id": "{a}"}, "comment": "{b}"},
        ({"insert": "c", "document": {}}, {"insert": "c", "document": {}}),
    ],
)
def test_anything_else_is_no_batch(command: Any) -> None:
    with pytest.raises(ValueError, match="a batch"):
        commands_of(Operation(name="o", mongo=command, batch=2))


def test_commands_in_turn_share_a_draw() -> None:
    commands = ({"find": "c", "filter": {"_id": "{a}"}}, {"delete": "c", "filter": {"_id": "{a}"}})
    find, delete = map(decode, _made(commands, [(1, 0), (2, 0)]))
    assert find["filter"] == {"_id": 1}
    assert delete["deletes"] == [{"limit": 1, "q": {"_id": 1}}]
