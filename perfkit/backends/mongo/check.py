"""Which operations can't be driven: by their shape, and by what the server's planner says.

The planner is asked with `explain` (verbosity queryPlanner), which executes nothing.
"""

from typing import Any

from bson.errors import BSONError
from pymongo.errors import OperationFailure

from perfkit.backends.expect import rows_test
from perfkit.backends.mongo.commands import (
    Command,
    commands_of,
    cursor_refusal,
    holds_wrappers,
    revived,
)
from perfkit.backends.mongo.server import Client
from perfkit.backends.mongo.wire import message
from perfkit.scenario import Operation
from perfkit.scenario.placeholders import fill, template_names
from perfkit.scenario.values import Choice, Constant, Param

# Errors in the command itself. Others may go away with the data that is yet to be made: no text
# index, no such index to hint at.
_MISTAKES = frozenset({
    2, 9, 14, 59, 73, 168, 15947, 15955, 15998, 16410, 31249, 31253, 31254, 40181, 40228, 40234, 40272,
    40323, 40324, 40414, 40415, 40601, 51091,
})  # fmt: skip
_EXPLAINED = frozenset(
    {"find", "aggregate", "count", "distinct", "update", "delete", "findAndModify"}
)
_NUMBERS = frozenset({
    "exponential", "gaussian", "hotspot", "latest", "normal", "scrambled_zipfian", "sequential",
    "shifted", "uniform", "zipfian",
})  # fmt: skip


def refusal_of(operation: Operation, client: Client, database: str) -> str | None:
    """Why this operation can't be driven, in a sentence; None when it can."""
    if operation.mongo is None:
        return "is no MongoDB operation: write mongo: {find: coll, filter: {…}}"
    try:
        rows_test(operation.expect)
        commands = commands_of(operation)
        written = operation.mongo if isinstance(operation.mongo, tuple) else (operation.mongo,)
        if len(commands) > len(written) and operation.expect.rows is not None:
            return "bulk: expect.rows can't be counted over writes of several kinds"
        names = template_names(commands)
        examples = _examples(operation, names)
        for command in commands:
            why = cursor_refusal(command)
            if why is None and examples is not None:
                why = _mistake(_filled(command, names, examples), client, database)
            if why is not None:
                return why
    except (ValueError, TypeError, OverflowError, BSONError) as error:
        return str(error)
    return None


def _filled(command: Command, names: tuple[str, ...], examples: tuple[Any, ...]) -> Command:
    filled: Command = revived(fill(command, names)(examples))
    message(filled)  # raises for what BSON can't hold
    return filled


def _mistake(command: Command, client: Client, database: str) -> str | None:
    name = next(iter(command))
    if name not in _EXPLAINED or "hint" in command:
        return None
    explained = {field: value for field, value in command.items() if field != "maxTimeMS"}
    try:
        client[database].command("explain", explained, verbosity="queryPlanner")
    except OperationFailure as error:
        if error.code in _MISTAKES:
            return f"{name}: {(error.details or {}).get('errmsg', error)}"
    return None


def _examples(operation: Operation, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """A value like those of each param; None where that can't be told without drawing one."""
    found = [_example(operation.params.get(name)) for name in names]
    wrapped = holds_wrappers(operation.mongo)
    return None if None in found or (wrapped and names) else tuple(found)


def _example(param: Param | None) -> Any:
    if isinstance(param, Choice):
        return param.values[0]
    if isinstance(param, Constant):
        return param.value
    kind = param.kind if param else ""
    texts = {"text", "uuid", "template", "padded", "ycsb_key"}
    return 1 if kind in _NUMBERS else "example" if kind in texts else None
