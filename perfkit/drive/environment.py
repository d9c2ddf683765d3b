"""The machine that generates the load."""

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


def environment(settings: Mapping[str, Setting]) -> Environment:
    """This machine, with perfkit's own settings that matter for the numbers.

    `cpu_count` is the number of cores that this process may use; a container's limit that is no
    whole number is rounded up there and stands as `cpu_limit` among the settings.
    """
    allowed = len(os.sched_getaffinity(0))
    limit = cpu_limit()
    extra = {} if limit is None or limit >= allowed else {"cpu_limit": limit}
    return Environment(
        host=socket.gethostname(),
        os=_os(),
        cpu=_cpu_model(),
        cpu_count=max(1, min(allowed, -int(-(limit or allowed) // 1))),
        memory_bytes=psutil.virtual_memory().total,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        settings={**settings, **extra},
    )


def cpu_limit(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> float | None:
    """Cores that the container's quota grants (cgroup v2), the lowest on the way up; None: no limit."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    inside = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
    place = cgroups / inside
    places = [place, *(above for above in place.parents if above.is_relative_to(cgroups))]
    limits = [limit for limit in map(_quota, places) if limit is not None]
    return min(limits, default=None)


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
