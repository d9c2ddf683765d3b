"""Profiles: those that ship in `profiles/`, files of the user's own, and `default`, which sets nothing."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from perfkit.errors import Problem, ScenarioError, UsageError
from perfkit.results import ProfileRow, Scope
from perfkit.scenario.document import Document, Place, parse, read_text
from perfkit.scenario.fields import nearest
from perfkit.scenario.problems import problems_of
from perfkit.shipped import shipped
from perfkit.tuning.formula import Formula, Quantity
from perfkit.tuning.notation import Notation
from perfkit.tuning.syntax import ConfigStyle, ProfileSyntax, SettingSyntax

DEFAULT = "default"
ANY_BACKEND = "any"
_OTHER_NAMES = {"postgresql": "postgres", "pg": "postgres", "mongodb": "mongo"}
_CONFIG: Mapping[str, ConfigStyle] = {
    "postgresql": "postgresql.conf",
    "sqlite": "pragmas",
    "mongodb": "mongod.conf",
    "redis": "redis.conf",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with its value, or with a formula for it that stands at `place`."""

    name: str
    value: str | None
    formula: Formula | None
    notation: Notation | None
    scope: Scope
    reason: str
    risk: str | None
    source: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings that belong together; `assume` are facts that nobody can look up."""

    name: str
    backend: str
    purpose: str
    settings: tuple[Setting, ...] = ()
    assume: Mapping[str, Quantity] = field(default_factory=dict)
    config: ConfigStyle = "properties"

    @property
    def row(self) -> ProfileRow:
        """How it stands in a list."""
        return ProfileRow(self.name, self.backend, self.purpose)

    def fits(self, backend: str) -> bool:
        """Is it one for this backend?"""
        return self.backend in {backend, ANY_BACKEND}


_NOTHING = Profile(DEFAULT, ANY_BACKEND, "no setting changed: what the target's URL gives")


def load_profile(name: str, environ: Mapping[str, str] = os.environ) -> Profile:
    """The profile that ships under that name, or in the file at that path.

    ScenarioError with every mistake in the file; UsageError where there is none.
    """
    if name == DEFAULT:
        return _NOTHING
    path = _path(name)
    return parse_profile(read_text(path), path, environ)


def parse_profile(text: str, path: Path, environ: Mapping[str, str] = os.environ) -> Profile:
    """As `load_profile`, of a text that stands or could stand at the path."""
    document = parse(text, str(path), environ)
    found: list[Problem | None] = [*document.problems]
    file: ProfileSyntax | None = None
    try:
        file = ProfileSyntax.model_validate(document.plain())
    except ValidationError as error:
        found += problems_of(error, ProfileSyntax, document)
    if problems := sorted({problem for problem in found if problem}, key=_by_place):
        raise ScenarioError(problems)
    assert file is not None, "what can't be read has a problem"
    return Profile(
        name=path.stem,
        backend=file.backend,
        purpose=file.purpose,
        settings=tuple(_setting(name, each, document) for name, each in file.settings.items()),
        assume=file.assume,
        config=file.config or _CONFIG[file.backend],
    )


def profiles() -> tuple[Profile, ...]:
    """Every profile there is without a file of one's own, by backend and name."""
    ours = (load_profile(name) for name in _shipped())
    return (_NOTHING, *sorted(ours, key=lambda each: (each.backend, each.name)))


def refuse_other_backend(profile: Profile, backend: str) -> None:
    """UsageError with the names of those that fit, for a profile of another backend."""
    if profile.fits(backend):
        return
    fitting = [each.name for each in profiles() if each.fits(backend)]
    raise UsageError(
        f"the profile {profile.name} is for {profile.backend}, and the target is {backend}",
        hint=f"for {backend}: {', '.join(fitting)}",
    )


def _setting(name: str, each: SettingSyntax, document: Document) -> Setting:
    return Setting(
        name=name,
        value=each.value,
        formula=each.formula,
        notation=each.notation,
        scope=each.scope,
        reason=each.reason.strip(),
        risk=each.risk and each.risk.strip(),
        source=each.source,
        place=document.find(("settings", name, "formula"))[-1].place,
    )


def _shipped() -> Mapping[str, Path]:
    return {path.stem: path for path in shipped("profiles").glob("*.yml")}


def _path(name: str) -> Path:
    ours = _shipped()
    by_usual_name = {_usual(each): path for each, path in ours.items()}
    if _usual(name) in by_usual_name:
        return by_usual_name[_usual(name)]
    if Path(name).suffix or Path(name).is_file():
        return Path(name)
    raise UsageError(f"no profile is named {name!r}", hint=nearest(name, [DEFAULT, *sorted(ours)]))


def _usual(name: str) -> str:
    """The name with the backend as most people call it: postgresql-oltp is postgres-oltp."""
    backend, dash, rest = name.partition("-")
    return f"{_OTHER_NAMES.get(backend, backend)}{dash}{rest}"


def _by_place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column
