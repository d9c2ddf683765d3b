"""Targets: named sets of limits, in `profiles/targets/` or a file of the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from perfkit import units
from perfkit.errors import Problem, ScenarioError, UsageError
from perfkit.scenario.document import parse, read_text
from perfkit.scenario.entries import CheckSyntax, read_thresholds
from perfkit.scenario.fields import Frozen, Mistake, Positive, Words, nearest, shown
from perfkit.scenario.model import Targets
from perfkit.scenario.problems import mistake_problem, problems_of
from perfkit.scenario.syntax import VersionField
from perfkit.scenario.threshold import Threshold
from perfkit.shipped import shipped


def _size(text: str) -> str:
    """The text itself, for people; ValueError where it is no size."""
    try:
        units.size_bytes(text)
    except OverflowError:
        raise ValueError(f"{shown(text)} is too large") from None
    return text


class AtSyntax(Frozen):
    """The load and the data for which limits are meant."""

    users: Annotated[Positive | None, Field(description="So many users at least.")] = None
    data: Annotated[
        Annotated[Words, AfterValidator(_size)] | None,
        Field(description="So much data at least, as in 100MB."),
    ] = None


class TargetsSyntax(Frozen):
    """A targets file."""

    version: VersionField = 1
    purpose: Annotated[Words, Field(description="For whom these limits are.")]
    at: Annotated[AtSyntax, Field(description="The load and data for which they are meant.")] = (
        AtSyntax()
    )
    checks: Annotated[Any, Field(description="Checks, as under `thresholds` of a scenario.")]


def load_targets(name: str, environ: Mapping[str, str] = os.environ) -> Targets:
    """The targets that ship under that name, or those in the file at that path.

    ScenarioError with every mistake in the file; UsageError where there is none.
    """
    path = _path(name)
    document = parse(read_text(path), str(path), environ)
    content = document.plain()
    found: list[Problem | None] = [*document.problems]
    try:
        file = TargetsSyntax.model_validate(content)
    except ValidationError as error:
        found += problems_of(error, TargetsSyntax, document)
    checks = content.get("checks") if isinstance(content, dict) else None
    thresholds = []
    for at, entry in read_thresholds(checks):
        if isinstance(entry, Threshold):
            thresholds.append(entry)
        elif isinstance(entry, Mistake):
            found.append(mistake_problem(entry, document, ("checks", *at)))
        else:
            found += problems_of(entry, CheckSyntax, document, ("checks", *at))
    if problems := [problem for problem in found if problem]:
        raise ScenarioError(problems)
    return Targets(
        name=path.stem,
        purpose=file.purpose,
        checks=tuple(thresholds),
        users=file.at.users,
        data=file.at.data,
    )


def _path(name: str) -> Path:
    if Path(name).suffix or Path(name).exists():
        return Path(name)
    ships = {path.stem: path for path in (shipped("profiles") / "targets").glob("*.yml")}
    if name not in ships:
        raise UsageError(
            f"--targets {name}: no targets of that name",
            hint=nearest(name, sorted(ships)),
        )
    return ships[name]
