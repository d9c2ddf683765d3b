"""In what two reports differ that would explain a difference between their numbers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from perfkit.results import BenchResult, Report, VariantResult

_LOCAL = {None, "", "localhost", "127.0.0.1", "::1"}
_OWN_SETTINGS = ("workers", "connections", "cpu_limit")  # of perfkit: what made the load
_ABSENT = "none"


def differences(
    old: Report[BenchResult],
    new: Report[BenchResult],
    pairs: Iterable[tuple[VariantResult, VariantResult]],
) -> tuple[str, ...]:
    """Each in a few words, as in "host: ci-1 → ci-2"; empty where the two can be compared."""
    return tuple(
        f"{what}: {_shown(before)} → {_shown(after)}"
        for what, before, after in (
            *_subject(old.result, new.result),
            *_server(old, new),
            *_machine(old, new),
            *_variants(pairs),
        )
        if before != after
    )


Difference = tuple[str, object, object]


def _subject(old: BenchResult, new: BenchResult) -> Iterator[Difference]:
    before, after = old.subject, new.subject
    if before.digest != after.digest:
        shown = f"{before.name} ({before.digest})", f"{after.name} ({after.digest})"
        yield ("operations, load or data", *shown)
    yield "sweep", old.sweep and old.sweep.name, new.sweep and new.sweep.name
    yield "dataset", before.dataset, after.dataset
    yield "clients", before.clients, after.clients
    yield "duration", _seconds(before.duration_s), _seconds(after.duration_s)
    yield "iterations", before.iterations, after.iterations
    yield "warm-up", _seconds(before.warmup_s), _seconds(after.warmup_s)


def _server(old: Report[BenchResult], new: Report[BenchResult]) -> Iterator[Difference]:
    before, after = old.target, new.target
    if before is None or after is None:
        yield "server", before and before.backend, after and after.backend
        return
    yield "backend", before.backend, after.backend
    yield "server's host", _host(before.url), _host(after.url)
    if before.backend == after.backend:
        releases = [_release(each.backend, each.server_version) for each in (before, after)]
        if releases[0] != releases[1]:
            yield "server version", before.server_version, after.server_version
        yield from _settings("server's", before.settings, after.settings)


def _machine(old: Report[BenchResult], new: Report[BenchResult]) -> Iterator[Difference]:
    before, after = old.environment, new.environment
    yield "host", before.host, after.host
    yield "CPU", before.cpu, after.cpu
    yield "cores", before.cpu_count, after.cpu_count
    own = [{name: side.settings.get(name) for name in _OWN_SETTINGS} for side in (before, after)]
    yield from _settings("perfkit's", *own)


def _variants(pairs: Iterable[tuple[VariantResult, VariantResult]]) -> Iterator[Difference]:
    for old, new in pairs:
        names = dict.fromkeys((*old.settings, *new.settings))
        for name in names:
            yield f"{new.name}'s {name}", old.settings.get(name), new.settings.get(name)


def _settings(
    whose: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[Difference]:
    """Those that both could see: a database that was yet to be made showed none."""
    for name in old:
        if name in new:
            yield f"{whose} {name}", old[name], new[name]


def _host(url: str) -> str:
    """A port differs wherever a server is started for a test, and tells nothing."""
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return url
    return "this machine" if name in _LOCAL or name is None else name


def _release(backend: str, version: str | None) -> str | None:
    """The first two numbers of a version, PostgreSQL's first one: what comes after mends and does not change.

    So PostgreSQL numbers its releases since 10 (www.postgresql.org/support/versioning).
    """
    match = re.search(r"\d+" if backend == "postgresql" else r"\d+(\.\d+)?", version or "")
    return match[0] if match else version


def _seconds(duration_s: float | None) -> str | None:
    return None if duration_s is None else f"{duration_s:g} s"


def _shown(value: object) -> str:
    return _ABSENT if value in {None, ""} else str(value)
