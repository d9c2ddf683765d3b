"""Reports on profiles: listed, shown, held against a server, and applied to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from perfkit.results import (
    Caveat,
    Environment,
    MachineFact,
    ProfileList,
    ProfileResult,
    ProfileRow,
    Report,
    SettingRow,
    TargetInfo,
)
from tests.report.samples import HOSTILE

PROFILE = ProfileRow("postgres-oltp", "postgresql", "many short transactions")
MACHINE = (
    MachineFact("ram", 64.0 * 2**30, "bytes", "this machine"),
    MachineFact("disk", "ssd", "text", "--machine"),
    MachineFact("hold", 5.0, "ms", "assumed by the profile"),
)
BUFFERS = SettingRow(
    name="shared_buffers",
    live="128MB",
    wanted="16GB",
    formula="min(ram / 4, 16GiB)",
    differs=True,
    scope="restart",
    reason="The manual's starting point is a quarter of the memory.",
    risk=None,
    source="https://www.postgresql.org/docs/current/runtime-config-resource.html",
    statement="ALTER SYSTEM SET shared_buffers = '16GB';",
    restart=True,
)
COMMIT = SettingRow(
    name="synchronous_commit",
    live="on",
    wanted="off",
    formula=None,
    differs=True,
    scope="session",
    reason="A commit waits for no disk.",
    risk="A crash loses the transactions of the last 0.6 s.",
    source=None,
    statement="ALTER SYSTEM SET synchronous_commit = 'off'; SELECT pg_reload_conf();",
    restart=False,
    note="ALTER ROLE … SET has set it for this user, which goes before",
)
POOL = SettingRow(
    name="default_pool_size",
    live=None,
    wanted="20",
    formula="cores * 2",
    differs=None,
    scope="client",
    reason="More only wait inside the server.",
    risk=None,
    source=None,
    statement=None,
    restart=False,
    note="default_pool_size = 20 in pgbouncer.ini",
)
CACHE = replace(
    POOL, name="cacheSizeGB", live="1", differs=True, restart=True, note="in mongod.conf"
)
UNKNOWN = replace(
    POOL,
    name="io_method",
    scope="restart",
    note=None,
    problem="PostgreSQL has no setting 'io_method'",
)
WAL = replace(COMMIT, name="wal_compression", live="lz4", wanted="lz4", differs=False)
CAVEAT = Caveat("setting_unknown", "io_method is left out: PostgreSQL has no setting 'io_method'")


def profile_list_report() -> Report[ProfileList]:
    rows = (ProfileRow("default", "any", "no setting changed"), PROFILE)
    return _report("perfkit.profile-list", ProfileList(rows), target=False)


def profile_show_report() -> Report[ProfileResult]:
    rows = tuple(
        replace(row, live=None, differs=None, statement=None, note=None)
        for row in (BUFFERS, COMMIT)
    )
    return _report("perfkit.profile", ProfileResult("show", PROFILE, MACHINE, rows), target=False)


def profile_diff_report() -> Report[ProfileResult]:
    rows = (BUFFERS, COMMIT, CACHE, POOL, UNKNOWN, WAL)
    result = ProfileResult(
        "diff", PROFILE, MACHINE, rows, due=("shared_buffers", "synchronous_commit")
    )
    return _report("perfkit.profile", result, CAVEAT)


def profile_apply_report() -> Report[ProfileResult]:
    result = ProfileResult(
        "apply",
        PROFILE,
        MACHINE,
        (BUFFERS, CACHE, replace(COMMIT, live="off", differs=False), WAL),
        due=("shared_buffers", "synchronous_commit"),
        applied=("shared_buffers", "synchronous_commit"),
        undo_file="perfkit-undo-postgres-oltp-20260504-030201.sql",
    )
    return _report("perfkit.profile", result)


def profile_hostile_report() -> Report[ProfileResult]:
    row = replace(
        BUFFERS,
        name=HOSTILE,
        live=HOSTILE,
        wanted=HOSTILE,
        formula=HOSTILE,
        reason=HOSTILE,
        risk=HOSTILE,
        source=HOSTILE,
        statement=HOSTILE,
        note=HOSTILE,
    )
    profile = ProfileRow(HOSTILE, "postgresql", HOSTILE)
    machine = (MachineFact("disk", HOSTILE, "text", HOSTILE),)
    result = ProfileResult("diff", profile, machine, (row, replace(row, differs=None)))
    return _report("perfkit.profile", result, Caveat("setting_unknown", HOSTILE))


PROFILE_SAMPLES: dict[str, Callable[[], Report[Any]]] = {
    "profile-list": profile_list_report,
    "profile-show": profile_show_report,
    "profile-diff": profile_diff_report,
    "profile-apply": profile_apply_report,
    "profile-hostile": profile_hostile_report,
}


def _report(schema: str, result: Any, *caveats: Caveat, target: bool = True) -> Report[Any]:
    server = TargetInfo("postgresql", "postgresql://app:***@db.example.com/shop", "17.2")
    return Report(
        schema=schema,
        schema_version=1,
        perfkit_version="0.1.0",
        started_at="2026-05-04T03:02:01.000+00:00",
        duration_s=0.31,
        environment=Environment("bench-1", "Debian 12", "EPYC", 16, 64 * 2**30, "CPython 3.11.7"),
        target=server if target else None,
        result=result,
        caveats=caveats,
    )
