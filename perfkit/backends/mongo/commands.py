"""MongoDB commands as operations write them in YAML, made into what the server takes.

The commands are the server's own, with their fields: find, aggregate, count, distinct, insert,
update, delete, findAndModify. Shorter ways to write some of them:

    {insert: coll, document: {…}}
    {update: coll, filter: {…}, u: {$set: {…}}, multi: false, upsert: false}
    {delete: coll, filter: {…}, limit: 1}
    {bulk: coll, ordered: true, operations: [{insert: {…}}, {update: {filter, update}}, {delete: {filter}}]}

Values that YAML has no type for are written as Extended JSON: {$oid: …}, {$date: …}.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from bson import json_util

from perfkit.scenario import Operation
from perfkit.scenario.placeholders import template_names
from perfkit.units import NS_PER_MS

Command = dict[str, Any]

READS = frozenset({"find", "aggregate", "count", "distinct"})
WRITES = frozenset({"insert", "update", "delete", "findAndModify"})
_KNOWN = (*sorted(READS), *sorted(WRITES), "bulk")
_SPELLINGS = {"findandmodify": "findAndModify"}
# A reply of a single batch leaves no cursor on the server; this many documents fit into no batch.
_ALL_DOCUMENTS = 2**31 - 1
_DEFAULT_BATCH = 101
# Extended JSON's wrappers that are no query operators, too, as $regex is.
_WRAPPERS = frozenset({
    "$binary", "$date", "$maxKey", "$minKey", "$numberDecimal", "$numberDouble", "$numberInt",
    "$numberLong", "$oid", "$regularExpression", "$timestamp", "$uuid",
})  # fmt: skip


def commands_of(operation: Operation) -> list[Command]:
    """The commands that the operation sends in turn, for a batch with one of its items.

    More than one where it lists several, and for a bulk of several kinds. ValueError for what is no
    command that perfkit drives, with the reason.
    """
    written = operation.mongo or {}
    several = written if isinstance(written, tuple) else (written,)
    expanded = itertools.chain.from_iterable(map(_expanded, several))
    commands = [_completed(command, operation.timeout_ns) for command in expanded]
    if operation.batch > 1:
        _check_batch(commands)
    return commands


def item_of(command: Command) -> tuple[str, Any]:
    """The list of a write that is repeated in a batch, and the one item in it."""
    field = LISTS[next(iter(command))]
    return field, command[field][0]


def _check_batch(commands: list[Command]) -> None:
    """ValueError for what can't be sent as a batch."""
    command, *others = commands
    items = command.get(LISTS.get(next(iter(command)), ""))
    if others or not isinstance(items, list) or len(items) != 1:
        raise ValueError(
            "a batch takes an insert of one document, or an update or delete with one entry, and "
            "repeats it"
        )
    field, _ = item_of(command)
    outside = {name: value for name, value in command.items() if name != field}
    if names := template_names(outside):
        raise ValueError(
            f"a batch has a {{{names[0]}}} in each item: outside {field} it has no value"
        )


def _expanded(command: Mapping[str, Any]) -> list[Command]:
    """The command with its short forms written out; a bulk is several."""
    written = dict(command)
    name = _name_of(written)
    if name == "bulk":
        return _bulk(written)
    collection = written.pop(_written_as(written, name))
    return [_SHORTHANDS.get(name, dict)({name: collection, **written})]


def revived(value: Any) -> Any:
    """The value with Extended JSON's wrappers in it made into what they stand for.

    ValueError for one that holds no such value.
    """
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in _WRAPPERS:
            return _unwrapped(dict(value))
        return {key: revived(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [revived(item) for item in value]
    return value


def holds_wrappers(value: Any) -> bool:
    """Is there Extended JSON in it?"""
    if isinstance(value, Mapping):
        return any(key in _WRAPPERS or holds_wrappers(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(holds_wrappers, value))


def writes(command: Command) -> bool:
    """Would it change data?"""
    stages = command.get("pipeline") or ()
    into = any(isinstance(stage, Mapping) and {"$out", "$merge"} & set(stage) for stage in stages)
    return into or next(iter(command)) not in READS


def _unwrapped(wrapper: dict[str, Any]) -> Any:
    try:
        return json_util.object_hook(wrapper)
    except Exception as error:  # bson raises whatever its parsers do: TypeError, InvalidId, …
        raise ValueError(f"{wrapper} is no Extended JSON: {error}") from error


def _name_of(written: Mapping[str, Any]) -> str:
    """The command among the fields: the first that is one, for YAML keeps no order for people."""
    for field in written:
        name = _SPELLINGS.get(field, field)
        if name in _KNOWN:
            return name
    first = next(iter(written), "nothing")
    raise ValueError(f"{first!r} is no command that perfkit drives: known are {', '.join(_KNOWN)}")


def _written_as(written: Mapping[str, Any], name: str) -> str:
    return next(field for field in written if _SPELLINGS.get(field, field) == name)


def _insert(command: Command) -> Command:
    if "document" in command:
        command["documents"] = [command.pop("document")]
    return command


def _update(command: Command) -> Command:
    statement = _statement(command, ("u", "multi", "upsert", "arrayFilters", "collation", "hint"))
    return {**command, "updates": [statement]} if statement else command


def _delete(command: Command) -> Command:
    statement = _statement(command, ("limit", "collation", "hint"))
    return {**command, "deletes": [{"limit": 1, **statement}]} if statement else command


def _statement(command: Command, fields: tuple[str, ...]) -> Command:
    """Takes the fields of a single update or delete out of the command; empty when it is not short."""
    if "filter" not in command:
        return {}
    statement = {"q": command.pop("filter")}
    return statement | {field: command.pop(field) for field in fields if field in command}


_SHORTHANDS: dict[str, Callable[[Command], Command]] = {
    "insert": _insert,
    "update": _update,
    "delete": _delete,
}


def _bulk(written: Mapping[str, Any]) -> list[Command]:
    """A write command for each run of operations of the same kind."""
    unknown = set(written) - {
        "bulk",
        "ordered",
        "operations",
        "writeConcern",
        "comment",
        "maxTimeMS",
    }
    operations = written.get("operations")
    if unknown or not isinstance(operations, list) or not operations:
        what = f"unknown field {min(unknown)!r}" if unknown else "operations are missing"
        raise ValueError(f"bulk: {what}; write {{bulk: coll, operations: [{{insert: {{…}}}}, …]}}")
    shared = {name: value for name, value in written.items() if name not in {"bulk", "operations"}}
    writes_in_turn = [_bulk_write(operation) for operation in operations]
    return [
        {kind: written["bulk"], LISTS[kind]: [statement for _, statement in group], **shared}
        for kind, group in itertools.groupby(writes_in_turn, key=lambda write: write[0])
    ]


LISTS = {"insert": "documents", "update": "updates", "delete": "deletes"}


def _bulk_write(operation: Any) -> tuple[str, Any]:
    kind = next(iter(operation), None) if isinstance(operation, Mapping) else None
    if kind not in LISTS or len(operation) != 1 or not isinstance(operation[kind], Mapping):
        raise ValueError(
            f"bulk: {operation!r} is no write: write {{insert: {{…}}}}, "
            "{update: {filter: …, update: …}} or {delete: {filter: …}}"
        )
    if kind == "insert":
        return kind, operation[kind]
    fields = {{"filter": "q", "update": "u"}.get(k, k): v for k, v in operation[kind].items()}
    if "q" not in fields or (kind == "update" and "u" not in fields):
        raise ValueError(f"bulk: {operation!r} lacks its filter or update")
    return kind, {"limit": 1, **fields} if kind == "delete" else fields


def _completed(command: Command, timeout_ns: int) -> Command:
    """The command so that it leaves no cursor behind, and the server stops when nobody waits."""
    name = next(iter(command))
    if name == "find":
        _no_cursor(command)
    elif name == "aggregate":
        command.setdefault("cursor", {"batchSize": _ALL_DOCUMENTS})
    command.setdefault("maxTimeMS", max(1, timeout_ns // NS_PER_MS))
    return command


def _no_cursor(find: Command) -> None:
    if find.get("tailable") or find.get("awaitData"):
        raise ValueError("find: a tailable cursor stays open, and perfkit leaves none behind")
    find["singleBatch"] = True
    limit = find.get("limit")
    if not isinstance(limit, int) or not 0 < limit <= _DEFAULT_BATCH:
        find.setdefault("batchSize", _ALL_DOCUMENTS)


def cursor_refusal(command: Command) -> str | None:
    """Why an aggregate would leave cursors behind; None when it would not."""
    cursor = command.get("cursor", {})
    small = (
        isinstance(cursor, Mapping) and cursor.get("batchSize", _ALL_DOCUMENTS) != _ALL_DOCUMENTS
    )
    if "aggregate" in command and small:
        return "aggregate: a batchSize leaves cursors on the server; use a $limit stage instead"
    return None
