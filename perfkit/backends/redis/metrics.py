"""What Redis says of itself: INFO once a second, under the names that redis_exporter uses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis
import psutil

from perfkit.backends.base import Metric, MetricSource
from perfkit.backends.measures import of_cache, of_cpu, of_memory
from perfkit.backends.redis.address import RedisUrl
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.results import Statement

SAMPLE_TIMEOUT_S = 2.0
_OWN = "cmdstat_info"
_PROCESS_NAMES = ("redis", "valkey", "keydb", "dragonfly")
# INFO's field: the metric's name, its unit, and whether it only ever grows.
_METRICS = {
    "connected_clients": ("redis_connected_clients", "", False),
    "blocked_clients": ("redis_blocked_clients", "", False),
    "used_memory": ("redis_memory_used_bytes", "B", False),
    "used_memory_rss": ("redis_memory_used_rss_bytes", "B", False),
    "mem_fragmentation_ratio": ("redis_mem_fragmentation_ratio", "ratio", False),
    "total_connections_received": ("redis_connections_received_total", "", True),
    "rejected_connections": ("redis_rejected_connections_total", "", True),
    "total_commands_processed": ("redis_commands_processed_total", "", True),
    "instantaneous_ops_per_sec": ("redis_instantaneous_ops_per_sec", "1/s", False),
    "total_error_replies": ("redis_total_error_replies", "", True),
    "total_net_input_bytes": ("redis_net_input_bytes_total", "B", True),
    "total_net_output_bytes": ("redis_net_output_bytes_total", "B", True),
    "keyspace_hits": ("redis_keyspace_hits_total", "", True),
    "keyspace_misses": ("redis_keyspace_misses_total", "", True),
    "evicted_keys": ("redis_evicted_keys_total", "", True),
    "expired_keys": ("redis_expired_keys_total", "", True),
    "used_cpu_sys": ("redis_cpu_sys_seconds_total", "s", True),
    "used_cpu_user": ("redis_cpu_user_seconds_total", "s", True),
}


def parse_info(text: bytes) -> dict[str, str]:
    """The fields of an INFO reply, section titles left out."""
    lines = text.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, separator, value in pairs if separator}


def server_pid(info: Mapping[str, str], *, local: bool) -> int | None:
    """The server's process, where it runs on this machine and is what it says it is."""
    pid = info.get("process_id", "")
    if not local or not pid.isdigit():
        return None
    try:
        name = psutil.Process(int(pid)).name()
    except psutil.Error:
        return None  # in a container it has another number outside
    return int(pid) if name.startswith(_PROCESS_NAMES) else None


class RedisMetrics:
    """See `perfkit.backends.base.Metrics`."""

    def __init__(self, url: RedisUrl, pid: int | None) -> None:
        self._url = url
        self.server_pid = pid

    @contextmanager
    def open(self) -> Iterator[MetricSource]:
        with Connection(self._url, SAMPLE_TIMEOUT_S) as connection:
            yield RedisSource(connection)


class RedisSource:
    """See `perfkit.backends.base.MetricSource`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sample(self) -> Sequence[Metric]:
        info = {field: _number(value) for field, value in self._info().items()}
        hits, misses = info.get("keyspace_hits"), info.get("keyspace_misses")
        cpu_s = _sum(info.get("used_cpu_sys"), info.get("used_cpu_user"))
        return [
            *of_cpu(cpu_s, cores=None),
            *of_memory(info.get("used_memory_rss"), info.get("total_system_memory")),
            *of_cache(_sum(hits, misses), misses, "this server does not count hits and misses"),
            *(
                Metric(name, unit, counter, info.get(field))
                for field, (name, unit, counter) in _METRICS.items()
            ),
        ]

    def statements(self) -> Mapping[str, Statement]:
        """Calls and time of each command since the server's start (or CONFIG RESETSTAT).

        INFO is left out: it is what perfkit itself asks, each second.
        """
        found = self._info("commandstats")
        return dict(_statistics(*item) for item in found.items() if item[0] != _OWN)

    def _info(self, *section: str) -> dict[str, str]:
        reply: Any = self._connection.pipeline([["INFO", *section]])[0]
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(self._connection.address, reply, "INFO")
        return parse_info(reply)


def _statistics(field: str, text: str) -> tuple[str, Statement]:
    """Of `cmdstat_config|get` and `calls=2,usec=9,…`."""
    name = field.removeprefix("cmdstat_").replace("|", " ").upper()
    values = dict(pair.split("=", 1) for pair in text.split(","))
    calls, total_ms = int(values["calls"]), int(values["usec"]) / 1000
    return name, Statement(name, calls, total_ms, total_ms / calls if calls else 0.0, None)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
