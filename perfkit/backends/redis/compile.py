"""From an operation to a function that packs its request, and one that judges its reply.

Packing is the hottest code of a Redis load, so for each operation a function is composed that does
just what its placeholders need, as `dataclasses` composes `__init__`. Only shapes and numbers get
into its source, never a text of the scenario: those are its constants. Measured for SET with two
params: 270 ns; looping over the arguments 580 ns; `hiredis.pack_command` 800 ns.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

import hiredis

from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import (
    forgiven,
    rows_test,
    unexpected_rows,
    unexpected_value,
    value_test,
)
from perfkit.backends.redis.channel import Request
from perfkit.backends.redis.commands import Command, name_of
from perfkit.backends.redis.connection import pack
from perfkit.backends.redis.errors import failure
from perfkit.scenario import Expect, Operation
from perfkit.scenario.placeholders import Name, text_parts
from perfkit.scenario.values import Padded, Uuid

_UUID_LENGTH = 36
# Replies of these may hold error replies inside.
_NESTING = frozenset({"EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "EXEC", "FCALL", "FCALL_RO"})


def compile_operation(bound: Bound) -> Compiled:
    """The operation made ready for the engine; see `Request` for what `make` gives."""
    operation = bound.operation
    if not operation.pipeline:
        return _in_turn(bound)
    return Compiled(operation.name, make=_maker(bound), judge=judge_of(operation))


def _in_turn(bound: Bound) -> Compiled:
    """Commands that wait for each other, all with values of the same draw; each is judged by itself."""
    operation = bound.operation
    commands = [
        operation.model_copy(update={"redis": (command,)}) for command in operation.redis or ()
    ]
    drawn: tuple[Any, ...] = ()
    makers = [_maker(replace(bound, operation=each, draw=lambda: drawn)) for each in commands]

    def make() -> list[Request]:
        nonlocal drawn
        drawn = bound.draw()
        return [make_one() for make_one in makers]

    judges = [judge_of(each) for each in commands]
    return Compiled(operation.name, make=make, judge=None, turns=True, judges=judges)


def _maker(bound: Bound) -> Callable[[], Request]:
    commands = bound.operation.redis or ()
    arguments = [text_parts(a) if isinstance(a, str) else (a,) for c in commands for a in c]
    lengths = [len(command) for command in commands]
    if not any(isinstance(part, Name) for parts in arguments for part in parts):
        return _constant(commands, arguments, bound.operation.batch)
    make = _formatted(bound, lengths, arguments)
    return make or _composed(bound, lengths, arguments)


def _constant(
    commands: Sequence[Command], arguments: Sequence[tuple[Any, ...]], batch: int
) -> Callable[[], Request]:
    values = map(_literal, arguments)
    packed = b"".join(pack(list(itertools.islice(values, len(c)))) for c in commands) * batch
    count = len(commands) * batch
    return itertools.repeat(packed if count == 1 else (packed, count)).__next__


def _literal(parts: tuple[Any, ...]) -> Any:
    """An argument in which nothing is filled in; an empty text has no parts."""
    return parts[0] if parts and not isinstance(parts[0], str) else "".join(parts)


def _composed(
    bound: Bound, lengths: Sequence[int], arguments: Sequence[tuple[Any, ...]]
) -> Callable[[], Request]:
    """A function made of one line for the draw, one for each argument that varies, and a format."""
    constants: dict[str, Any] = {"draw": bound.draw, "encode": encode}
    pattern, lines, fields = b"", [], []
    starts = set(itertools.accumulate(lengths, initial=0))
    sizes = iter(lengths)
    for number, parts in enumerate(arguments):
        if number in starts:
            pattern += b"*%d\r\n" % next(sizes)
        if not any(isinstance(part, Name) for part in parts):
            value = encode(_literal(parts))
            pattern += b"$%d\r\n%b\r\n" % (len(value), value.replace(b"%", b"%%"))
            continue
        lines.append(f"a{number} = {_expression(parts, number, bound, constants)}")
        fields.append(f"len(a{number}), a{number}")
        pattern += b"$%d\r\n%b\r\n"
    batch = bound.operation.batch
    constants["pattern"] = pattern * batch
    drawn = "".join(f"v{index}, " for index in range(len(bound.names)))
    body = [f"{drawn}= draw()", *lines]
    packed = f"pattern % ({', '.join(fields)})"
    if batch > 1:
        added = f"values += ({', '.join(fields)})"
        loop = [f"for _ in range({batch}):", *(f"    {line}" for line in (*body, added))]
        body, packed = ["values = []", *loop], "pattern % tuple(values)"
    count = len(lengths) * batch
    body.append(f"return {packed}" if count == 1 else f"return {packed}, {count}")
    source = "def make():\n" + "".join(f"    {line}\n" for line in body)
    exec(source, constants)  # noqa: S102  the source holds nothing that a user wrote
    make: Callable[[], Request] = constants["make"]
    return make


def _formatted(
    bound: Bound, lengths: Sequence[int], arguments: Sequence[tuple[Any, ...]]
) -> Callable[[], Request] | None:
    """Fills one format as a whole, where it is known how long each argument will be; else None.

    A number may have more digits than it is padded to, but no value is ever shorter than foreseen: so
    the length of the whole tells, and then the arguments are packed one by one. Measured for a batch
    of 16 SETs: 2.6 µs for 5.8 µs.
    """
    known = [_foreseen(parts, bound.operation) for parts in arguments]
    sized = [each for each in known if each is not None]
    if len(sized) < len(known):
        return None
    batch, pieces = bound.operation.batch, iter(f"${size}\r\n{text}\r\n" for text, size in sized)
    written = (f"*{n}\r\n{''.join(itertools.islice(pieces, n))}" for n in lengths)
    pattern, count = "".join(written) * batch, len(lengths) * batch
    names = [part.name for parts in arguments for part in parts if isinstance(part, Name)]
    picks = [bound.names.index(name) for name in names]
    blanks = [" " * (_width(name, bound.operation) or 0) for name in names]
    length = len(pattern % tuple(blanks * batch))
    draw, rows, again = bound.draw, range(batch), []  # type: ignore[var-annotated]
    pack_each = _composed(replace(bound, draw=again.pop), lengths, arguments)
    pick = itemgetter(*picks)

    def make_one() -> Request:
        values = draw()
        text = pattern % pick(values)
        if len(text) == length:
            return (text.encode(), count) if count > 1 else text.encode()
        again.append(values)
        return pack_each()

    def make() -> Request:
        draws = [draw() for _ in rows]
        text = pattern % tuple([values[at] for values in draws for at in picks])
        if len(text) == length:
            return text.encode(), count
        again.extend(reversed(draws))
        return pack_each()

    return make if batch > 1 else make_one


def _foreseen(parts: tuple[Any, ...], operation: Operation) -> tuple[str, int] | None:
    """The format of an argument and how many bytes will be in it; None where that is not known."""
    text, size = "", 0
    for part in parts:
        if isinstance(part, Name):
            width = _width(part.name, operation)
            if width is None:
                return None
            text, size = f"{text}%s", size + width
        elif isinstance(part, bytes):
            return None
        else:
            literal = part if isinstance(part, str) else str(part)
            text, size = text + literal.replace("%", "%%"), size + len(literal.encode())
    return text, size


def _width(name: str, operation: Operation) -> int | None:
    """How many characters, all of ASCII, every value of this param has at least, and most have."""
    param = operation.params.get(name)
    if isinstance(param, Padded):
        return param.width
    return _UUID_LENGTH if isinstance(param, Uuid) else None


def _expression(
    parts: Sequence[str | Name], number: int, bound: Bound, constants: dict[str, Any]
) -> str:
    """The Python expression for the bytes of an argument; its literal texts become constants."""
    raw = any(_is_bytes(part, bound.operation) for part in parts)
    pieces = []
    for at, part in enumerate(parts):
        if isinstance(part, Name):
            value = f"v{bound.names.index(part.name)}"
            pieces.append(f"encode({value})" if raw else f"{{{value}}}")
        else:
            constants[f"t{number}_{at}"] = part.encode() if raw else part
            pieces.append(f"t{number}_{at}" if raw else f"{{t{number}_{at}}}")
    return f"b''.join(({', '.join(pieces)},))" if raw else f'f"{"".join(pieces)}".encode()'


def _is_bytes(part: str | Name, operation: Operation) -> bool:
    param = operation.params.get(part.name) if isinstance(part, Name) else None
    return param is not None and param.kind == "bytes"


def encode(value: Any) -> bytes:
    """A value as Redis stores it: text in UTF-8, numbers in digits, bytes as they are."""
    if type(value) is str:
        return value.encode()
    return value if isinstance(value, bytes) else str(value).encode()


def judge_of(operation: Operation) -> Judge:
    """Error replies wherever they are, then `expect`.

    Rows are the elements of an array, none for nil, one for anything else; of a pipeline they are
    counted together, and its value is that of the first reply.
    """
    names = [name_of(command) for command in operation.redis or ()] * operation.batch
    expect, pipelined = operation.expect, len(names) > 1
    expected = _expectation(expect, pipelined=pipelined)
    nesting = not _NESTING.isdisjoint(names)
    judge = (_nested_judge if pipelined or nesting else _flat_judge)(names, expect, expected)
    doubtful = None if nesting else _doubtful_types(expect, len(names))
    if doubtful is None:
        return judge
    return _pipeline_judge(judge, doubtful) if pipelined else _reply_judge(judge, doubtful)


def _doubtful_types(expect: Expect, replies: int) -> frozenset[type] | None:
    """So many replies are right when none is of these types; None where all have to be looked at."""
    rows_are_right = rows_test(expect)
    if value_test(expect) is not None:
        return None
    if rows_are_right is None:
        return frozenset({hiredis.ReplyError})
    if rows_are_right(replies):  # any other type of reply is one row
        return frozenset({hiredis.ReplyError, list, type(None)})
    return None


def _reply_judge(judge_closely: Judge, doubtful: frozenset[type]) -> Judge:
    return lambda reply: judge_closely(reply) if type(reply) in doubtful else None


def _pipeline_judge(judge_closely: Judge, doubtful: frozenset[type]) -> Judge:
    """Not a frame of Python's for each reply."""

    def judge(replies: Any) -> Failure | None:
        return None if doubtful.isdisjoint(map(type, replies)) else judge_closely(replies)

    return judge


def _flat_judge(names: Sequence[str], expect: Expect, expected: Judge | None) -> Judge:  # noqa: ARG001  one only
    error_type = hiredis.ReplyError

    def judge(reply: Any) -> Failure | None:
        if type(reply) is error_type:
            return forgiven(expect, failure(reply))
        return expected(reply) if expected else None

    return judge


def _nested_judge(names: Sequence[str], expect: Expect, expected: Judge | None) -> Judge:
    executions = [place for place, name in enumerate(names) if name == "EXEC"]

    def judge(reply: Any) -> Failure | None:
        forgave = False
        for error in _errors_in(reply):
            if forgiven(expect, failed := failure(error)):
                return failed
            forgave = True
        if forgave:
            return None
        if any(reply[place] is None for place in executions):
            changed = Failure("WATCH", "EXEC did nothing: a watched key changed", retryable=True)
            return forgiven(expect, changed)
        return expected(reply) if expected else None

    return judge


def _errors_in(reply: Any) -> list[hiredis.ReplyError]:
    if isinstance(reply, list):
        return [error for item in reply for error in _errors_in(item)]
    return [reply] if isinstance(reply, hiredis.ReplyError) else []


def _expectation(expect: Expect, *, pipelined: bool) -> Judge | None:
    rows_are_right, value_is_right = rows_test(expect), value_test(expect)
    if rows_are_right is None and value_is_right is None:
        return None

    def judge(reply: Any) -> Failure | None:
        replies = reply if pipelined else (reply,)
        if rows_are_right and not rows_are_right(rows := sum(map(_rows, replies))):
            return forgiven(expect, unexpected_rows(expect, rows))
        if value_is_right and not value_is_right(value := _first_value(replies[0])):
            return forgiven(expect, unexpected_value(expect, value))
        return None

    return judge


def _rows(reply: Any) -> int:
    if isinstance(reply, list):
        return len(reply)
    return 0 if reply is None else 1


def _first_value(reply: Any) -> Any:
    while isinstance(reply, list):
        reply = reply[0] if reply else None
    return reply
