"""What a profile wants of a machine: every setting with the value that its formula gives there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfkit.backends.base import Settings, Target
from perfkit.errors import Problem, ScenarioError
from perfkit.results import NotMeasured, Scope
from perfkit.scenario.fields import Mistake
from perfkit.tuning.facts import Fact, facts_for
from perfkit.tuning.formula import Quantity
from perfkit.tuning.notation import written
from perfkit.tuning.profile import Profile, Setting, refuse_other_backend


@dataclass(frozen=True, slots=True)
class Wanted:
    """A setting with the value that it should have; `formula` is None where it was no formula."""

    name: str
    value: str
    scope: Scope
    reason: str
    risk: str | None
    source: str | None
    formula: str | None


def wanted(
    profile: Profile, target: Target, machine: Mapping[str, Quantity] | None = None
) -> tuple[Wanted, ...]:
    """The profile's settings for the target's machine; `machine` is what `machine_of` gives.

    UsageError for a profile of another backend and for a fact that nobody knows; ScenarioError for
    a formula that can't be evaluated with these facts.
    """
    refuse_other_backend(profile, target.info.backend)
    return worked_out(profile, facts_for(profile, target, machine or {}))


def worked_out(profile: Profile, facts: Mapping[str, Fact]) -> tuple[Wanted, ...]:
    """The profile's settings with these facts. ScenarioError with every formula that has no value."""
    quantities = {name: fact.quantity for name, fact in facts.items()}
    found: list[Wanted] = []
    problems: list[Problem] = []
    for setting in profile.settings:
        try:
            found.append(_wanted(setting, quantities))
        except Mistake as mistake:
            message = f"settings.{setting.name}.formula: {mistake}"
            problems.append(Problem(*setting.place, message, mistake.hint))
    if problems:
        raise ScenarioError(problems)
    return tuple(found)


def measurable(
    name: str, settings_wanted: Sequence[Wanted], settings: Settings
) -> tuple[dict[str, str], tuple[NotMeasured, ...]]:
    """Of the profile of that name, what a session or client can have, and the rest with the reasons."""
    applied: dict[str, str] = {}
    left: list[NotMeasured] = []
    for each in settings_wanted:
        why = settings.problem(each.name, each.value) or settings.why_not_in_session(each.name)
        if why is None:
            applied[each.name] = each.value
        else:
            left.append(NotMeasured(name, each.name, each.value, why))
    return applied, tuple(left)


def _wanted(setting: Setting, facts: Mapping[str, Quantity]) -> Wanted:
    formula, value = setting.formula, setting.value
    if formula is not None:
        value = written(formula.evaluate(facts), setting.notation)
    assert value is not None, "a setting has a value or a formula"
    return Wanted(
        setting.name,
        value,
        setting.scope,
        setting.reason,
        setting.risk,
        setting.source,
        None if formula is None else formula.text,
    )
