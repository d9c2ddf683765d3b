"""Profiles as configuration files, which the programs themselves read back."""

from pathlib import Path

import pytest
import yaml

from perfkit.tuning.config import config_text
from perfkit.tuning.facts import facts_for, machine_of
from perfkit.tuning.profile import parse_profile
from perfkit.tuning.wanted import worked_out

MONGOD = """
  storage.wiredTiger.engineConfig.cacheSizeGB: {formula: ram / 2, as: GiB, scope: restart, reason: r}
  storage.journal.commitIntervalMs: {value: 100, scope: restart, reason: r}
  ttlMonitorEnabled: {value: true, scope: reload, reason: r}
  storage.wiredTiger.collectionConfig.blockCompressor: {value: zstd, scope: restart, reason: r}
  profile.filter: {value: "on: 'x'", scope: restart, reason: r}
  w: {value: majority, scope: client, reason: r}
"""


def config(settings: str, *, backend: str, style: str | None = None) -> str:
    style_line = f"config: {style}\n" if style else ""
    text = f"backend: {backend}\npurpose: a try\n{style_line}settings:\n{settings}"
    profile = parse_profile(text, Path("try.yml"), {})
    facts = facts_for(profile, None, machine_of(["ram=8GiB,cores=4"]))
    return config_text(profile, worked_out(profile, facts), facts)


def setting(name: str, value: str) -> str:
    return f"  {name}: {{value: {value}, scope: reload, reason: why}}\n"


def test_reasons_risks_formulas_and_facts_are_comments() -> None:
    settings = "  work_mem:\n    formula: ram / 1024\n    scope: session\n    reason: because\n    risk: memory\n"
    assert config(settings, backend="postgresql").splitlines() == [
        "# try: a try (ram 8.00 GiB)",
        "",
        "# because [ram / 1024]",
        "# Risk: memory",
        "work_mem = '8MB'",
    ]


@pytest.mark.parametrize(
    ("backend", "style", "value", "line"),
    [
        ("postgresql", None, "on", "x = on"),
        ("postgresql", None, "1.1", "x = 1.1"),
        ("postgresql", None, '"it\'s"', "x = 'it''s'"),
        ("postgresql", None, '"a\\\\b"', "x = 'a\\\\b'"),
        ("postgresql", None, '""', "x = ''"),
        ("postgresql", "pgbouncer.ini", "transaction", "x = transaction"),
        ("postgresql", "properties", "20", "x = 20"),
        ("sqlite", None, "-2000", "PRAGMA x = -2000;"),
        ("redis", None, "3600 1 300 100", "x 3600 1 300 100"),
        ("redis", None, '""', 'x ""'),
    ],
)
def test_a_setting_is_written_as_its_file_has_it(
    backend: str, style: str | None, value: str, line: str
) -> None:
    assert config(setting("x", value), backend=backend, style=style).splitlines()[-1] == line


def test_pgbouncers_settings_stand_in_its_section() -> None:
    lines = config(setting("pool_mode", "session"), backend="postgresql", style="pgbouncer.ini")
    assert lines.splitlines() == ["; try: a try", "", "[pgbouncer]", "; why", "pool_mode = session"]


def test_mongods_file_is_the_tree_that_the_names_mean() -> None:
    text = config(MONGOD, backend="mongodb")
    assert yaml.safe_load(text) == {
        "storage": {
            "wiredTiger": {
                "engineConfig": {"cacheSizeGB": 4},
                "collectionConfig": {"blockCompressor": "zstd"},
            },
            "journal": {"commitIntervalMs": 100},
        },
        "setParameter": {"ttlMonitorEnabled": True},
        "profile": {"filter": "on: 'x'"},
    }


def test_what_belongs_to_the_client_is_no_line_of_the_servers_file() -> None:
    assert config(MONGOD, backend="mongodb").splitlines()[-2:] == [
        "# For the client, not for this file:",
        "# w = majority",
    ]
