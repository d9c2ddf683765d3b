"""Sockets, plain or TLS: connecting with errors that people understand, and never blocking after.

Redis and MongoDB share it: their channels add only how a reply is recognised. Everything here that
runs for each request is as short as it can be, for it is most of what the load generator does.
"""

import contextlib
import socket
import ssl
from dataclasses import dataclass

from perfkit.backends.base import ConnectionLostError
from perfkit.errors import TargetError

CONNECT_TIMEOUT_S = 5.0
BUFFER_BYTES = 1 << 16
CLOSED = "the server closed the connection"

_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; `tls` is the context to wrap the connection in, None for plain TCP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def connect(address: Address, timeout_s: float = CONNECT_TIMEOUT_S) -> socket.socket:
    """A blocking connection whose every step may take `timeout_s`. TargetError with the reason."""
    try:
        plain = socket.create_connection((address.host, address.port), timeout_s)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
        raise unreachable(address, error) from error
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if address.tls is None:
        return plain
    try:
        return address.tls.wrap_socket(plain, server_hostname=address.host)
    except (OSError, ValueError) as error:  # ValueError: a name that no certificate can carry
        plain.close()
        raise no_tls(address, error) from error


def unreachable(address: Address, error: Exception) -> TargetError:
    """Why no connection came about, in words, with what to look at."""
    if isinstance(error, ConnectionRefusedError):
        return TargetError(
            f"{address} refuses the connection",
            hint="is the server running, on this host and port?",
        )
    if isinstance(error, TimeoutError):
        return TargetError(
            f"{address} does not answer in time", hint="is there a firewall in between?"
        )
    if isinstance(error, socket.gaierror | UnicodeError):
        return TargetError(f"there is no host {address.host!r}", hint="check the URL's host name")
    return TargetError(f"{address} can't be reached: {reason(error)}")


def no_tls(address: Address, error: Exception) -> TargetError:
    """Why TLS did not come about on a connection that did."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted: {error.verify_message}"
        return TargetError(f"{address}: {why}", hint="name the authority's certificate in the URL")
    words = getattr(error, "reason", None) or reason(error)
    return TargetError(
        f"{address}: no TLS connection: {words}", hint="does the server speak TLS on this port?"
    )


def reason(error: Exception) -> str:
    """An error's words without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def blocked_or_lost(error: OSError) -> int:
    """0 (bytes moved) where the socket would have blocked; ConnectionLostError for anything else."""
    if isinstance(error, _BLOCKED):
        return 0
    raise ConnectionLostError(reason(error)) from error


class SocketChannel:
    """The half of a channel that all socket protocols share: sending, and the end.

    `receive` is the protocol's. It must read until its reply is complete or the socket would block:
    a TLS layer may hold bytes back that the poller can't see.
    """

    __slots__ = ("_left", "_read", "_socket", "_write", "key")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self.key = connected.fileno()
        self._socket = connected
        self._read = connected.recv_into
        self._write = connected.send
        self._left = memoryview(b"")

    def send(self, request: bytes) -> bool:
        try:
            sent = self._write(request)
        except OSError as error:
            sent = blocked_or_lost(error)
        if sent == len(request):
            return False
        self._left = memoryview(request)[sent:]
        return True

    def flush(self) -> bool:
        try:
            sent = self._write(self._left)
        except OSError as error:
            sent = blocked_or_lost(error)
        self._left = self._left[sent:]
        return len(self._left) > 0

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()
