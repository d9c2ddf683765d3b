"""What the load generator's host and the server did meanwhile, sampled once a second.

One daemon thread of the parent process does it, never a worker. Thresholds reach each metric as
`host.NAME.STATISTIC` and `server.NAME.STATISTIC`, with mean, min, max or last:

    host.cpu                busy share of all cores (ratio)
    host.cpu_busiest_core   busy share of the busiest core (ratio)
    host.cpu_steal          share that the hypervisor gave to others (ratio)
    host.load1              load average over a minute
    host.memory             share of the memory in use, caches not counted (ratio)
    host.memory_used, host.memory_available, host.swap_used             bytes
    host.disk_read, host.disk_write, host.net_received, host.net_sent   bytes_per_s; no loopback
    server.cpu              CPU that the server's processes used (cores)
    server.cpu_ratio        the same, as a part of all cores of the server's machine (ratio)
    server.rss              resident memory of the server's processes, shared memory once (bytes)
    server.memory_ratio     the same, as a part of the memory of the server's machine (ratio)
    server.cache_lookups    how often the server looked into its cache (per_s)
    server.cache_misses     how often in vain (per_s)
    server.hit_ratio        1 − misses / lookups; its mean is over all lookups of the run (ratio)
    server.…                whatever the backend's metrics report; counters as growth a second

CPU and memory are known where the server's processes run on this machine and can be seen; Redis and
MongoDB tell of themselves what they can where not. SQLite works inside perfkit's worker processes:
they are its server, the generator's own work included.

The cache, and what a lookup is: blocks in PostgreSQL's shared buffers (pg_stat_database: a block
that the operating system's cache had is a miss), keys that Redis's reading commands asked for
(keyspace_hits and _misses), pages in MongoDB's WiredTiger cache (requested from, and read into the
cache). SQLite does not tell. perfkit's own few lookups a second are among PostgreSQL's.

A metric that these names promise and that can't be had has its reason in `Resources.absent`.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar

from perfkit.backends.base import Metric, Metrics, MetricSource, Missing, Workload
from perfkit.backends.measures import OF_PROCESS
from perfkit.backends.waiting import Clock, system_clock
from perfkit.drive.host import Host, ServerProcesses
from perfkit.drive.series import HIT_RATIO, Recordings
from perfkit.errors import PerfkitError
from perfkit.results import Caveat, Resources, Statement
from perfkit.units import NS_PER_S

T = TypeVar("T")

TOP_STATEMENTS = 10

_INTERVAL_NS = NS_PER_S
_SHORTEST_NS = NS_PER_S // 2  # rates over a shorter last interval would be noise
_PATIENCE_S = 2.0  # as long as a server may take to answer
_REST = 4  # samples without asking a server that did not answer: the host's go on meanwhile


class Sampler:
    """Samples host and server from `start` to `stop`, and never raises on account of either."""

    def __init__(
        self,
        metrics: Metrics | Missing | None,
        clock: Clock = system_clock,
        pids: Sequence[int] | None = None,
    ) -> None:
        """`pids`: the server's processes, where these are not the one that the metrics know of."""
        self._server = Server(metrics)
        self._pids = self._server.pids if pids is None else pids
        self._clock = clock
        self._origin_ns = 0
        self._counts_from_ns = 0
        self._sampled_ns = 0
        self._host_series = Recordings()
        self._server_series = Recordings()
        self._statements: tuple[Statement, ...] = ()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perfkit-sampler", daemon=True)

    def start(self, warmup_ns: int = 0) -> None:
        """Begins; waits for the first sample, at most 2 s.

        Times count from the end of the warm-up, and what was before is in no number. Worker
        processes are forked earlier: a fork does not take the thread along.
        """
        now = self._clock()
        self._origin_ns = now + warmup_ns
        # With a warm-up, the sample at its end closes an interval that still belongs to it.
        self._counts_from_ns = self._origin_ns + _SHORTEST_NS if warmup_ns else now
        self._thread.start()
        self._ready.wait(_PATIENCE_S)

    def stop(self) -> tuple[Resources, tuple[Caveat, ...]]:
        """Ends, in milliseconds unless the server does not answer: then after 2 s."""
        self._ending.set()
        self._thread.join(_PATIENCE_S)
        return self.snapshot(), self._server.caveats(hung=self._thread.is_alive())

    def snapshot(self) -> Resources:
        """What was sampled so far, for a look while the load runs; statements come at the end."""
        with self._lock:
            host, server = self._host_series.series(), self._server_series.series()
            return Resources(host, server, self._statements, self._server_series.absent())

    def _run(self) -> None:
        """The thread."""
        host, process = Host(), ServerProcesses(self._pids)
        with contextlib.closing(self._server):
            before = self._until_load(host, process)
            while not self._ending.wait(self._until_next_s()):
                self._sample(host, process)
            if self._clock() - self._sampled_ns >= _SHORTEST_NS:
                self._sample(host, process)
            after = self._server.statements()
        if before is not None and after is not None:
            with self._lock:
                self._statements = top_statements(before, after)

    def _until_load(self, host: Host, process: ServerProcesses) -> Mapping[str, Statement] | None:
        """Samples through the warm-up; the statements from which those of the load are told."""
        self._sample(host, process)
        if self._origin_ns > self._clock():
            self._ready.set()
        while self._origin_ns > self._clock() and not self._ending.wait(self._until_next_s()):
            self._sample(host, process)
        statements = self._server.statements()
        self._ready.set()
        return statements

    def _until_next_s(self) -> float:
        """To the next whole second; those that a slow answer took are left out."""
        now = self._clock()
        done = (now - self._origin_ns + _SHORTEST_NS) // _INTERVAL_NS
        return (self._origin_ns + (done + 1) * _INTERVAL_NS - now) / NS_PER_S

    def _sample(self, host: Host, process: ServerProcesses) -> None:
        now = self._sampled_ns = self._clock()
        self._record(self._host_series, host.sample(now), now)
        reported = self._server.sample()
        seen = process.sample()
        told = _of_both(seen, reported) if self._pids else _of_both(reported, seen)
        self._record(self._server_series, told, self._clock())

    def _record(self, series: Recordings, metrics: list[Metric], now: int) -> None:
        t_s = (now - self._origin_ns) / NS_PER_S
        with self._lock:
            series.take(metrics, now, t_s if self._sampled_ns >= self._counts_from_ns else None)


class Server:
    """The server's own metrics; what goes wrong with them is counted instead of raised."""

    def __init__(self, metrics: Metrics | Missing | None) -> None:
        self._missing = metrics if isinstance(metrics, Missing) else None
        self._metrics = None if isinstance(metrics, Missing) else metrics
        self._source: MetricSource | None = None
        self._open = ExitStack()
        self._rest = 0
        self._asked = 0
        self._unanswered = 0
        self._why = ""

    @property
    def pids(self) -> tuple[int, ...]:
        """The server's process where it is on this machine and known."""
        pid = None if self._metrics is None else self._metrics.server_pid
        return () if pid is None else (pid,)

    def sample(self) -> list[Metric]:
        """The server's numbers; none when it does not answer."""
        return self._ask(lambda source: list(source.sample()), [])

    def statements(self) -> Mapping[str, Statement] | None:
        """What it accounted for so far, by statement; None when it does not answer."""
        return self._ask(lambda source: source.statements(), None)

    def _ask(self, question: Callable[[MetricSource], T], otherwise: T) -> T:
        if self._metrics is None:
            return otherwise
        self._asked += 1
        if self._rest:
            self._rest -= 1
            self._unanswered += 1
            return otherwise
        try:
            if self._source is None:
                self._source = self._open.enter_context(self._metrics.open())
            return question(self._source)
        except Exception as error:  # noqa: BLE001  whatever a driver raises here, the load goes on
            self._failed(error)
            return otherwise

    def _failed(self, error: Exception) -> None:
        self._rest = _REST
        self._unanswered += 1
        # Only perfkit's own sentences are known to hold no secret.
        self._why = self._why or (
            str(error) if isinstance(error, PerfkitError) else type(error).__name__
        )
        self.close()

    def close(self) -> None:
        """Closes the connection; the next question opens one again."""
        self._source = None
        with contextlib.suppress(Exception):  # it may be broken already
            self._open.close()

    def caveats(self, *, hung: bool) -> tuple[Caveat, ...]:
        """Why the server's metrics are not complete, in one sentence; empty when they are."""
        if self._missing is not None:
            return (Caveat("no_server_metrics", f"{self._missing.what}: {self._missing.why}"),)
        if hung:
            why = self._why or "it did not answer at the end"
        elif self._unanswered:
            why = f"{self._unanswered} of {self._asked} questions were not answered: {self._why}"
        else:
            return ()
        return (Caveat("server_metrics_incomplete", f"the server's own metrics have gaps: {why}"),)


def _of_both(first: Sequence[Metric], second: Sequence[Metric]) -> list[Metric]:
    """The metrics of both; the first knows better."""
    known = {metric.name for metric in first}
    return [*first, *(metric for metric in second if metric.name not in known)]


def metrics_before(
    metrics: Metrics | Missing, workload: Workload | Missing
) -> dict[str, str | None] | None:
    """The server's metrics, each with the reason why it has no value, if so; asks the server once.

    None where that can't be known now. Never raises: what is wrong with a server shows otherwise.
    """
    server = Server(metrics)
    with contextlib.closing(server):
        reported = server.sample()
    if not reported:
        return None
    inside = not isinstance(workload, Missing) and workload.channel_per_worker
    told = reported if inside or server.pids else _of_both(reported, ServerProcesses(()).sample())
    common = dict.fromkeys((*OF_PROCESS, HIT_RATIO))
    return {**common, **{metric.name: metric.why for metric in told}}


def top_statements(
    before: Mapping[str, Statement], after: Mapping[str, Statement]
) -> tuple[Statement, ...]:
    """What was run in between, by total time: the first TOP_STATEMENTS."""
    grown = (_growth(before.get(key), statement) for key, statement in after.items())
    ran = [statement for statement in grown if statement.calls > 0]
    return tuple(sorted(ran, key=lambda statement: -statement.total_ms)[:TOP_STATEMENTS])


def _growth(before: Statement | None, after: Statement) -> Statement:
    if before is None or after.calls < before.calls:  # new, or the statistics were reset meanwhile
        return after
    calls, total_ms = after.calls - before.calls, after.total_ms - before.total_ms
    rows = None if after.rows is None or before.rows is None else after.rows - before.rows
    return Statement(after.statement, calls, total_ms, total_ms / calls if calls else 0.0, rows)
