"""Metrics that mean the same on every server, under the names by which checks ask for them."""

from perfkit.backends.base import Metric

OF_PROCESS = ("cpu", "cpu_ratio", "rss", "memory_ratio")


def of_cpu(seconds: float | None, cores: float | None) -> list[Metric]:
    """CPU used by the server, of which `seconds` so far, in cores and as a part of its machine's."""
    found = [Metric("cpu", "cores", counter=True, value=seconds)]
    if cores:
        part = None if seconds is None else seconds / cores
        found.append(Metric("cpu_ratio", "ratio", counter=True, value=part))
    return found


def of_memory(rss_bytes: float | None, machine_bytes: float | None) -> list[Metric]:
    """Resident memory of the server, in bytes and as a part of its machine's."""
    found = [Metric("rss", "bytes", counter=False, value=rss_bytes)]
    if machine_bytes:
        part = None if rss_bytes is None else rss_bytes / machine_bytes
        found.append(Metric("memory_ratio", "ratio", counter=False, value=part))
    return found


def of_cache(lookups: float | None, misses: float | None, absent: str) -> list[Metric]:
    """How often the server looked into its cache so far, and in vain; `absent` is why both are None."""
    if lookups is None or misses is None:
        return [Metric("hit_ratio", "ratio", counter=False, value=None, why=absent)]
    return [
        Metric("cache_lookups", "", counter=True, value=lookups),
        Metric("cache_misses", "", counter=True, value=misses),
    ]
