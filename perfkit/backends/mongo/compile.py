"""From an operation to functions that make its messages and judge its replies.

A command whose placeholders are whole numbers is encoded once, and each request only puts the
numbers in their places: 0.15 µs, where filling in and `bson.encode` take 1.5 µs. A good reply ends
with `ok: 1.0` at a known distance from its end, so it is judged without being decoded (0.1 µs for
1.2 µs and more, growing with the documents in it); every other reply is decoded.
"""

import itertools
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from bson.errors import InvalidBSON

from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import (
    RowsTest,
    forgiven,
    rows_test,
    unexpected_rows,
    unexpected_value,
    value_test,
)
from perfkit.backends.mongo.commands import (
    Command,
    commands_of,
    holds_wrappers,
    item_of,
    revived,
    writes,
)
from perfkit.backends.mongo.errors import failure
from perfkit.backends.mongo.server import Server
from perfkit.backends.mongo.wire import OK, batch_count, decode, message
from perfkit.scenario import Expect
from perfkit.scenario.placeholders import fill, template_names

Draw = tuple[Any, ...]
Encoder = Callable[[Draw], bytes]

_INTEGER_KINDS = frozenset({
    "exponential", "gaussian", "hotspot", "latest", "normal", "scrambled_zipfian", "sequential",
    "shifted", "uniform", "zipfian",
})  # fmt: skip
_MARK = 0x5EED0000  # an int32 that stands for a param
# A cursor is left open only when the documents did not fit into one reply, of 16 MiB at most.
_MAY_LEAVE_A_CURSOR_BYTES = 8 * 2**20


class Replies:
    """What the judges of a session know of its server, and the cursors they found left open."""

    def __init__(self) -> None:
        self.ok_end = -1  # where `ok: 1.0` ends in a good reply, counted from its end
        self.open_cursors: list[tuple[str, int]] = []


def compile_operation(bound: Bound, server: Server, replies: Replies) -> Compiled:
    """The operation made ready for the engine."""
    operation = bound.operation
    commands = [addressed(command, server) for command in commands_of(operation)]
    judges = [_judge_of(command, operation.expect, replies) for command in commands]
    if len(commands) == 1:
        return Compiled(operation.name, make=_maker(commands[0], bound), judge=judges[0])
    encoders = [_encoder(command, bound) for command in commands]
    draw = bound.draw

    def make() -> list[bytes]:
        values = draw()
        return [encode(values) for encode in encoders]

    return Compiled(operation.name, make=make, judge=None, turns=True, judges=judges)


def addressed(command: Command, server: Server) -> Command:
    """The command with what the URL adds to it: its write or read concern, and its database."""
    concern = "writeConcern" if writes(command) else "readConcern"
    added = {concern: server.defaults[concern]} if concern in server.defaults else {}
    if not server.writable:  # a secondary answers only those who allow it to
        added["$readPreference"] = {"mode": "secondaryPreferred"}
    missing = {name: value for name, value in added.items() if name not in command}
    return {**command, **missing, "$db": server.database}


def _maker(command: Command, bound: Bound) -> Callable[[], bytes]:
    if bound.operation.batch > 1:
        return _batch_maker(command, bound)
    encode, draw = _encoder(command, bound), bound.draw
    if not template_names(command):
        return itertools.repeat(encode(())).__next__
    return lambda: encode(draw())


def _batch_maker(command: Command, bound: Bound) -> Callable[[], bytes]:
    """Repeats the one item of a write, each time with a draw of its own."""
    field, item = item_of(command)
    rows, draw = range(bound.operation.batch), bound.draw
    filled = fill(item, bound.names)
    revive = revived if holds_wrappers(item) else _as_it_is
    frame = revived(fill({**command, field: []}, ())(()))
    if not template_names(item):
        return itertools.repeat(
            message({**frame, field: [revive(filled(()))] * len(rows)})
        ).__next__

    def make() -> bytes:
        return message({**frame, field: [revive(filled(draw())) for _ in rows]})

    return make


def _encoder(command: Command, bound: Bound) -> Encoder:
    filled = fill(command, bound.names)
    revive = revived if holds_wrappers(command) else _as_it_is

    def encode(values: Draw) -> bytes:
        return message(revive(filled(values)))

    return _patching(command, bound, encode) or encode


def _as_it_is(value: Any) -> Any:
    return value


def _patching(command: Command, bound: Bound, encode: Encoder) -> Encoder | None:
    """Puts numbers into a message that was encoded beforehand; None where that is not possible.

    What turns out to be no int32 (a float, a larger number) is left to `encode`.
    """
    params = bound.operation.params
    names = () if holds_wrappers(command) else template_names(command)
    if not names or not all(n in params and params[n].kind in _INTEGER_KINDS for n in names):
        return None
    fields, places = _cut(encode(_marks(bound, 0)), _marks(bound, 0))
    layout = "".join("i" if isinstance(field, int) else f"{len(field)}s" for field in fields)
    pack = struct.Struct(f"<{layout}").pack

    def patch(values: Draw) -> bytes:
        for place, index in places:
            fields[place] = values[index]
        try:
            return pack(*fields)
        except struct.error:
            return encode(values)

    others = _marks(bound, 1)
    return patch if patch(others) == encode(others) else None  # no: a number within a longer text


def _marks(bound: Bound, variant: int) -> Draw:
    """A number for each param that nothing else in a message is like."""
    return tuple(_MARK + (variant << 8) + place for place in range(len(bound.names)))


def _cut(template: bytes, marks: Draw) -> tuple[list[Any], list[tuple[int, int]]]:
    """The message cut at its marks, and for each mark its place in that list and its param."""
    indexes = {struct.pack("<i", mark): index for index, mark in enumerate(marks)}
    pieces = re.split(b"(" + b"|".join(map(re.escape, indexes)) + b")", template, flags=re.DOTALL)
    places = [(place, indexes[piece]) for place, piece in enumerate(pieces) if piece in indexes]
    return [marks[indexes[piece]] if piece in indexes else piece for piece in pieces], places


def _judge_of(command: Command, expect: Expect, replies: Replies) -> Judge:
    """Errors first (the command, a write in it, the write concern), then `expect`.

    Rows are the documents of a find or aggregate, the values of a distinct, and the n of any other
    command. The value is the first field of the first document, `_id` only where there is no other.
    """
    expected = _expectation(expect)
    name = next(iter(command))
    aggregates = name == "aggregate"

    def examine(reply: bytes) -> Failure | None:
        try:
            document = decode(reply)
        except (ValueError, InvalidBSON) as error:
            return Failure("unexpected", f"unintelligible reply: {error}")
        if failed := failure(document) or (aggregates and _unread(document, replies)) or None:
            return forgiven(expect, failed)
        return expected(document) if expected else None

    def judge_read(reply: bytes) -> Failure | None:
        return None if reply.endswith(OK, 0, replies.ok_end) else examine(reply)

    def judge_write(reply: bytes) -> Failure | None:
        # writeErrors and writeConcernError come with `ok: 1`.
        if reply.endswith(OK, 0, replies.ok_end) and b"write" not in reply:
            return None
        return examine(reply)

    def judge_aggregate(reply: bytes) -> Failure | None:
        return judge_write(reply) if len(reply) < _MAY_LEAVE_A_CURSOR_BYTES else examine(reply)

    if expected is not None:
        counted = rows_test(expect) if value_test(expect) is None else None
        return _counting(counted, examine, replies) if counted and name == "find" else examine
    if aggregates:
        return judge_aggregate
    return judge_write if writes(command) else judge_read


def _counting(rows_are_right: RowsTest, examine: Judge, replies: Replies) -> Judge:
    """Judges a find whose documents need only be counted; whatever is not plainly right is decoded."""

    def judge(reply: bytes) -> Failure | None:
        if reply.endswith(OK, 0, replies.ok_end):
            rows = batch_count(reply)
            if rows is not None and rows_are_right(rows):
                return None
        return examine(reply)

    return judge


def _unread(document: Mapping[str, Any], replies: Replies) -> Failure | None:
    cursor = document["cursor"]
    if cursor["id"] == 0:
        return None
    replies.open_cursors.append((cursor["ns"], cursor["id"]))
    return Failure("unexpected", "the result is larger than a reply (16 MiB): add a $limit stage")


def _expectation(expect: Expect) -> Judge | None:
    rows_are_right, value_is_right = rows_test(expect), value_test(expect)
    if rows_are_right is None and value_is_right is None:
        return None

    def judge(document: Mapping[str, Any]) -> Failure | None:
        if rows_are_right and not rows_are_right(rows := _rows(document)):
            return forgiven(expect, unexpected_rows(expect, rows, "documents"))
        if value_is_right and not value_is_right(value := _first_value(document)):
            return forgiven(expect, unexpected_value(expect, value))
        return None

    return judge


def _rows(document: Mapping[str, Any]) -> int:
    if "cursor" in document:
        return len(document["cursor"]["firstBatch"])
    if "values" in document:
        return len(document["values"])
    return int(document.get("lastErrorObject", document).get("n", 0))


def _first_value(document: Mapping[str, Any]) -> Any:
    if "cursor" in document:
        found: Any = next(iter(document["cursor"]["firstBatch"]), None)
    elif "values" in document:
        return next(iter(document["values"]), None)
    else:
        found = document.get("value", document.get("n"))
    if not isinstance(found, Mapping):
        return found
    return next((found[field] for field in found if field != "_id"), found.get("_id"))
