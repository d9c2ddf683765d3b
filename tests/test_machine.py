"""The machine's description, and a container's CPU limit."""

import os
from pathlib import Path

import psutil
import pytest

from perfkit.machine import cores, cpu_limit, disk, environment, memory_bytes


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
    monkeypatch.setattr("perfkit.machine.cpu_limit", lambda: 0.5)
    found = environment({})
    assert found.cpu_count == cores() == 1
    assert found.settings["cpu_limit"] == 0.5


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1048576\n", 2**20), ("max\n", None), ("nonsense", None), (f"{2**62}\n", None)],
)
def test_a_containers_memory_is_its_limit(tmp_path: Path, limit: str, expected: int | None) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "memory.max").write_text(limit)
    membership = tmp_path / "membership"
    membership.write_text("0::/a\n")
    assert memory_bytes(tmp_path, membership) == (expected or psutil.virtual_memory().total)


def disks(tmp_path: Path, **rotational: str) -> tuple[str, str] | None:
    for name, text in rotational.items():
        (tmp_path / name / "queue").mkdir(parents=True)
        (tmp_path / name / "queue" / "rotational").write_text(text)
    return disk(tmp_path)


def test_the_kind_of_disk_is_what_the_kernel_says(tmp_path: Path) -> None:
    assert disks(tmp_path / "a", nvme0n1="0\n") == ("ssd", "nvme0n1 does not rotate")
    assert disks(tmp_path / "b", sda="1\n", loop0="0\n", zram0="0\n") == ("hdd", "sda rotates")


def test_a_virtual_disk_that_says_it_rotates_does_not_know(tmp_path: Path) -> None:
    kind, why = disks(tmp_path, vda="1\n") or ("", "")
    assert kind == "ssd"
    assert "vda is a virtual disk" in why


def test_disks_of_two_kinds_are_none(tmp_path: Path) -> None:
    assert disks(tmp_path, sda="1\n", nvme0n1="0\n") is None


def test_without_disks_there_is_no_kind(tmp_path: Path) -> None:
    assert disk(tmp_path) is None
    assert disk(tmp_path / "missing") is None
