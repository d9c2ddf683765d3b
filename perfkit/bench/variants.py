"""What is measured against what: profiles, single settings, the values of a sweep, or nothing at all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perfkit import tuning
from perfkit.backends import open_target
from perfkit.backends.base import Settings, Target, need
from perfkit.bench.options import (
    RUNS,
    RUNS_OF_A_COMPARISON,
    RUNS_OF_A_SWEEP_POINT,
    Options,
)
from perfkit.bench.subject import Measured, takes_batch, with_batch
from perfkit.errors import UsageError
from perfkit.results import Caveat, NotMeasured
from perfkit.scenario import Scenario
from perfkit.scenario.fields import nearest

DEFAULT = "default"

_SWEEPS = ("clients", "batch", "pipeline", "pool")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of running the subject: its scenario on a target whose connections have the settings."""

    name: str
    scenario: Scenario
    target: Target
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scheme:
    """All variants, the first of which is the baseline, and how often each is run."""

    variants: tuple[Variant, ...]
    runs: int
    sweep: str | None = None
    not_measured: tuple[NotMeasured, ...] = ()
    caveats: tuple[Caveat, ...] = ()


def scheme(options: Options, measured: Measured, target: Target) -> Scheme:
    """What the options ask to compare. UsageError for a profile, setting or sweep that can't be."""
    if options.sweep is not None and options.profiles:
        raise UsageError("--sweep and --profile: one at a time")
    if options.each_setting and not options.profiles:
        raise UsageError(
            "--each-setting measures the settings of a profile", hint="add --profile NAME"
        )
    if options.machine and not options.profiles:
        raise UsageError("--machine is for the formulas of a profile", hint="add --profile NAME")
    if options.sweep is not None:
        return _sweep(options, measured.scenario, target)
    if options.profiles:
        return _profiles(options, measured.scenario, target)
    only = Variant(measured.name, measured.scenario, target)
    return Scheme((only,), options.runs or RUNS)


# -- profiles -------------------------------------------------------------------------------------


def _profiles(options: Options, scenario: Scenario, target: Target) -> Scheme:
    settings = need(target.settings)
    names = list(options.profiles)
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--profile {repeated[0]} is there twice")
    if len(names) == 1 and names != [DEFAULT]:
        names.insert(0, DEFAULT)
    if names == [DEFAULT]:
        raise UsageError(
            "--profile default alone leaves nothing to measure it against",
            hint="add another --profile; perfkit profile list names them",
        )
    variants: list[Variant] = []
    missing: list[NotMeasured] = []
    for name in names:
        wanted = _settings_of(name, options, target)
        applied, left = tuning.measurable(name, wanted, settings)
        missing += left
        if applied or name == DEFAULT:
            variants.append(_with_settings(name, applied, scenario, target))
        if options.each_setting and name != DEFAULT and len(applied) > 1:
            prefix = f"{name}: " if len(names) > 2 else ""
            variants += [
                _with_settings(f"{prefix}{each} = {value}", {each: value}, scenario, target)
                for each, value in applied.items()
            ]
    if len(variants) < 2:
        raise UsageError(
            f"nothing of {', '.join(options.profiles)} can be set by a session or a client here, so "
            f"there is nothing to measure against{_reasons(missing)}",
            hint=f"perfkit profile diff {names[-1]} URL shows what the server would need",
        )
    return Scheme(
        tuple(variants), options.runs or RUNS_OF_A_COMPARISON, not_measured=tuple(missing)
    )


def _reasons(missing: Sequence[NotMeasured]) -> str:
    """Each reason once, with the first setting that has it: one may be a name misspelt."""
    first = {each.why: each.setting for each in reversed(missing)}
    told = [f"{setting}: {why}" for why, setting in reversed(first.items())]
    return f" ({'; '.join(told)})" if told else ""


def _settings_of(name: str, options: Options, target: Target) -> tuple[tuning.Wanted, ...]:
    if name == DEFAULT:
        return ()
    return tuning.wanted(tuning.load_profile(name), target, tuning.machine_of(options.machine))


def _with_settings(
    name: str, values: Mapping[str, str], scenario: Scenario, target: Target
) -> Variant:
    if not values:
        return Variant(name, scenario, target)
    settings = need(target.settings)
    with settings.restored(list(values)):  # to open it is to connect, with what that leaves behind
        opened = open_target(settings.session_url(values))
    return Variant(name, scenario, opened, dict(values))


# -- sweeps ---------------------------------------------------------------------------------------


def _sweep(options: Options, scenario: Scenario, target: Target) -> Scheme:
    name, values = _asked(options.sweep or "")
    variants = tuple(_point(name, value, scenario, target) for value in values)
    return Scheme(variants, options.runs or RUNS_OF_A_SWEEP_POINT, sweep=name)


def _asked(sweep: str) -> tuple[str, list[str]]:
    name, equals, rest = sweep.partition("=")
    name, values = name.strip(), [value.strip() for value in rest.split(",") if value.strip()]
    if not equals or not name:
        raise UsageError(f"--sweep {sweep}: write name=v1,v2,…, as in clients=1,2,4,8")
    if len(set(values)) < 2:
        raise UsageError(
            f"--sweep {sweep}: a sweep needs at least two different values",
            hint=f"as in --sweep {name}=1,2,4,8",
        )
    if len(set(values)) < len(values):
        raise UsageError(f"--sweep {sweep}: a value is there twice")
    return name, values


def _point(name: str, value: str, scenario: Scenario, target: Target) -> Variant:
    if name not in _SWEEPS:
        return _setting_point(name, value, scenario, target)
    count = _count(name, value)
    if name == "clients":
        changed = _with_clients(scenario, count)
    elif name == "pool":
        changed = _with_pool(scenario, count)
    else:
        _refuse_batch_of(name, scenario)
        changed = with_batch(scenario, count)
    return Variant(value, changed, target)


def _count(name: str, value: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", value):
        raise UsageError(f"--sweep {name}: {value!r} is no number from 1 up")
    return int(value)


def _with_clients(scenario: Scenario, clients: int) -> Scenario:
    load = scenario.load
    if load.model != "closed" or len(load.stages) != 1:
        raise UsageError("--sweep clients needs a closed load of one stage")
    stage = load.stages[0].model_copy(update={"start": clients, "end": clients, "steps": 1})
    return scenario.model_copy(update={"load": load.model_copy(update={"stages": (stage,)})})


def _with_pool(scenario: Scenario, connections: int) -> Scenario:
    load = scenario.load
    users = max(stage.end for stage in load.stages)
    if load.model == "closed" and connections > users:
        raise UsageError(
            f"--sweep pool: {connections} connections are more than the {users:g} clients that "
            "share them",
            hint="raise --clients to what the service has at a time",
        )
    changed = load.model_copy(update={"connections": connections})
    return scenario.model_copy(update={"load": changed})


def _refuse_batch_of(name: str, scenario: Scenario) -> None:
    if name == "pipeline" and not any(each.redis for each in scenario.operations):
        raise UsageError("--sweep pipeline is for Redis commands", hint="--sweep batch for inserts")
    if not any(takes_batch(each) for each in scenario.operations):
        raise UsageError(
            f"--sweep {name}: no operation here takes several items at a time",
            hint="perfkit bench URL --workload bulk-insert --sweep batch=1,10,100",
        )


def _setting_point(name: str, value: str, scenario: Scenario, target: Target) -> Variant:
    settings = need(target.settings)
    _refuse_setting(name, value, settings)
    return _with_settings(value, {name: value}, scenario, target)


def _refuse_setting(name: str, value: str, settings: Settings) -> None:
    known = settings.live([name])
    if name not in known:
        why = settings.problem(name, value) or "it is not known here"
        raise UsageError(f"--sweep {name}: {why}", hint=nearest(name, _SWEEPS))
    why_not = settings.why_not_in_session(name) or settings.problem(name, value)
    if why_not:
        raise UsageError(f"--sweep {name}={value}: {why_not}")
