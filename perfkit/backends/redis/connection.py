"""A blocking connection to Redis: for everything outside the load, and how its channels begin."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Self

import hiredis

from perfkit.backends.base import PENDING
from perfkit.backends.redis.address import RedisUrl
from perfkit.backends.redis.errors import refusal
from perfkit.backends.stream import BUFFER_BYTES, CLOSED, CONNECT_TIMEOUT_S, connect, reason
from perfkit.errors import TargetError

CLIENT_NAME = "perfkit"
Argument = str | bytes | int | float


def pack(command: Sequence[Argument]) -> bytes:
    """The command as it is sent."""
    arguments: Any = tuple(command)  # the stub of hiredis means a tuple of any length, but says one
    packed: bytes = hiredis.pack_command(arguments)
    return packed


class Connection:
    """Connected, authenticated, on the URL's database, and named `perfkit` in CLIENT LIST.

    `timeout_s` bounds each wait for the server, None bounds nothing. TargetError when the server
    can't be reached, refuses or is no Redis.
    """

    def __init__(self, url: RedisUrl, timeout_s: float | None = CONNECT_TIMEOUT_S) -> None:
        self._url = url
        self.address = url.address
        self._reader = hiredis.Reader(notEnoughData=PENDING)
        self.socket = connect(url.address)
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise
        self.socket.settimeout(timeout_s)

    def _log_in(self) -> None:
        url = self._url
        steps: list[Sequence[Argument]] = []
        if url.password is not None:
            user = [url.username] if url.username else []
            steps.append(["AUTH", *user, url.password])
        if url.database:
            steps.append(["SELECT", url.database])
        steps += [["PING"], ["CLIENT", "SETNAME", CLIENT_NAME]]
        *replies, _named = self.pipeline(steps)  # a proxy may refuse the name: let it
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise refusal(url.address, reply)

    def pipeline(self, commands: Iterable[Sequence[Argument]]) -> list[Any]:
        """The replies to commands sent all at once, errors among them as hiredis.ReplyError values.

        TargetError when the connection breaks.
        """
        packed = [pack(command) for command in commands]
        address = self.address
        try:
            self.socket.sendall(b"".join(packed))
            return [self._reply() for _ in packed]
        except TimeoutError as error:
            raise TargetError(
                f"{address} accepts the connection, but does not answer in time",
                hint="is it a Redis server, and is it not blocked by a slow command?",
            ) from error
        except hiredis.ProtocolError as error:
            raise TargetError(
                f"{address} does not speak the Redis protocol",
                hint="is there another kind of server on this port?",
            ) from error
        except OSError as error:
            raise TargetError(
                f"{address} broke the connection off: {reason(error)}",
                hint="is maxclients reached? a server that wants TLS needs rediss://",
            ) from error

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is PENDING:
            data = self.socket.recv(BUFFER_BYTES)
            if not data:
                raise ConnectionResetError(CLOSED)
            self._reader.feed(data)
        return reply

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
