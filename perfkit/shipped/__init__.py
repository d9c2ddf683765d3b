"""The files that come with perfkit: scenarios, and tuning profiles and targets."""

import re
from pathlib import Path
from typing import Literal

from perfkit.errors import UsageError


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
