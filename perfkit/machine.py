"""This machine: what reports say of it, and what of it is there to use."""

import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

from perfkit.results import Environment

Setting = str | int | float | bool | None

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CPU_INFO = Path("/proc/cpuinfo")
_BLOCK_DEVICES = Path("/sys/block")
_NO_DISKS = ("loop", "ram", "zram", "sr", "fd", "dm-", "md")  # what they lie on is listed itself
_VIRTUAL_DISKS = ("vd", "xvd")


def environment(settings: Mapping[str, Setting]) -> Environment:
    """This machine, with perfkit's own settings that matter for the numbers.

    `cpu_count` is the number of cores that this process may use; a container's limit that is no
    whole number is rounded up there and stands as `cpu_limit` among the settings.
    """
    limit = cpu_limit()
    extra = {} if limit is None or limit >= _allowed() else {"cpu_limit": limit}
    return Environment(
        host=socket.gethostname(),
        os=_os(),
        cpu=_cpu_model(),
        cpu_count=cores(),
        memory_bytes=psutil.virtual_memory().total,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        settings={**settings, **extra},
    )


def cores() -> int:
    """Cores that this process may use; a quota's fraction counts as one."""
    allowed = _allowed()
    return max(1, min(allowed, -int(-(cpu_limit() or allowed) // 1)))


def memory_bytes(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Memory of the machine, or of the container where that has less."""
    limits = [limit for limit in map(_memory_limit, _own_cgroups(cgroups, own)) if limit]
    return min([psutil.virtual_memory().total, *limits])


def disk(devices: Path = _BLOCK_DEVICES) -> tuple[str, str] | None:
    """The kind of its disks, "ssd" or "hdd", with the reason; None where the disks differ, or there are none.

    A virtual disk says that it rotates when nobody told it what it lies on, so that only its no
    means something.
    """
    try:
        names = sorted(each.name for each in devices.iterdir())
    except OSError:
        return None
    real = [name for name in names if not name.startswith(_NO_DISKS)]
    kinds = {name: found for name in real if (found := _kind_of_disk(devices / name))}
    if len({kind for kind, _ in kinds.values()}) != 1:
        return None
    name, (kind, why) = next(iter(kinds.items()))
    return kind, f"{name} {why}"


def _kind_of_disk(device: Path) -> tuple[str, str] | None:
    try:
        rotates = (device / "queue" / "rotational").read_text().strip() == "1"
    except OSError:
        return None
    if rotates and device.name.startswith(_VIRTUAL_DISKS):
        return "ssd", "is a virtual disk, which is taken for one on SSD"
    return ("hdd", "rotates") if rotates else ("ssd", "does not rotate")


def cpu_limit(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> float | None:
    """Cores that the container's quota grants (cgroup v2), the lowest on the way up; None: no limit."""
    limits = [limit for limit in map(_quota, _own_cgroups(cgroups, own)) if limit is not None]
    return min(limits, default=None)


def _allowed() -> int:
    return len(os.sched_getaffinity(0))


def _own_cgroups(cgroups: Path, own: Path) -> list[Path]:
    """The cgroup of this process and those above it."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    inside = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
    place = cgroups / inside
    return [place, *(above for above in place.parents if above.is_relative_to(cgroups))]


def _memory_limit(cgroup: Path) -> int | None:
    try:
        return int((cgroup / "memory.max").read_text())  # "max" is no number
    except (OSError, ValueError):
        return None


def _quota(cgroup: Path) -> float | None:
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return int(quota) / int(period)  # "max" is no number
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _os() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.system()} {platform.release()} {platform.machine()}"


def _cpu_model() -> str:
    try:
        lines = _CPU_INFO.read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
