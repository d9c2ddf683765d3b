"""Whether the parts of a scenario fit together: names that are used exist, the load is possible."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from perfkit.scenario.document import Keys
from perfkit.scenario.fields import nearest
from perfkit.scenario.load_syntax import Levels, LoadSyntax, StageSyntax
from perfkit.scenario.placeholders import (
    Name,
    sql_choices,
    sql_names,
    template_names,
    text_parts,
)
from perfkit.scenario.syntax import FileSyntax, OperationSyntax
from perfkit.scenario.threshold import RESERVED, Threshold
from perfkit.scenario.values import (
    Bytes,
    Choice,
    Constant,
    Csv,
    Template,
    gives_whole,
    latest_of,
    made_of,
    sequential_of,
)
from perfkit.scenario.words import forms

WARMUP_NAME = "warmup"
UNNAMED = "unnamed-operation"  # stands in for a name that could not be read


@dataclass(slots=True)
class Parts:
    """What could be read of a file; `file` only where all of it could."""

    content: dict[str, Any]
    operations: list[tuple[int, OperationSyntax]] = field(default_factory=list)
    load: LoadSyntax | None = None
    thresholds: list[tuple[Keys, Threshold]] = field(default_factory=list)
    file: FileSyntax | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A mistake with the path of what is wrong."""

    path: Keys
    message: str
    hint: str | None = None


def check(parts: Parts, base_dir: Path) -> Iterator[Found]:
    """Every mistake that shows only when the parts are seen together.

    Files of values are looked for relative to `base_dir`.
    """
    yield from _check_mix(parts)
    for index, operation in parts.operations:
        path: Keys = ("operations", index)
        yield from _check_names(operation, parts.content["operations"][index], path)
        yield from _check_params(parts, operation, (*path, "params"), base_dir)
        if parts.file:
            yield from _check_words(operation, path)
    if parts.load:
        yield from _check_load(parts.load)
        yield from _check_think(parts)
    yield from _check_thresholds(parts)


def stage_name(stage: Levels, number: int) -> str:
    """The name of a stage; without one, stage-1 and so on."""
    return (stage.name if isinstance(stage, StageSyntax) else None) or f"stage-{number}"


def owners_of(
    of: str, operation: OperationSyntax, operations: Iterable[OperationSyntax]
) -> list[str]:
    """Where the sequential param is that `latest.of` names: operation.param, its own one first."""
    found = [
        f"{each.name}.{name}"
        for each in operations
        for name, param in each.params.items()
        if sequential_of(param) and of in {name, f"{each.name}.{name}"}
    ]
    own = f"{operation.name}.{of}"
    return [own] if own in found else found


def _check_mix(parts: Parts) -> Iterator[Found]:
    names: dict[str, int] = {}
    for index, operation in parts.operations:
        path: Keys = ("operations", index, "name")
        if operation.name == UNNAMED:
            continue
        if operation.name in RESERVED:
            yield Found(
                path,
                f"{operation.name!r} is no name for an operation: it means something else in thresholds",
            )
        elif operation.name in names:
            yield Found(path, f"there is another operation {operation.name!r} already")
        names.setdefault(operation.name, index)
    all_read = len(parts.operations) == len(_items(parts.content.get("operations")))
    if (
        parts.operations
        and all_read
        and not any(operation.weight for _, operation in parts.operations)
    ):
        yield Found(("operations",), "all weights are zero: nothing would run")


# Names in statements


def _check_names(operation: OperationSyntax, written: Any, path: Keys) -> Iterator[Found]:
    """Finds names that are used but not defined, and the other way round."""
    used: set[str] = set()
    readable = True
    for at, sign, names in _uses(operation, written, path):
        if isinstance(names, ValueError):
            readable = False
            yield Found(at, str(names))
            continue
        used.update(names)
        for name in names:
            if name not in operation.params:
                message = f"uses {sign.format(name)}, which params does not define"
                yield Found(at, message, nearest(name, list(operation.params)))
    used |= {of for param in operation.params.values() if (of := made_of(param))}
    for name in operation.params.keys() - used if readable else ():
        yield Found((*path, "params", name), "is never used", _unused_hint(operation, name))


_IN_SQL = ":{}"
_IN_TEXT = "{{{}}}"


def _uses(
    operation: OperationSyntax, written: Any, path: Keys
) -> Iterator[tuple[Keys, str, tuple[str, ...] | ValueError]]:
    """Each place where values go: its path, how names are marked there, and the names."""
    for at, sql in _statements(operation, path):
        yield at, _IN_SQL, sql_names(sql)
        yield at, _IN_TEXT, sql_choices(sql, operation.params)
    texts = [*_texts(written.get("redis"), (*path, "redis"))]
    texts += _texts(written.get("mongo"), (*path, "mongo"))
    for name, param in operation.params.items():
        if isinstance(param, Template):
            texts.append(((*path, "params", name), param.text))
    for at, text in texts:
        try:
            yield at, _IN_TEXT, template_names(text)
        except ValueError as error:
            yield at, _IN_TEXT, error


def _statements(operation: OperationSyntax, path: Keys) -> Iterator[tuple[Keys, str]]:
    """The SQL texts of an operation with their paths."""
    if operation.sql:
        yield (*path, "sql"), operation.sql
    for key in ("transaction", "statements"):
        for index, statement in enumerate(getattr(operation, key) or ()):
            yield (*path, key, index, "sql"), statement.sql


def _check_words(operation: OperationSyntax, path: Keys) -> Iterator[Found]:
    """Finds braces in SQL whose param is no choice of words."""
    for at, sql in _statements(operation, path):
        try:
            forms(sql, operation.params)
        except ValueError as error:
            yield Found(at, str(error))


def _texts(value: Any, path: Keys) -> Iterator[tuple[Keys, str]]:
    """Every text in a command, keys too, with the path of its value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), key
            yield from _texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _unused_hint(operation: OperationSyntax, name: str) -> str | None:
    if any(f"{{{name}}}" in sql for _, sql in _statements(operation, ())):
        return f"in SQL write :{name}"
    if operation.redis or operation.mongo:
        return f'write "{{{name}}}" where its value goes'
    return f"write :{name} where its value goes"


# Params


def _check_params(
    parts: Parts, operation: OperationSyntax, path: Keys, base_dir: Path
) -> Iterator[Found]:
    yield from _check_cycles(operation, path)
    yield from _check_filled_texts(operation, path)
    for name, param in operation.params.items():
        if isinstance(param, Csv):
            yield from _check_csv(param, (*path, name), base_dir)
        latest = latest_of(param)
        if latest is not None and latest.of and parts.file:
            at = (*path, name) if latest is param else (*path, name, "ycsb_key")
            yield from _check_sequence(latest.of, operation, parts.file.operations, at)
        if made_of(param) is not None:
            yield from _check_number(operation, name, path)


def _check_number(operation: OperationSyntax, name: str, path: Keys) -> Iterator[Found]:
    """Finds numbers that would be made of what is none."""
    param = operation.params[name]
    of = made_of(param) or ""
    base = operation.params.get(of)
    at: Keys = (*path, name, param.kind, "of")
    if base is None:
        yield Found(at, f"there is no param {of!r} here", nearest(of, list(operation.params)))
    elif not gives_whole(base):
        fraction = "range" in type(base).model_fields
        what = "a number with a fraction" if fraction else base.kind
        yield Found(at, f"{of!r} is no whole number, but {what}")


def _check_cycles(operation: OperationSyntax, path: Keys) -> Iterator[Found]:
    texts = {name: p.text for name, p in operation.params.items() if isinstance(p, Template)}
    uses = {name: _names(text) for name, text in texts.items()}
    uses |= {name: [of] for name, p in operation.params.items() if (of := made_of(p))}
    while cycle := _cycle(uses):
        yield Found((*path, cycle[0]), f"is made of itself: {' → '.join(cycle)}")
        for name in cycle[1:]:
            uses.pop(name)


def _cycle(uses: dict[str, list[str]]) -> list[str] | None:
    """The names from one that is made of itself back to it, the first of the alphabet first."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        names: list[str] = error.args[1][:0:-1]  # it leads backwards, and ends with its beginning
        first = names.index(min(names))
        return [*names[first:], *names[:first], names[first]]
    return None


def _check_filled_texts(operation: OperationSyntax, path: Keys) -> Iterator[Found]:
    """Finds values that have no one form as text where they would be filled into a longer text."""
    texts = [text for _, text in _texts([*map(list, operation.redis or ())], ())]
    texts += [text for _, text in _texts(operation.mongo, ())]
    texts += [param.text for param in operation.params.values() if isinstance(param, Template)]
    filled = {name for text in texts for name in _filled_names(text)}
    for name in sorted(filled & operation.params.keys()):
        param = operation.params[name]
        if isinstance(param, Bytes):
            yield Found((*path, name), "bytes can't be filled into a longer text: use them alone")
        values = param.values if isinstance(param, Choice) else ()
        values = (param.value,) if isinstance(param, Constant) else values
        if any(value is None or isinstance(value, bool) for value in values):
            yield Found(
                (*path, name),
                "true, false and null can't be filled into a longer text: put them in quotes",
            )


def _filled_names(text: str) -> list[str]:
    """The names in a text that is longer than one name."""
    return _names(text) if len(_parts(text)) > 1 else []


def _parts(text: str) -> tuple[str | Name, ...]:
    try:
        return text_parts(text)
    except ValueError:
        return ()  # has a problem of its own


def _names(text: str) -> list[str]:
    return [part.name for part in _parts(text) if isinstance(part, Name)]


def _check_csv(param: Csv, path: Keys, base_dir: Path) -> Iterator[Found]:
    at: Keys = (*path, "csv", "file")
    try:
        with (base_dir / param.file).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header, first = next(rows, None), next(rows, None)
    except OSError as error:
        yield Found(at, f"{param.file!r}: {(error.strerror or str(error)).lower()}")
    except (UnicodeDecodeError, csv.Error):
        yield Found(at, f"{param.file!r} is no CSV file in UTF-8")
    else:
        if not header or not first:
            yield Found(at, f"{param.file!r} has no row below its line of names")
        elif header.count(param.column) != 1:
            count = header.count(param.column)
            trouble = f"has {count} columns" if count else "has no column"
            yield Found(
                (*path, "csv", "column"),
                f"{param.file!r} {trouble} {param.column!r}",
                nearest(param.column, header),
            )


def _check_sequence(
    of: str, operation: OperationSyntax, operations: Sequence[OperationSyntax], path: Keys
) -> Iterator[Found]:
    owners = owners_of(of, operation, operations)
    at: Keys = (*path, "latest", "of")
    if not owners:
        known = [
            f"{each.name}.{name}"
            for each in operations
            for name, param in each.params.items()
            if sequential_of(param)
        ]
        yield Found(at, f"no operation has a sequential param {of!r}", nearest(of, known))
    elif len(owners) > 1:
        yield Found(at, f"{of!r} is in several operations: write {' or '.join(owners)}")


# Load


def _check_load(load: LoadSyntax) -> Iterator[Found]:
    stages: list[tuple[Keys, Levels]] = [(("load",), load)]
    if load.stages is not None:
        stages = [(("load", "stages", index), stage) for index, stage in enumerate(load.stages)]
    for path, stage in stages:
        if load.model == "open" and stage.users is not None:
            yield Found((*path, "users"), "an open load has a rate, not users")
        if load.model == "closed" and stage.rate is not None:
            yield Found((*path, "rate"), "a closed load has users, not a rate")
    for path, stage in stages[:-1]:
        if stage.iterations:
            yield Found((*path, "iterations"), "only the last stage can end by its iterations")
    if not any(any(stage.levels or ()) for _, stage in stages):
        what = "arrival" if load.model == "open" else "user"
        yield Found(stages[0][0][:2], f"there is not a single {what} in the whole load")
    yield from _check_stage_names(load, stages)
    yield from _check_model_keys(load)
    yield from _check_pool(load, stages)


def _check_stage_names(load: LoadSyntax, stages: list[tuple[Keys, Levels]]) -> Iterator[Found]:
    names: set[str] = set()
    for number, (path, stage) in enumerate(stages, start=1):
        name = stage_name(stage, number)
        if name in names:
            yield Found((*path, "name"), f"there is another stage {name!r} already")
        if name == WARMUP_NAME and load.warmup:
            yield Found((*path, "name"), "load.warmup makes a stage of this name already")
        names.add(name)


def _check_model_keys(load: LoadSyntax) -> Iterator[Found]:
    """Finds keys that the model of the load would ignore."""
    only = {"arrivals": "open", "max_lag": "open", "think": "closed"}
    for key, model in only.items():
        if key in load.model_fields_set and load.model != model:
            article = "an" if load.model == "open" else "a"
            yield Found(("load", key), f"has no meaning in {article} {load.model} load")


def _check_pool(load: LoadSyntax, stages: Sequence[tuple[Keys, Levels]]) -> Iterator[Found]:
    """Finds a pool that is larger than the users who share it."""
    if load.model == "closed" and load.connections:
        users = max(max(stage.users or (0, 0)) for _, stage in stages)
        if users and load.connections > users:
            yield Found(
                ("load", "connections"),
                f"{load.connections} connections are more than the {users:g} users who share them",
            )


def _check_think(parts: Parts) -> Iterator[Found]:
    for index, operation in parts.operations:
        if operation.think is not None and parts.load and parts.load.model == "open":
            path: Keys = ("operations", index, "think")
            yield Found(path, "has no meaning in an open load: arrivals wait for nobody")


# Thresholds


def _check_thresholds(parts: Parts) -> Iterator[Found]:
    operations = _names_in(parts.content.get("operations"))
    stages = _stage_names(parts)
    for path, threshold in parts.thresholds:
        name = threshold.path[0]
        if operations and len(threshold.path) > 1 and name not in {*operations, *RESERVED}:
            yield Found(
                path, f"there is no operation {name!r}", nearest(name, [*operations, "total"])
            )
        if stages and threshold.stage is not None and threshold.stage not in stages:
            at: Keys = (*path, "stage")
            yield Found(
                at, f"there is no stage {threshold.stage!r}", nearest(threshold.stage, stages)
            )


def _names_in(items: Any) -> list[str]:
    """The names in a list of mappings, also of those that could not be read."""
    names = [item.get("name") for item in _items(items) if isinstance(item, dict)]
    return [name for name in names if isinstance(name, str)]


def _stage_names(parts: Parts) -> list[str]:
    """The names of the stages, also of a load that could not be read."""
    if parts.load:
        stages: Sequence[Levels] = parts.load.stages or [parts.load]
        return [stage_name(stage, number) for number, stage in enumerate(stages, start=1)]
    load = parts.content.get("load")
    items = _items(load.get("stages") if isinstance(load, dict) else None)
    return [*_names_in(items), *(f"stage-{number}" for number in range(1, len(items) + 1))]


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
