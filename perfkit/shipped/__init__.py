"""The files that come with perfkit: scenarios and workloads, and tuning profiles and targets."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from perfkit.errors import UsageError

_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "sql": ("postgresql", "sqlite"),
    "postgresql": ("postgresql",),
    "sqlite": ("sqlite",),
    "mongodb": ("mongodb",),
    "redis": ("redis",),
}
"""What stands between a workload's name and `.yml`, and the backends that the file is for."""


@dataclass(frozen=True, slots=True)
class ShippedWorkload:
    """A standard workload: its name, its files by backend, and what it is in one line."""

    name: str
    files: Mapping[str, Path]
    purpose: str

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends that it can run on."""
        return tuple(self.files)


def shipped(kind: Literal["scenarios", "profiles"]) -> Path:
    """The folder of that kind: inside an installed package, at the root of a checkout."""
    here = Path(__file__).parent
    installed = here / kind
    return installed if installed.is_dir() else here.parents[1] / kind


def scenario_file(given: Path) -> Path:
    """The path itself, or the shipped scenario of that name (`quickstart`) where there is no file."""
    if re.fullmatch(r"[a-z+]+:(/.*)?", str(given)):  # what a path makes of a URL
        raise UsageError(
            f"{given} is a target, not a scenario", hint="perfkit loadtest SCENARIO --target URL"
        )
    named = shipped("scenarios") / f"{given}.yml"
    is_name = given.name == str(given) and not given.suffix and not given.exists()
    return named if is_name and named.is_file() else given


def workloads() -> tuple[ShippedWorkload, ...]:
    """The standard workloads that ship, by name.

    Each is a file scenarios/workloads/NAME.BACKEND.yml for each backend, where `sql` stands for both
    SQL backends; the first line of its comment says what it is.
    """
    files: dict[str, dict[str, Path]] = {}
    kinds = list(_BACKENDS)
    shipping = (path.name.split(".") for path in (shipped("scenarios") / "workloads").glob("*.yml"))
    for name, kind, _ in sorted(shipping, key=lambda each: (each[0], kinds.index(each[1]))):
        path = shipped("scenarios") / "workloads" / f"{name}.{kind}.yml"
        files.setdefault(name, {}).update(dict.fromkeys(_BACKENDS[kind], path))
    return tuple(ShippedWorkload(name, of, _purpose(of)) for name, of in files.items())


def workload_file(name: str, backend: str | None = None) -> Path:
    """The workload's file for that backend, or its first one where none is asked for.

    Hyphens and underscores are one: oltp-read-only is oltp_read_only. UsageError for a workload that
    does not ship, or not for this backend.
    """
    known = {_plain(each.name): each for each in workloads()}
    found = known.get(_plain(name))
    if found is None:
        raise UsageError(f"there is no workload {name!r}", hint=_hint(name))
    file = found.files.get(backend or found.backends[0])
    if file is None:
        raise UsageError(
            f"the workload {found.name} is not for {backend}, but for {' and '.join(found.backends)}",
            hint=f"for {backend} there are "
            + ", ".join(each.name for each in workloads() if backend in each.backends),
        )
    return file


def _purpose(files: Mapping[str, Path]) -> str:
    with next(iter(files.values())).open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _hint(name: str) -> str:
    names = [each.name for each in workloads()]
    near = difflib.get_close_matches(_plain(name), [_plain(each) for each in names], 1)
    if not near:
        return f"known: {', '.join(names)}"
    return f"did you mean {next(each for each in names if _plain(each) == near[0])}?"
