"""The machine's own numbers, and those of the server's processes on it."""

import os
from collections.abc import Callable, Iterator, Sequence

import psutil

from perfkit.backends.base import Metric
from perfkit.backends.measures import OF_PROCESS, of_cpu, of_memory
from perfkit.drive.series import Rates

_UNSEEN = (
    "the server's process can't be seen from here: it runs on another machine or in a container; "
    "run perfkit beside it, or leave this check out in a targets file of your own"
)


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


class ServerProcesses:
    """The server's processes with their children (PostgreSQL has one for each connection)."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._cores = psutil.cpu_count() or 1
        self._memory_bytes = psutil.virtual_memory().total

    def sample(self) -> list[Metric]:
        """CPU time so far and resident memory, and both as parts of what this machine has.

        Without processes in sight they have a reason in place of a value, and no value while the
        processes are gone. A child that ended passed its CPU time on to its parent, so none is lost.
        Shared memory is counted once: what each process has of its own, and the largest shared part.
        """
        if not self._pids:
            return [Metric(name, "", counter=False, value=None, why=_UNSEEN) for name in OF_PROCESS]
        found = [each for pid in self._pids for each in _tree(pid)]
        cpu_s = sum(seconds for seconds, _, _ in found) if found else None
        shared = max((part for *_, part in found), default=0)
        rss = shared + sum(own for _, own, _ in found) if found else None
        return [*of_cpu(cpu_s, self._cores), *of_memory(rss, self._memory_bytes)]


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
