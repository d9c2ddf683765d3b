"""What MongoDB says of itself: serverStatus once a second, under the names of mongodb_exporter."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psutil
from pymongo.errors import PyMongoError

from perfkit.backends.base import Metric, MetricSource
from perfkit.backends.measures import of_cache, of_cpu, of_memory
from perfkit.backends.mongo.errors import problem
from perfkit.backends.mongo.server import Client, client_of
from perfkit.results import Statement

SAMPLE_TIMEOUT_MS = 2_000
_CACHE = "wiredTiger.cache."
# serverStatus's path: the metric's name, its unit, and whether it only ever grows.
_METRICS = {
    **{
        f"opcounters.{kind}": (f"mongodb_ss_opcounters_{kind}", "", True)
        for kind in ("insert", "query", "update", "delete", "getmore", "command")
    },
    "connections.current": ("mongodb_ss_connections_current", "", False),
    "connections.active": ("mongodb_ss_connections_active", "", False),
    "network.bytesIn": ("mongodb_ss_network_bytes_in", "B", True),
    "network.bytesOut": ("mongodb_ss_network_bytes_out", "B", True),
    "network.numRequests": ("mongodb_ss_network_num_requests", "", True),
    "globalLock.currentQueue.readers": ("mongodb_ss_queue_readers", "", False),
    "globalLock.currentQueue.writers": ("mongodb_ss_queue_writers", "", False),
    f"{_CACHE}bytes currently in the cache": ("mongodb_ss_wt_cache_bytes", "B", False),
    f"{_CACHE}tracked dirty bytes in the cache": ("mongodb_ss_wt_cache_dirty_bytes", "B", False),
    f"{_CACHE}bytes read into cache": ("mongodb_ss_wt_cache_read_bytes", "B", True),
    f"{_CACHE}bytes written from cache": ("mongodb_ss_wt_cache_written_bytes", "B", True),
    "mem.resident": ("mongodb_ss_mem_resident_bytes", "B", False),
    "metrics.document.returned": ("mongodb_ss_documents_returned", "", True),
    "metrics.operation.writeConflicts": ("mongodb_ss_write_conflicts", "", True),
    "extra_info.page_faults": ("mongodb_ss_page_faults", "", True),
}
_NO_CACHE = "this server tells of no WiredTiger cache, as a mongos or one with the engine inMemory"
_MIB_PATHS = frozenset({"mem.resident"})


def server_pid(status: Mapping[str, Any], *, local: bool) -> int | None:
    """The server's process, where it runs on this machine and is what it says it is."""
    pid = status.get("pid")
    if not local or pid is None:
        return None
    try:
        name = psutil.Process(int(pid)).name()
    except psutil.Error:
        return None  # in a container it has another number outside
    return int(pid) if name.startswith("mongo") else None


class MongoMetrics:
    """See `perfkit.backends.base.Metrics`."""

    def __init__(self, url: str, pid: int | None) -> None:
        self._url = url
        self.server_pid = pid

    @contextmanager
    def open(self) -> Iterator[MetricSource]:
        with client_of(self._url, SAMPLE_TIMEOUT_MS) as client:
            yield MongoSource(client, self._url)


class MongoSource:
    """See `perfkit.backends.base.MetricSource`."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def sample(self) -> Sequence[Metric]:
        try:
            status = self._client.admin.command("serverStatus")
        except PyMongoError as error:
            raise problem(self._url, error, "serverStatus") from error
        return [
            *self._of_process(status),
            *of_cache(
                _value(status, f"{_CACHE}pages requested from the cache"),
                _value(status, f"{_CACHE}pages read into cache"),
                _NO_CACHE,
            ),
            *(
                Metric(name, unit, counter, _value(status, path))
                for path, (name, unit, counter) in _METRICS.items()
            ),
        ]

    def _of_process(self, status: Mapping[str, Any]) -> Sequence[Metric]:
        user_us = _value(status, "extra_info.user_time_us")
        system_us = _value(status, "extra_info.system_time_us")
        cpu_s = None if user_us is None or system_us is None else (user_us + system_us) / 1e6
        memory_mib = _value(self._machine, "memSizeMB")
        memory_bytes = None if memory_mib is None else memory_mib * 2**20
        found = of_memory(_value(status, "mem.resident"), memory_bytes)
        if cpu_s is not None:  # told on Linux only
            found += of_cpu(cpu_s, _value(self._machine, "numCores"))
        return found

    @cached_property
    def _machine(self) -> Mapping[str, Any]:
        """What MongoDB tells of its machine; nothing where this user may not ask."""
        try:
            found: Mapping[str, Any] = self._client.admin.command("hostInfo")["system"]
        except (PyMongoError, KeyError):
            return {}
        return found

    def statements(self) -> Mapping[str, Statement]:
        """None: MongoDB accounts for statements only where its profiler is on."""
        return {}


def _value(status: Mapping[str, Any], path: str) -> float | None:
    found: Any = status
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if not isinstance(found, int | float):
        return None
    return float(found) * (2**20 if path in _MIB_PATHS else 1)
