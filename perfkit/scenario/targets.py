"""Targets: named sets of limits, in `profiles/targets/` or a file of the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from perfkit.errors import Problem, ScenarioError, UsageError
from perfkit.scenario.document import parse, read_text
from perfkit.scenario.entries import CheckSyntax, read_thresholds
from perfkit.scenario.fields import Frozen, Mistake, Words, nearest
from perfkit.scenario.problems import mistake_problem, problems_of
from perfkit.scenario.syntax import VersionField
from perfkit.scenario.threshold import Threshold
from perfkit.shipped import shipped


class TargetsSyntax(Frozen):
    """A targets file."""

    version: VersionField = 1
    purpose: Annotated[Words, Field(description="For whom these limits are.")]
    checks: Annotated[Any, Field(description="Checks, as under `thresholds` of a scenario.")]


def load_targets(name: str, environ: Mapping[str, str] = os.environ) -> tuple[Threshold, ...]:
    """The checks of the targets that ship under that name, or of the file at that path.

    ScenarioError with every mistake in the file; UsageError where there is none.
    """
    path = _path(name)
    document = parse(read_text(path), str(path), environ)
    content = document.plain()
    found: list[Problem | None] = [*document.problems]
    try:
        TargetsSyntax.model_validate(content)
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
    return tuple(thresholds)


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
