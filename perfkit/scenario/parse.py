"""From a scenario file to a Scenario, or to every mistake in it at once."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from perfkit.errors import Problem, ScenarioError
from perfkit.scenario import checks
from perfkit.scenario.datasets import with_ranges
from perfkit.scenario.document import Document, Keys, Place, parse, read_text
from perfkit.scenario.entries import CheckSyntax, K6Syntax, read_thresholds
from perfkit.scenario.fields import Frozen, Mistake
from perfkit.scenario.load_syntax import Levels, LoadSyntax
from perfkit.scenario.model import Data, Load, Operation, Scenario, Stage
from perfkit.scenario.overrides import apply_overrides
from perfkit.scenario.problems import mistake_problem, problems_of
from perfkit.scenario.syntax import (
    KINDS,
    DataSyntax,
    FileSyntax,
    OperationSyntax,
)
from perfkit.scenario.threshold import Threshold
from perfkit.scenario.values import Csv, Param, latest_of

_Part = TypeVar("_Part", bound=Frozen)


def load_scenario(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    own_target: bool = True,
) -> Scenario:
    """The scenario in a file, with `--set` overrides; `${NAME}` comes from `environ`.

    Without `own_target` it has none, and whether its variables are set does not matter.
    ScenarioError with every mistake in the file and the overrides.
    """
    text = read_text(path)
    return parse_scenario(text, path, overrides=overrides, environ=environ, own_target=own_target)


def parse_scenario(
    text: str,
    path: Path,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    own_target: bool = True,
) -> Scenario:
    """As `load_scenario`, of a text that stands or could stand at the path."""
    document = apply_overrides(parse(text, str(path), environ), overrides, environ)
    if not own_target:
        document = document.without("target")
    problems: list[Problem | None] = [*document.problems]
    parts = _read(document, problems)
    problems += [
        mistake_problem(Mistake(found.message, hint=found.hint), document, found.path)
        for found in checks.check(parts, path.parent)
    ]
    if found := [problem for problem in problems if problem]:
        raise ScenarioError(sorted(set(found), key=_by_place))
    assert parts.file is not None, "what can't be read has a problem"
    scenario = _scenario(parts.file, [threshold for _, threshold in parts.thresholds], path)
    return scenario.model_copy(update={"places": _places(document, parts.file)})


def _places(document: Document, file: FileSyntax) -> dict[str, Place]:
    """Where what each operation does stands: the value of its sql, mongo, redis and so on."""
    return {
        operation.name: document.find(("operations", index, kind))[-1].place
        for index, operation in enumerate(file.operations)
        for kind in KINDS
        if getattr(operation, kind) is not None
    }


def _by_place(problem: Problem) -> tuple[bool, int, int]:
    return (problem.line == 0, problem.line, problem.column)


def _read(document: Document, problems: list[Problem | None]) -> checks.Parts:
    """Every part of the file that can be read, while the problems of the others are collected."""
    content = document.plain()
    if not isinstance(content, dict):
        message = "is no scenario: write a mapping with operations and load"
        raise ScenarioError([Problem(*document.root.place, message)])
    written = content
    content, mistakes = with_ranges(content)
    problems += [mistake_problem(mistake, document, path) for path, mistake in mistakes]
    parts = checks.Parts(written)
    for at, entry in read_thresholds(content.get("thresholds")):
        path = ("thresholds", *at)
        if isinstance(entry, Threshold):
            parts.thresholds.append((path, entry))
        elif isinstance(entry, Mistake):
            problems.append(mistake_problem(entry, document, path))
        else:
            model = K6Syntax if entry.title == K6Syntax.__name__ else CheckSyntax
            problems += problems_of(entry, model, document, path)
    try:
        parts.file = FileSyntax.model_validate(content)
    except ValidationError as error:
        problems += problems_of(error, FileSyntax, document)
        _salvage(parts, _without_unknown_keys(content, error))
    else:
        parts.operations = list(enumerate(parts.file.operations))
        parts.load = parts.file.load
    return parts


def _salvage(parts: checks.Parts, content: Any) -> None:
    """Reads the operations and the load one by one, so that an error in one hides none in another."""
    operations = content.get("operations")
    for index, operation in enumerate(operations if isinstance(operations, list) else ()):
        if read := _part(OperationSyntax, operation, keep={*KINDS}):
            parts.operations.append((index, read))
    parts.load = _part(
        LoadSyntax, content.get("load"), keep={"model", "stages", *Levels.model_fields}
    )


def _part(model: type[_Part], content: Any, keep: set[str]) -> _Part | None:
    """The part, without keys that can't be read, which have been reported; None where it needs them.

    A param that can't be read becomes a constant, so that its name stays known.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        places = [each["loc"] for each in error.errors()]
    if not isinstance(content, dict) or any(not place or place[0] in keep for place in places):
        return None
    repaired = dict(content)
    params = dict(content["params"]) if isinstance(content.get("params"), dict) else {}
    for first, *rest in places:
        if first == "name":
            repaired["name"] = checks.UNNAMED
        elif first != "params" or not rest:
            repaired.pop(str(first), None)
        elif rest[-1] == "[key]":
            params.pop(rest[0])
        else:
            params[rest[0]] = 0
    if "params" in repaired:
        repaired["params"] = params
    try:
        return model.model_validate(repaired)
    except ValidationError:
        return None


def _without_unknown_keys(content: dict[str, Any], error: ValidationError) -> Any:
    """The content without keys that no model knows."""
    unknown = {each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"}

    def kept(value: Any, path: Keys) -> Any:
        if isinstance(value, dict):
            pairs = ((key, item, (*path, key)) for key, item in value.items())
            return {key: kept(item, at) for key, item, at in pairs if at not in unknown}
        if isinstance(value, list):
            return [kept(item, (*path, index)) for index, item in enumerate(value)]
        return value

    return kept(content, ()) if unknown else content


def _scenario(file: FileSyntax, thresholds: Sequence[Threshold], path: Path) -> Scenario:
    return Scenario(
        name=file.name or path.stem,
        path=path,
        target=file.target,
        seed=file.seed,
        data=_data(file.data) if file.data else None,
        operations=tuple(_operations(file.operations, path.parent)),
        load=_load(file.load),
        thresholds=tuple(thresholds),
    )


def _data(data: DataSyntax) -> Data:
    return Data(**{key: getattr(data, key) for key in DataSyntax.model_fields})


def _operations(operations: Sequence[OperationSyntax], base_dir: Path) -> Iterator[Operation]:
    for operation in operations:
        framed, plain = operation.transaction, operation.statements
        yield Operation(
            name=operation.name,
            weight=operation.weight,
            sql=operation.sql,
            transaction=tuple(each.model() for each in framed) if framed else None,
            statements=tuple(each.model() for each in plain) if plain else None,
            isolation=operation.isolation,
            mongo=operation.mongo,
            redis=operation.redis,
            pipeline=operation.pipeline,
            batch=operation.batch,
            params={
                name: _located(param, operation, operations, base_dir)
                for name, param in operation.params.items()
            },
            expect=operation.expect.model(),
            timeout_ns=operation.timeout,
            retry=operation.retry.model(),
            think=operation.think,
        )


def _located(
    param: Param, operation: OperationSyntax, operations: Sequence[OperationSyntax], base_dir: Path
) -> Param:
    """The param with what it refers to in full: the path of a file, operation.param of a sequence."""
    if isinstance(param, Csv):
        return param.model_copy(update={"file": str((base_dir / param.file).absolute())})
    latest = latest_of(param)
    if latest is not None and latest.of:
        located = latest.model_copy(
            update={"of": checks.owners_of(latest.of, operation, operations)[0]}
        )
        return located if param is latest else param.model_copy(update={"number": located})
    return param


def _load(load: LoadSyntax) -> Load:
    stages = [load] if load.stages is None else load.stages
    return Load(
        model=load.model,
        stages=tuple(_stage(stage, number) for number, stage in enumerate(stages, start=1)),
        warmup_ns=load.warmup,
        arrivals=load.arrivals,
        connections=load.connections,
        max_lag_ns=load.max_lag,
        think=load.think,
    )


def _stage(stage: Levels, number: int) -> Stage:
    assert stage.levels is not None, "a stage without levels has a problem"
    start, end = stage.levels
    return Stage(
        name=checks.stage_name(stage, number),
        duration_ns=stage.duration,
        iterations=stage.iterations,
        start=start,
        end=end,
        steps=stage.steps,
    )
