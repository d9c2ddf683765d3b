"""What a benchmark measures: a workload that ships, a query of the user's, or a scenario file.

All three become a scenario, through the same reader with the same checks; options of the command line
become overrides of it.
"""

import hashlib
import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from perfkit.bench.options import DURATION_NS, WARMUP_NS, Options
from perfkit.errors import UsageError
from perfkit.results import Subject
from perfkit.scenario import Operation, Scenario, parse_scenario
from perfkit.scenario.datasets import UNIT_ROWS
from perfkit.scenario.document import parse, read_text
from perfkit.scenario.overrides import apply_overrides
from perfkit.scenario.values import GENERATORS, YcsbKey, Zipfian
from perfkit.shipped import scenario_file, workload_file
from perfkit.units import NS_PER_S

Kind = Literal["workload", "query", "scenario"]

_RANGE = re.compile(r"(-?[\d_.]+)\.\.(-?[\d_.]+)")
_POSITION = re.compile(r"\$(\d+)")
_FLOW = ("{", "[", '"', "'")


@dataclass(frozen=True, slots=True)
class Measured:
    """The scenario to run, and the text that it was read from."""

    kind: Kind
    name: str
    text: str
    scenario: Scenario


def measured(options: Options, backend: str) -> Measured:
    """What the options ask for, on this backend. UsageError, ScenarioError with every mistake."""
    kind, name, text, path = _source(options, backend)
    overrides = [*_overrides(options, text, path, kind), *options.overrides]
    scenario = parse_scenario(text, path, overrides=overrides, own_target=False)
    if options.true_zipfian:
        scenario = _with_true_zipfian(scenario)
    if options.batch is not None:
        scenario = with_batch(scenario, options.batch)
    return Measured(kind, name, text, scenario)


def printed(options: Options, backend: str | None) -> str:
    """The scenario as text, as it would run: as it ships, comments and all, where nothing changes it.

    Without a backend, the first file that the workload has.
    """
    kind, _, text, path = _source(options, backend)
    overrides = [*_overrides(options, text, path, kind, defaults=False), *options.overrides]
    if not overrides and options.batch is None and not options.true_zipfian:
        return text
    scenario = parse_scenario(text, path, overrides=overrides)  # tells every mistake
    if options.batch is not None:
        changed = with_batch(scenario, options.batch)
        for number, each in enumerate(changed.operations):
            if takes_batch(each):
                overrides.append(f"operations.{number}.batch={each.batch}")
            if takes_batch(each) and isinstance(each.expect.rows, int):
                overrides.append(f"operations.{number}.expect.rows={each.expect.rows}")
    content = apply_overrides(parse(text, str(path), os.environ), overrides, os.environ).plain()
    if options.true_zipfian:
        _with_true_zipfian(scenario)  # refuses where nothing changes
        content = _unscrambled(content)
    plain = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"{_comment(text)}{plain}"


def _unscrambled(content: Any) -> Any:
    """The same content with Zipf's law itself wherever YCSB's scrambled one was."""
    if isinstance(content, dict):
        names = {"scrambled_zipfian": "zipfian"}
        return {names.get(key, key): _unscrambled(value) for key, value in content.items()}
    return list(map(_unscrambled, content)) if isinstance(content, list) else content


def _comment(text: str) -> str:
    lines = text.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(lines[:count])


def _source(options: Options, backend: str | None) -> tuple[Kind, str, str, Path]:
    given = [options.workload, options.query, options.scenario]
    if sum(each is not None for each in given) != 1:
        raise UsageError(
            "say what to measure, with one of --workload, --query and --scenario",
            hint="perfkit bench URL --workload ycsb-b; perfkit bench --list names the workloads",
        )
    if options.params and options.query is None:
        raise UsageError(
            "--param gives values to a --query", hint="--set operations.NAME.params… changes others"
        )
    if options.workload is not None:
        path = workload_file(options.workload, backend)
        return "workload", path.name.split(".")[0], read_text(path), path
    if options.scenario is not None:
        path = scenario_file(options.scenario)
        return "scenario", path.stem, read_text(path), path
    assert options.query is not None
    return "query", "query", query_text(options.query, options.params, backend), Path("--query")


# -- a query --------------------------------------------------------------------------------------


def query_text(query: str, params: tuple[str, ...], backend: str | None) -> str:
    """The YAML of a scenario with this one operation. UsageError where the query can't be read."""
    if not query.strip():
        raise UsageError("--query is empty")
    operation = {
        "name": "query",
        **_operation(query, params, backend),
        "params": dict(map(_param, params)),
    }
    load = {"model": "closed", "users": 1, "duration": f"{DURATION_NS // NS_PER_S}s"}
    content = {"version": 1, "operations": [operation], "load": load}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _operation(query: str, params: tuple[str, ...], backend: str | None) -> dict[str, Any]:
    if backend == "mongodb":
        return {"mongo": _mongo_command(query)}
    if backend == "redis":
        try:
            return {"redis": shlex.split(query)}
        except ValueError as error:
            raise UsageError(f"--query: {error} in {query!r}") from None
    numbered = any(param.partition("=")[0].isdecimal() for param in params)
    return {"sql": _POSITION.sub(r":p\1", query) if numbered else query}


def _mongo_command(query: str) -> dict[str, Any]:
    try:
        command = json.loads(query)
    except ValueError as error:
        raise UsageError(
            f"--query is no JSON: {error}",
            hint="""write a command, as in '{"find": "orders", "filter": {"status": "open"}}'""",
        ) from None
    if not isinstance(command, dict) or not command:
        raise UsageError("--query: a MongoDB command is a JSON object with the command first")
    return command


def _param(text: str) -> tuple[str, Any]:
    """`id=1..100000`, `id=zipfian:1..100000`, `word=choice:a,b`, `name=anna`, `x={text: [5, 10]}`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--param {text}: write name=value, as in id=1..100000")
    name = f"p{name}" if name.strip().isdecimal() else name.strip()
    try:
        return name, _values(value)
    except (ValueError, yaml.YAMLError) as error:
        words = str(error).splitlines()[0]
        raise UsageError(f"--param {text}: {words}") from None


def _values(text: str) -> Any:
    kind, colon, rest = text.partition(":")
    if colon and kind in GENERATORS:
        if bounds := _RANGE.fullmatch(rest):
            return {kind: [yaml.safe_load(bound) for bound in bounds.groups()]}
        if kind == "choice":
            return {kind: [yaml.safe_load(each) for each in rest.split(",")]}
        return {kind: yaml.safe_load(rest) if rest else None}
    if bounds := _RANGE.fullmatch(text):
        return {"uniform": [yaml.safe_load(bound) for bound in bounds.groups()]}
    if text in {"uuid", "timestamp", "sequential"}:
        return {text: None}
    return yaml.safe_load(text) if text.startswith(_FLOW) or _is_number(text) else text


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


# -- options as overrides -------------------------------------------------------------------------


def _overrides(
    options: Options, text: str, path: Path, kind: Kind, *, defaults: bool = True
) -> list[str]:
    """What the options change in the scenario; with `defaults`, also what bench itself decides."""
    if options.iterations is not None and options.duration_ns is not None:
        raise UsageError("--iterations and --duration: one of them says how long a run is")
    content = parse(text, str(path), os.environ).plain()
    content = content if isinstance(content, dict) else {}
    found = _data_overrides(options, content, kind)
    own = defaults and kind != "scenario"
    duration_ns = options.duration_ns
    if duration_ns is None and own and options.iterations is None:
        duration_ns = DURATION_NS
    warmup_ns = options.warmup_ns
    if warmup_ns is None and own:
        warmup_ns = WARMUP_NS
    stage = _stage_path(options, content, duration_ns)
    if options.clients is not None:
        found.append(f"{stage}.users={options.clients}")
    if options.iterations is not None:
        found += [f"{stage}.iterations={options.iterations}", f"{stage}.duration="]
    elif duration_ns is not None:
        found.append(f"{stage}.duration={duration_ns / NS_PER_S:g}s")
    if warmup_ns is not None:
        found.append(f"load.warmup={warmup_ns / NS_PER_S:g}s")
    return found


def _data_overrides(options: Options, content: dict[str, Any], kind: Kind) -> list[str]:
    data = content.get("data")
    use = data.get("use") if isinstance(data, dict) else None
    found = []
    if options.scale is not None:
        if not isinstance(use, str) or use not in UNIT_ROWS:
            raise UsageError(
                f"--scale: this {kind} makes no dataset of its own that could be scaled"
            )
        found.append(f"data.rows={options.scale * UNIT_ROWS[use]}")
    if options.keep:
        if use is None:
            raise UsageError(f"--keep: this {kind} makes no dataset that could be kept")
        found.append("data.keep=true")
    return found


def _stage_path(options: Options, content: dict[str, Any], duration_ns: int | None) -> str:
    """Where the load says how much and how long. UsageError where the options don't fit it."""
    load = content.get("load")
    load = load if isinstance(load, dict) else {}
    stages = load.get("stages")
    changes = {
        "--clients": options.clients, "--iterations": options.iterations, "--duration": duration_ns,
    }  # fmt: skip
    asked = [name for name, value in changes.items() if value is not None]
    if not asked:
        return "load"
    if load.get("model") == "open" and asked != ["--duration"]:
        raise UsageError(
            f"{asked[0]} belongs to closed load, and this scenario's load is open",
            hint="--set load.stages.NAME.rate=500/s changes its rate",
        )
    if isinstance(stages, list) and len(stages) > 1:
        raise UsageError(
            f"{asked[0]}: this scenario has {len(stages)} stages",
            hint="--set load.stages.NAME.users=20 changes one of them",
        )
    return "load.stages.0" if isinstance(stages, list) else "load"


def with_batch(scenario: Scenario, batch: int) -> Scenario:
    """The scenario with so many items in each operation that takes several."""
    fitting = [each.name for each in scenario.operations if takes_batch(each)]
    if not fitting:
        raise UsageError(
            "--batch, --pipeline: no operation here takes several items at a time",
            hint="Redis commands, and inserts of one row, do",
        )
    operations = tuple(
        _batched(each, batch) if each.name in fitting else each for each in scenario.operations
    )
    return scenario.model_copy(update={"operations": operations})


def _batched(operation: Operation, batch: int) -> Operation:
    """A number of rows that is expected grows along: those of a batch are counted together."""
    expect = operation.expect
    if isinstance(expect.rows, int):
        expect = expect.model_copy(update={"rows": expect.rows * batch // operation.batch})
    return operation.model_copy(update={"batch": batch, "expect": expect})


def takes_batch(operation: Operation) -> bool:
    """Can several of it go in one request?"""
    if operation.redis is not None:
        return True
    if operation.mongo is not None:
        return next(iter(operation.mongo)) == "insert"
    return (
        operation.sql is not None
        and re.match(r"\s*insert\b", operation.sql, re.IGNORECASE) is not None
    )


def _with_true_zipfian(scenario: Scenario) -> Scenario:
    """Plain Zipf's law over the keys, in place of YCSB's scrambled one.

    There the hottest key has 3.8 % of the draws, whatever the number of keys.
    """
    changed = False

    def true(param: Any) -> Any:
        nonlocal changed
        if isinstance(param, YcsbKey):
            return param.model_copy(update={"number": true(param.number)})
        if isinstance(param, Zipfian) and param.kind == "scrambled_zipfian":
            changed = True
            return param.model_copy(update={"kind": "zipfian"})
        return param

    operations = tuple(
        each.model_copy(update={"params": {n: true(p) for n, p in each.params.items()}})
        for each in scenario.operations
    )
    if not changed:
        raise UsageError("--true-zipfian: nothing here is drawn by YCSB's scrambled zipfian")
    return scenario.model_copy(update={"operations": operations})


# -- what reports say of it -----------------------------------------------------------------------


def described(measured: Measured) -> Subject:
    """What two reports compare to know whether they measured the same."""
    scenario = measured.scenario
    stage = scenario.load.stages[0]
    single = len(scenario.load.stages) == 1
    closed = scenario.load.model == "closed"
    duration_ns = stage.duration_ns if single else None
    data = scenario.data
    rows = "" if data is None or data.use is None else f"{data.use}, {data.rows:,} rows"
    return Subject(
        kind=measured.kind,
        name=scenario.name if measured.kind == "scenario" else measured.name,
        digest=digest(scenario),
        dataset=rows,
        clients=int(stage.end) if single and closed else None,
        duration_s=None if duration_ns is None else duration_ns / NS_PER_S,
        iterations=stage.iterations if single else None,
        warmup_s=scenario.load.warmup_ns / NS_PER_S,
    )


def digest(scenario: Scenario) -> str:
    """Of what is done, on what, and how much of it at a time.

    The length of a load of one stage is not in it, nor is the number of rows: both stand beside it.
    """
    operations = [each.model_dump(mode="json") for each in scenario.operations]
    load = scenario.load.model_dump(mode="json", exclude={"warmup_ns"})
    if len(load["stages"]) == 1:
        del load["stages"][0]["duration_ns"], load["stages"][0]["iterations"]
    data = scenario.data and scenario.data.model_dump(mode="json", include={"value_size", "setup"})
    content = json.dumps([operations, load, data], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
