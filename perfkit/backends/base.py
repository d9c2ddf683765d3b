"""What a backend offers: the Target that an opened URL gives, and the capabilities in its slots.

Two rules. Support depends on the server that answers, not on the class: a slot holds the capability
or a Missing that says why and what would help. And a Channel never blocks, so that one loop can
drive thousands: whatever may take long (opening, making data) is plain blocking code outside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from perfkit.backends.waiting import Clock, Poller
from perfkit.errors import MissingCapability
from perfkit.results import Statement, TargetInfo
from perfkit.scenario import Data, Operation, SetupStatement

T = TypeVar("T")


class Pending:
    """The type of PENDING, which a channel returns while a reply is not complete."""

    def __repr__(self) -> str:
        return "PENDING"


PENDING = Pending()


class ConnectionLostError(Exception):
    """A channel's connection is gone; raised by send, flush and receive and nowhere else."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation did not do what it should.

    `error_class` is the name by which the server's users know it (`unique_violation`,
    `SQLITE_BUSY`, `WRONGTYPE`, `DuplicateKey`), or one of perfkit's own: `connection_lost`,
    `timeout`, `unexpected` (an `expect` that did not hold), `unfinished` (cut off by the end).
    `retryable`: the same transaction may succeed when tried again.
    """

    error_class: str
    message: str
    retryable: bool = False


Judge = Callable[[Any], Failure | None]


@dataclass(slots=True)
class Compiled:
    """An operation made ready: requests come cheaply, replies are judged cheaply.

    `make` draws fresh values and returns a request; with `turns` it returns a list of requests, to
    be sent in turn on one channel, each reply judged by the judge in the same place of `judges`.
    `undo` makes the channel usable again after a failed turn (ROLLBACK), None where nothing is due.
    `judge` is the judge of an operation with a single request, and None for one with turns.
    """

    name: str
    make: Callable[[], Any]
    judge: Judge | None
    turns: bool = False
    judges: Sequence[Judge] = ()
    undo: Any = None


class Channel(Protocol):
    """One connection that never blocks and carries one request at a time.

    `fd` is what to wait on; None where a request is complete when `send` returns (SQLite, fake),
    in which case the session's poller announces the channel by its `key`.
    """

    @property
    def key(self) -> int:
        """The number under which the poller announces this channel (the file descriptor)."""

    def send(self, request: Any) -> bool:
        """Starts a request. True when bytes are left to `flush` once the descriptor is writable."""

    def flush(self) -> bool:
        """Writes what `send` could not; True when there is still more."""

    def receive(self) -> Any:
        """The completed reply, or PENDING."""

    def abandon(self) -> None:
        """Stops what the server does for us as well as can be done at once, and closes."""

    def close(self) -> None:
        """Closes in an orderly way; never raises."""


class Session(Protocol):
    """The compiled operations of one process and the channels that carry them.

    Made after the process was forked, so it may hold connections.
    """

    operations: Sequence[Compiled]
    clock: Clock
    poller: Poller

    def open(self) -> Channel:
        """A channel that is connected, authenticated and prepared; blocks. TargetError."""

    def close(self) -> None:
        """Releases what `open` shared between channels."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation with its source of values: `draw()` gives one tuple in the order of `names`."""

    operation: Operation
    names: tuple[str, ...]
    draw: Callable[[], tuple[Any, ...]]


class Workload(Protocol):
    """Makes data, and runs operations on many channels."""

    max_workers: int | None
    """Upper bound of worker processes, None where only cores bound it."""

    channel_per_worker: bool
    """True where each channel needs a process of its own (SQLite)."""

    virtual: bool
    """True where time is simulated and the engine runs inside this process (fake)."""

    def problem(self, operation: Operation) -> str | None:
        """Why this backend can't take the operation as it is written; told before data is made."""

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        """The operations that the server or this backend refuses, each with the reason.

        Prepared on the server, never executed.
        """

    def writes(self, operation: Operation) -> bool:
        """Would this operation change data? In doubt, yes."""

    def describe_data(self, data: Data) -> str:
        """What `make_data` is about to do, for a person who must agree: "make the table kv (…)"."""

    def make_data(self, data: Data) -> bool:
        """Makes the built-in dataset; False when one that was kept is there already and is used.

        TargetError when its name is taken by something that perfkit did not make.
        """

    def drop_data(self, data: Data) -> None:
        """Drops the built-in dataset, and nothing that perfkit did not make."""

    def freshen_data(self, data: Data) -> None:
        """Before each run of a benchmark: what the workload's author does there.

        Nothing for most datasets. TargetError.
        """

    def run_statements(self, statements: Sequence[SetupStatement]) -> None:
        """Runs the user's own setup or teardown statements. TargetError with the server's words."""

    def session(self, operations: Sequence[Bound]) -> Session:
        """Compiles the operations for this process."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a server reports. A counter is shown as its growth per second.

    Some names mean the same on every server (see perfkit.drive.resources). A counter in `cores`
    counts seconds of CPU. `why`: the reason for which this server never has a value.
    """

    name: str
    unit: str
    counter: bool
    value: float | None
    why: str | None = None


class MetricSource(Protocol):
    """An open connection that samples; used from one thread, outside the workers."""

    def sample(self) -> Sequence[Metric]:
        """The server's numbers now. TargetError when it does not answer in 2 s."""

    def statements(self) -> Mapping[str, Statement]:
        """Accumulated statement statistics by key; empty where the server keeps none."""


class Metrics(Protocol):
    """What the server says of itself while it is under load."""

    server_pid: int | None
    """The server's process where it runs on this machine and can be known."""

    def open(self) -> AbstractContextManager[MetricSource]:
        """Connects for sampling."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would set a setting for good: a statement, and whether a restart must follow.

    `statement` is in the language of the server's own client, so that a person can run it; None
    where only a configuration file or the client can set it, and `note` then says where. `lasting`
    is False where it holds for the connection that runs it and no longer, so that there is nothing
    to apply.
    """

    statement: str | None
    restart: bool = False
    note: str | None = None
    lasting: bool = True


class Settings(Protocol):
    """The settings of a server, of its sessions and of its clients.

    Names are the server's own (`shared_buffers`, `journal_mode`, `maxmemory-policy`, `w`), values
    are text in the units that its users write ("128MB", "wal", "allkeys-lru").
    """

    def facts(self) -> Mapping[str, int | str]:
        """What the server tells of its machine, for formulas: `ram` in bytes, `cores`, `connections`."""

    def live(self, names: Sequence[str]) -> Mapping[str, str | None]:
        """The values now, as a session of this target's URL has them.

        None for what has a value that can't be seen from here. A name that the server does not know
        is not among them.
        """

    def problem(self, name: str, value: str) -> str | None:
        """Why the server does not take this: an unknown name, or a value that it refuses.

        Changes nothing.
        """

    def same(self, name: str, live: str, wanted: str) -> bool:
        """Do both texts mean the same value: 1GB and 1048576kB?"""

    def change(self, name: str, value: str) -> Change:
        """How to set it for good."""

    def undo(self, name: str) -> Change:
        """How to take it back to what it is now; asked before `apply`, kept in the undo file.

        Where it was not set at all, the statement says so (ALTER SYSTEM RESET), not what it stood at.
        """

    def why_not_in_session(self, name: str) -> str | None:
        """Why a session or client can't have this setting of its own; None where it can."""

    def session_url(self, values: Mapping[str, str]) -> str:
        """The target's URL, secrets and all, whose every connection has these settings."""

    def restored(self, names: Sequence[str]) -> AbstractContextManager[None]:
        """Puts back at its end what connections with these settings leave in the database.

        SQLite's journal mode stays in the file, for example.
        """

    def apply(self, name: str, value: str) -> None:
        """Sets it for good, without restarting anything. TargetError in the server's words."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a capability is not there, and what would make it so."""

    what: str
    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What an opened URL gives.

    `host` is shown to people; `local` is True when the server is this machine.
    """

    info: TargetInfo
    host: str
    local: bool
    workload: Workload | Missing
    metrics: Metrics | Missing
    settings: Settings | Missing = Missing("settings", "this backend has none to read")


def need(slot: T | Missing) -> T:
    """The capability, or MissingCapability with the reason and the remedy."""
    if isinstance(slot, Missing):
        raise MissingCapability(f"{slot.what}: {slot.why}", hint=slot.hint)
    return slot


class Backend(Protocol):
    """A backend is a module with this function; see `perfkit.backends.open_target`."""

    def open_target(self, url: str) -> Target:
        """Connects once to learn the server's facts. TargetError, UsageError for a bad URL."""


Rows = Iterator[tuple[Any, ...]]
