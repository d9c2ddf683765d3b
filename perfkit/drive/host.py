"""The machine's own numbers, and those of the server's processes on it."""

import os
from collections.abc import Callable, Iterator

import psutil

from perfkit.backends.base import Metric
from perfkit.drive.series import Rates


class Host:
    """This machine. CPU and what is counted need two samples: the first has no value of them."""

    def __init__(self) -> None:
        self._rates = Rates()
        self._first = True

    def sample(self, now_ns: int) -> list[Metric]:
        """Its numbers now; what the system does not tell is left out."""
        groups: tuple[Callable[[], Iterator[Metric]], ...] = (
            lambda: self._cpu(now_ns),
            _memory,
            _disk,
            _network,
        )
        metrics: list[Metric] = []
        for group in groups:
            try:
                metrics.extend(group())
            except (psutil.Error, OSError, RuntimeError):  # no /proc/diskstats in a container, say
                continue
        return metrics

    def _cpu(self, now_ns: int) -> Iterator[Metric]:
        cores = psutil.cpu_percent(percpu=True)
        steal = self._rates.rate("steal", now_ns, getattr(psutil.cpu_times(), "steal", 0.0))
        first, self._first = self._first, False
        mean, most = sum(cores) / len(cores) / 100, max(cores) / 100
        stolen = None if steal is None else steal / len(cores)
        yield Metric("cpu", "ratio", counter=False, value=None if first else mean)
        yield Metric("cpu_busiest_core", "ratio", counter=False, value=None if first else most)
        yield Metric("cpu_steal", "ratio", counter=False, value=stolen)
        yield Metric("load1", "count", counter=False, value=os.getloadavg()[0])


def _memory() -> Iterator[Metric]:
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    yield Metric("memory", "ratio", counter=False, value=used / memory.total)
    yield Metric("memory_used", "bytes", counter=False, value=used)
    yield Metric("memory_available", "bytes", counter=False, value=memory.available)
    yield Metric("swap_used", "bytes", counter=False, value=psutil.swap_memory().used)


def _disk() -> Iterator[Metric]:
    disk = psutil.disk_io_counters()
    if disk is not None:
        yield Metric("disk_read", "bytes", counter=True, value=disk.read_bytes)
        yield Metric("disk_write", "bytes", counter=True, value=disk.write_bytes)


def _network() -> Iterator[Metric]:
    cards = [card for name, card in psutil.net_io_counters(pernic=True).items() if name != "lo"]
    yield Metric("net_received", "bytes", counter=True, value=sum(c.bytes_recv for c in cards))
    yield Metric("net_sent", "bytes", counter=True, value=sum(c.bytes_sent for c in cards))


class ServerProcess:
    """The server's process and its children (PostgreSQL has one for each connection)."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._rates = Rates()

    def sample(self, now_ns: int) -> list[Metric]:
        """CPU in cores and resident memory; no values while it is gone, nothing for a remote server.

        A child that ended passed its CPU time on to its parent, so none is lost. Shared memory is
        counted once: what each process has of its own, and the largest shared part.
        """
        if self._pid is None:
            return []
        tree = list(_tree(self._pid))
        if not tree:
            cpu, rss = None, None
        else:
            cpu = self._rates.rate("cpu", now_ns, sum(seconds for seconds, _, _ in tree))
            rss = sum(own for _, own, _ in tree) + max(shared for _, _, shared in tree)
        return [
            Metric("cpu", "cores", counter=False, value=cpu),
            Metric("rss", "bytes", counter=False, value=rss),
        ]


def _tree(pid: int) -> Iterator[tuple[float, int, int]]:
    """(CPU seconds, own bytes, shared bytes) of each process."""
    try:
        root = psutil.Process(pid)
        processes = [*root.children(recursive=True), root]
    except psutil.Error:
        return
    for process in processes:
        try:
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.Error:  # it ended in between
            continue
        seconds = times.user + times.system + times.children_user + times.children_system
        yield seconds, memory.rss - memory.shared, memory.shared
