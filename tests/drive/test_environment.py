"""The machine's description, and a container's CPU limit."""

import os
from pathlib import Path

import psutil
import pytest

from perfkit.drive.environment import cpu_limit, environment


def cgroups(tmp_path: Path, own: str, **quotas: str) -> float | None:
    for place, quota in quotas.items():
        folder = tmp_path / place.replace("__", "/") if place != "root" else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(quota + "\n")
    membership = tmp_path / "membership"
    membership.write_text(own)
    return cpu_limit(tmp_path, membership)


def test_the_environment_describes_this_machine() -> None:
    found = environment({"workers": 2})
    assert found.host
    assert found.cpu
    assert "Linux" in found.os
    assert 1 <= found.cpu_count <= len(os.sched_getaffinity(0))
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.python.startswith("CPython 3.")
    assert found.settings["workers"] == 2


def test_a_containers_quota_is_its_limit(tmp_path: Path) -> None:
    assert cgroups(tmp_path, "0::/\n", root="150000 100000") == 1.5


def test_the_lowest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    quotas = {"a": "50000 100000", "a__b": "max 100000", "a__b__c": "200000 100000"}
    assert cgroups(tmp_path, "12:cpu:/x\n0::/a/b/c\n", **quotas) == 0.5


@pytest.mark.parametrize("quota", ["max 100000", "nonsense", "", "5 0"])
def test_without_a_quota_there_is_no_limit(tmp_path: Path, quota: str) -> None:
    assert cgroups(tmp_path, "0::/\n", root=quota) is None


def test_without_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path, tmp_path / "missing") is None


def test_a_membership_outside_of_what_is_mounted_has_no_limit(tmp_path: Path) -> None:
    assert cgroups(tmp_path / "mounted", "0::/../../outside\n", mounted="max 1") is None


def test_a_fraction_of_a_core_counts_as_one_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfkit.drive.environment.cpu_limit", lambda: 0.5)
    found = environment({})
    assert found.cpu_count == 1
    assert found.settings["cpu_limit"] == 0.5
