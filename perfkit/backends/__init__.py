"""From a URL to a Target; only the adapter that is asked for is imported.

Packages outside perfkit add a backend with the entry-point group `perfkit.backends`: the name is
the URL's scheme, the object a module (or anything else) with `open_target(url)`.
"""

import difflib
import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from perfkit.backends.address import check_credentials, redact, scheme_of
from perfkit.errors import UsageError

if TYPE_CHECKING:
    from perfkit.backends.base import Backend, Target

MODULES = {
    "sqlite": "perfkit.backends.sqlite",
    "postgresql": "perfkit.backends.postgres",
    "postgres": "perfkit.backends.postgres",
    "mongodb": "perfkit.backends.mongo",
    "mongodb+srv": "perfkit.backends.mongo",
    "redis": "perfkit.backends.redis",
    "rediss": "perfkit.backends.redis",
    "fake": "perfkit.backends.fake",
}


def open_target(url: str) -> "Target":
    """The target that answers at the URL. UsageError for a bad URL, TargetError where none answers."""
    backend = backend_of(url)
    check_credentials(url)
    return backend.open_target(url)


def look_at(url: str) -> "Target":
    """As `open_target`, changing nothing, where a backend's URL may ask for what lasts."""
    backend = backend_of(url)
    check_credentials(url)
    look: Callable[[str], Target] = getattr(backend, "look_at", backend.open_target)
    return look(url)


def backend_name(url: str) -> str:
    """The backend's name as reports have it, from the URL's scheme. UsageError when there is none."""
    backend_of(url)
    scheme = scheme_of(url)
    return {"postgres": "postgresql", "mongodb+srv": "mongodb", "rediss": "redis"}.get(
        scheme, scheme
    )


def backend_of(url: str) -> "Backend":
    """The adapter for the URL's scheme, without connecting. UsageError when there is none."""
    scheme = scheme_of(url)
    if scheme in MODULES:
        module: Backend = importlib.import_module(MODULES[scheme])  # tests/typing proves it
        return module
    for entry in entry_points(group="perfkit.backends", name=scheme):
        backend: Backend = entry.load()
        return backend
    near = difflib.get_close_matches(scheme, MODULES, 1)
    raise UsageError(
        f"{redact(url)!r}: no backend for the scheme {scheme!r}",
        hint=f"did you mean {near[0]}://?" if near else f"known are {', '.join(sorted(MODULES))}",
    )
