"""MongoDB under load: the `Workload` and the `Session` of `perfkit.backends.base`."""

import contextlib
from collections.abc import Sequence

from bson.errors import BSONError
from pymongo.errors import PyMongoError

from perfkit.backends.base import Bound, Channel, Compiled
from perfkit.backends.datasets import describe
from perfkit.backends.mongo import data as datasets
from perfkit.backends.mongo.channel import MongoChannel
from perfkit.backends.mongo.check import refusal_of
from perfkit.backends.mongo.commands import commands_of, revived, writes
from perfkit.backends.mongo.compile import Replies, compile_operation
from perfkit.backends.mongo.connection import Connection
from perfkit.backends.mongo.errors import failure, problem
from perfkit.backends.mongo.server import Client, Server, client_of, find_again
from perfkit.backends.stream import BUFFER_BYTES
from perfkit.backends.waiting import Clock, Poller, SocketPoller, system_clock
from perfkit.errors import TargetError, UsageError
from perfkit.scenario import Data, Operation, SetupStatement


class MongoWorkload:
    """Commands and bulks of writes; see `perfkit.backends.base.Workload`."""

    max_workers: int | None = None
    channel_per_worker = False
    virtual = False

    def __init__(self, server: Server) -> None:
        self._server = server

    def problem(self, operation: Operation) -> str | None:
        return next((why for _, why in self.check([operation])), None)  # needs no data to be there

    def check(self, operations: Sequence[Operation]) -> list[tuple[Operation, str]]:
        with client_of(self._server.url) as client:
            database = self._server.database
            reasons = [(o, refusal_of(o, client, database)) for o in operations]
        return [(operation, why) for operation, why in reasons if why is not None]

    def writes(self, operation: Operation) -> bool:
        try:
            return any(map(writes, commands_of(operation)))
        except ValueError:
            return True  # no command that perfkit knows

    def describe_data(self, data: Data) -> str:
        return describe(
            datasets.BACKEND,
            data,
            what="collection",
            where=f" in the database {self._server.database}",
        )

    def make_data(self, data: Data) -> bool:
        with client_of(self._server.url) as client:
            return datasets.make_data(client[self._server.database], data)

    def drop_data(self, data: Data) -> None:
        with client_of(self._server.url) as client:
            datasets.drop_data(client[self._server.database], data)

    def freshen_data(self, data: Data) -> None:
        """Nothing: no dataset that MongoDB can hold asks for it."""

    def run_statements(self, statements: Sequence[SetupStatement]) -> None:
        """Runs commands written as mappings, one after the other; any command that the server knows."""
        with client_of(self._server.url) as client:
            for statement in statements:
                self._run(client, statement)

    def _run(self, client: Client, statement: SetupStatement) -> None:
        if not isinstance(statement, dict) or not statement:
            raise UsageError(
                f"{statement!r} is no MongoDB command", hint="write it as {command: value, …}"
            )
        try:
            reply = client[self._server.database].command(revived(statement))
        except (ValueError, BSONError) as error:
            raise UsageError(f"{next(iter(statement))}: {error}") from error
        except PyMongoError as error:
            raise problem(self._server.url, error, next(iter(statement))) from error
        if failed := failure(reply):  # a write that fails comes in a good reply
            raise TargetError(f"{next(iter(statement))}: {failed.message}")

    def session(self, operations: Sequence[Bound]) -> "MongoSession":
        return MongoSession(self._server, operations)


class MongoSession:
    """See `perfkit.backends.base.Session`. The channels of a session belong to one thread."""

    def __init__(self, server: Server, operations: Sequence[Bound]) -> None:
        self._server = server
        self._replies = Replies()
        self._buffer = bytearray(BUFFER_BYTES)
        self.operations: Sequence[Compiled] = [
            compile_operation(bound, server, self._replies) for bound in operations
        ]
        self.clock: Clock = system_clock
        self.poller: Poller = SocketPoller()

    def open(self) -> Channel:
        connection = self._connect()
        self._replies.ok_end = -connection.trailer
        return MongoChannel(connection, self._buffer, movable=self._server.movable)

    def _connect(self) -> Connection:
        """Where the server was last, unless it takes no writes there now: then where it is."""
        try:
            connection = Connection(self._server)
            if connection.writable or not self._server.movable:
                return connection
            connection.close()
        except TargetError:
            if not self._server.movable:
                raise
        self._server = find_again(self._server)
        return Connection(self._server)

    def close(self) -> None:
        """Closes the cursors of results that were too large for a reply."""
        if not self._replies.open_cursors:
            return
        with contextlib.suppress(TargetError), client_of(self._server.url) as client:
            for namespace, cursor in self._replies.open_cursors:
                database, _, collection = namespace.partition(".")
                client[database].command("killCursors", collection, cursors=[cursor])
