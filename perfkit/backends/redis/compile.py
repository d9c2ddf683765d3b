"""From an operation to a function that packs its request, and one that judges its reply.

Packing is the hottest code of a Redis load, so for each operation a function is composed that does
just what its placeholders need, as `dataclasses` composes `__init__`. Only shapes and numbers get
into its source, never a text of the scenario: those are its constants. Measured for SET with two
params: 270 ns; looping over the arguments 580 ns; `hiredis.pack_command` 800 ns.
"""

import itertools
from collections.abc import Callable, Sequence
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

# Replies of these may hold error replies inside.
_NESTING = frozenset({"EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "EXEC", "FCALL", "FCALL_RO"})


def compile_operation(bound: Bound) -> Compiled:
    """The operation made ready for the engine; see `Request` for what `make` gives."""
    operation = bound.operation
    return Compiled(operation.name, make=_maker(bound), judge=judge_of(operation))


def _maker(bound: Bound) -> Callable[[], Request]:
    commands = bound.operation.redis or ()
    arguments = [text_parts(a) if isinstance(a, str) else (a,) for c in commands for a in c]
    lengths = [len(command) for command in commands]
    if not any(isinstance(part, Name) for parts in arguments for part in parts):
        return _constant(commands, arguments)
    return _composed(bound, lengths, arguments)


def _constant(
    commands: Sequence[Command], arguments: Sequence[tuple[Any, ...]]
) -> Callable[[], Request]:
    values = map(_literal, arguments)
    packed = b"".join(pack(list(itertools.islice(values, len(c)))) for c in commands)
    return itertools.repeat(packed if len(commands) == 1 else (packed, len(commands))).__next__


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
    constants["pattern"] = pattern
    drawn = "".join(f"v{index}, " for index in range(len(bound.names)))
    packed = f"pattern % ({', '.join(fields)})"
    result = packed if len(lengths) == 1 else f"({packed}, {len(lengths)})"
    body = [f"{drawn}= draw()", *lines, f"return {result}"]
    source = "def make():\n" + "".join(f"    {line}\n" for line in body)
    exec(source, constants)  # noqa: S102  the source holds nothing that a user wrote
    make: Callable[[], Request] = constants["make"]
    return make


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
    names = [name_of(command) for command in operation.redis or ()]
    expected = _expectation(operation.expect, pipelined=len(names) > 1)
    if len(names) == 1 and names[0] not in _NESTING:
        return _flat_judge(operation.expect, expected)
    return _nested_judge(names, operation.expect, expected)


def _flat_judge(expect: Expect, expected: Judge | None) -> Judge:
    error_type = hiredis.ReplyError

    def judge(reply: Any) -> Failure | None:
        if type(reply) is error_type:
            return forgiven(expect, failure(reply))
        return None

    def judge_expecting(reply: Any) -> Failure | None:
        if type(reply) is error_type:
            return forgiven(expect, failure(reply))
        return expected(reply) if expected else None

    return judge_expecting if expected else judge


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
