"""Redis commands as operations name them: which can carry load, and which write.

The server itself is asked (COMMAND INFO), so commands of its version and modules count. What it
does not say: which commands would take the connection, or the server, away from the load.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from perfkit.backends.expect import rows_test
from perfkit.backends.redis.connection import Connection
from perfkit.scenario import Operation
from perfkit.scenario.placeholders import text_parts

Command = Sequence[Any]

_TAKES_THE_CONNECTION = "changes the connection, which perfkit drives itself"
_NEVER_DONE = "turns the connection into one that only listens: it would carry no load"
_WHOLE_SERVER = "acts on the whole server or database: run it outside the load"
_NO_LOAD = {
    **dict.fromkeys(("ASKING", "AUTH", "HELLO", "QUIT", "RESET", "SELECT"), _TAKES_THE_CONNECTION),
    **dict.fromkeys(("READONLY", "READWRITE", "CLIENT"), _TAKES_THE_CONNECTION),
    **dict.fromkeys(("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"), _NEVER_DONE),
    **dict.fromkeys(("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"), _NEVER_DONE),
    **dict.fromkeys(("MONITOR", "SYNC", "PSYNC", "REPLCONF"), _NEVER_DONE),
    **dict.fromkeys(("FLUSHALL", "FLUSHDB", "SWAPDB", "MIGRATE", "CLUSTER"), _WHOLE_SERVER),
    **dict.fromkeys(("CONFIG", "SHUTDOWN", "DEBUG", "MODULE", "ACL"), _WHOLE_SERVER),
}
# Neither flagged readonly by the server nor able to change data.
_HARMLESS = frozenset({
    "DISCARD", "ECHO", "EVALSHA_RO", "EVAL_RO", "EXEC", "FCALL_RO", "INFO", "LASTSAVE", "MULTI",
    "PING", "ROLE", "TIME", "UNWATCH", "WAIT", "WAITAOF", "WATCH",
})  # fmt: skip
# Where the timeout stands that makes a blocking command come back: from the end, or after BLOCK.
_TIMEOUT_AT = {
    "BLMOVE": -1, "BLMPOP": 1, "BLPOP": -1, "BRPOP": -1, "BRPOPLPUSH": -1, "BZMPOP": 1,
    "BZPOPMAX": -1, "BZPOPMIN": -1, "WAIT": -1, "WAITAOF": -1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says of a command; `arity` counts the name, negative is "at least"."""

    arity: int
    flags: frozenset[str]


class CommandTable:
    """The server's commands, asked for one by one and remembered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, Facts | None] = {}
        self.available = not isinstance(self._ask("PING"), hiredis.ReplyError)

    def facts(self, command: Command) -> Facts | None:
        """Of the subcommand where it is one (CONFIG GET), else of the command; None when unknown."""
        if len(command) > 1 and isinstance(command[1], str):
            of_both = self._lookup(f"{name_of(command)}|{command[1]}")
            if of_both is not None:
                return of_both
        return self._lookup(name_of(command))

    def nearest(self, name: str) -> str:
        """A clause “did you mean GET?” where the server has a command of nearly that name."""
        reply = self._connection.pipeline([["COMMAND", "LIST"]])[0]
        names = [n.decode() for n in reply] if isinstance(reply, list) else []
        near = difflib.get_close_matches(name.lower(), names, 1)
        return f"; did you mean {near[0].upper()}?" if near else ""

    def _lookup(self, name: str) -> Facts | None:
        if name not in self._known:
            reply = self._ask(name)
            info = reply[0] if isinstance(reply, list) and reply else None
            self._known[name] = Facts(info[1], frozenset(map(_text, info[2]))) if info else None
        return self._known[name]

    def _ask(self, name: str) -> Any:
        return self._connection.pipeline([["COMMAND", "INFO", name]])[0]


def name_of(command: Command) -> str:
    """The command's name in capitals."""
    return str(command[0]).upper() if command else ""


def refusal_of(operation: Operation, table: CommandTable) -> str | None:
    """Why this operation can't be driven, in a sentence; None when it can."""
    if operation.redis is None:
        return 'is no Redis operation: write redis: [GET, "key:{id}"]'
    if operation.batch > 1 and not operation.pipeline:
        return "commands that wait for each other can't go in a batch"
    framing = {"MULTI", "WATCH"} & {name_of(command) for command in operation.redis}
    if framing and not operation.pipeline:
        # An error in the middle would leave the connection within the transaction.
        return f"{min(framing)} belongs into a pipeline: leave out `pipeline: false`"
    try:
        rows_test(operation.expect)
        for command in operation.redis:
            if why := _unusable(command) or _unknown(command, table) or _blocks(command):
                return why
    except ValueError as error:
        return str(error)
    return _unbalanced([name_of(command) for command in operation.redis])


def listens(command: Command) -> str | None:
    """Why this command, run outside the load, would never be done; None when it would."""
    name = name_of(command)
    return f"{name} {_NEVER_DONE}" if _NO_LOAD.get(name) == _NEVER_DONE else None


def writes(operation: Operation, table: CommandTable) -> bool:
    """Would it change data? In doubt, yes."""
    return any(not _only_reads(command, table) for command in operation.redis or ((),))


def _only_reads(command: Command, table: CommandTable) -> bool:
    facts = table.facts(command) if command else None
    return name_of(command) in _HARMLESS or (facts is not None and "readonly" in facts.flags)


def _unusable(command: Command) -> str | None:
    """What can be said without asking the server. ValueError for a stray brace in a text."""
    name = name_of(command)
    if not name:
        return "holds an empty command"
    for argument in command:
        if isinstance(argument, bool) or not isinstance(argument, str | bytes | int | float):
            return f"{name}: {argument!r} is no argument for Redis: write a text or a number"
        if isinstance(argument, str):
            text_parts(argument)
    if "{" in name:
        return f"{name}: the command itself can't be a param"
    return f"{name} {_NO_LOAD[name]}" if name in _NO_LOAD else None


def _unknown(command: Command, table: CommandTable) -> str | None:
    if not table.available:
        return None  # COMMAND is forbidden to this user: the load itself will tell
    name, facts = name_of(command), table.facts(command)
    if facts is None:
        return f"the server knows no command {name}{table.nearest(name)}"
    if "admin" in facts.flags:
        return f"{name} {_WHOLE_SERVER}"
    if len(command) < abs(facts.arity) or (facts.arity > 0 and len(command) > facts.arity):
        least = "at least " if facts.arity < 0 else ""
        given, wanted = len(command) - 1, abs(facts.arity) - 1
        return f"{name} takes {least}{wanted} argument{'s' * (wanted != 1)}, not {given}"
    return None


def _blocks(command: Command) -> str | None:
    name = name_of(command)
    words = [str(word).upper() for word in command]
    if "BLOCK" in words[:-1] and name in {"XREAD", "XREADGROUP"}:
        timeout = words[words.index("BLOCK") + 1]
    elif name in _TIMEOUT_AT:
        timeout = words[_TIMEOUT_AT[name]]
    else:
        return None
    try:
        forever = float(timeout) == 0
    except ValueError:
        return None  # a param, or a mistake that the server will name
    return f"{name} with a timeout of 0 may wait for ever: give it one" if forever else None


def _unbalanced(names: Sequence[str]) -> str | None:
    """A transaction must be whole within its operation, for connections are shared by all of them."""
    is_open = False
    for name in names:
        if name == "MULTI":
            is_open = True
        elif name in {"EXEC", "DISCARD"}:
            if not is_open:
                return f"{name} without a MULTI before it in the same operation"
            is_open = False
    if is_open:
        return "MULTI without an EXEC after it in the same operation"
    if "WATCH" in names and not {"EXEC", "DISCARD", "UNWATCH"} & set(names):
        return "WATCH without an EXEC or UNWATCH after it in the same operation"
    return None


def _text(flag: Any) -> str:
    return flag.decode() if isinstance(flag, bytes) else str(flag)
