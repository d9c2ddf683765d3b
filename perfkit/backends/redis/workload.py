"""Redis under load: the `Workload` and the `Session` of `perfkit.backends.base`."""

from collections.abc import Sequence

import hiredis

from perfkit.backends.base import Bound, Channel, Compiled
from perfkit.backends.redis import data as datasets
from perfkit.backends.redis import layout
from perfkit.backends.redis.address import RedisUrl
from perfkit.backends.redis.channel import RedisChannel
from perfkit.backends.redis.commands import CommandTable, listens, name_of, refusal_of, writes
from perfkit.backends.redis.compile import compile_operation
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.backends.stream import BUFFER_BYTES
from perfkit.backends.waiting import Clock, Poller, SocketPoller, system_clock
from perfkit.errors import UsageError
from perfkit.scenario import Data, Operation, SetupStatement

BATCH_TIMEOUT_S = 60.0


class RedisWorkload:
    """Commands and pipelines of them; see `perfkit.backends.base.Workload`."""

    max_workers: int | None = None
    channel_per_worker = False
    virtual = False

    def __init__(self, url: RedisUrl) -> None:
        self._url = url

    def problem(self, operation: Operation) -> str | None:
        return next((why for _, why in self.check([operation])), None)  # needs no data to be there

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        with Connection(self._url) as connection:
            table = CommandTable(connection)
            reasons = [(operation, refusal_of(operation, table)) for operation in operations]
        return [(operation, why) for operation, why in reasons if why is not None]

    def writes(self, operation: Operation) -> bool:
        with Connection(self._url) as connection:
            return writes(operation, CommandTable(connection))

    def describe_data(self, data: Data) -> str:
        return layout.describe_data(data)

    def make_data(self, data: Data) -> bool:
        with Connection(self._url, BATCH_TIMEOUT_S) as connection:
            return datasets.make_data(connection, data)

    def drop_data(self, data: Data) -> None:
        with Connection(self._url, BATCH_TIMEOUT_S) as connection:
            datasets.drop_data(connection, data)

    def freshen_data(self, data: Data) -> None:
        """Nothing: no dataset that Redis can hold asks for it."""

    def run_statements(self, statements: Sequence[SetupStatement]) -> None:
        """Runs commands written as lists, one after the other: `[SET, key, value]`."""
        with Connection(self._url, timeout_s=None) as connection:
            for statement in statements:
                _run(connection, statement)

    def session(self, operations: Sequence[Bound]) -> "RedisSession":
        return RedisSession(self._url, operations)


def _run(connection: Connection, statement: SetupStatement) -> None:
    if not isinstance(statement, list) or not statement:
        raise UsageError(
            f"{statement!r} is no Redis command", hint="write it as a list: [SET, key, value]"
        )
    if why := listens(statement):
        raise UsageError(why)
    reply = connection.pipeline([[a if isinstance(a, bytes) else str(a) for a in statement]])[0]
    if isinstance(reply, hiredis.ReplyError):
        raise refusal(connection.address, reply, name_of(statement))


class RedisSession:
    """See `perfkit.backends.base.Session`. The channels of a session belong to one thread."""

    def __init__(self, url: RedisUrl, operations: Sequence[Bound]) -> None:
        self.operations: Sequence[Compiled] = [compile_operation(bound) for bound in operations]
        self.clock: Clock = system_clock
        self.poller: Poller = SocketPoller()
        self._url = url
        self._buffer = bytearray(BUFFER_BYTES)

    def open(self) -> Channel:
        return RedisChannel(Connection(self._url), self._buffer)

    def close(self) -> None:
        """Nothing is shared between the channels but memory."""
