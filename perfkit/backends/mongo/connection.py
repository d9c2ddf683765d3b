"""A blocking connection that speaks OP_MSG: how the load's channels begin, login included."""

import contextlib
import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import scramp

from perfkit import __version__
from perfkit.backends.mongo.server import MECHANISMS, Credential, Server
from perfkit.backends.mongo.wire import LENGTH, MAX_MESSAGE_BYTES, decode, message, trailer_bytes
from perfkit.backends.stream import CLOSED, connect, reason
from perfkit.errors import TargetError

_CLIENT = {
    "application": {"name": "perfkit"},
    "driver": {"name": "perfkit", "version": __version__},
    "os": {"type": platform.system()},
}


class Connection:
    """Connected and logged in. TargetError when it can't be had.

    `trailer` as `trailer_bytes` says; `writable` when the server said that it takes writes.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.socket = connect(server.address)
        try:
            self._log_in(server.credential)
            self.trailer = trailer_bytes(self._exchange({"ping": 1, "$db": server.database}))
        except BaseException:
            self.close()
            raise

    def call(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a command, which may be an error's."""
        return decode(self._exchange(command))

    def _exchange(self, command: Mapping[str, Any]) -> bytes:
        address = self._server.address
        try:
            self.socket.sendall(message(command))
            size = LENGTH.unpack(self._read(LENGTH.size))[0]
            if not LENGTH.size < size <= MAX_MESSAGE_BYTES:
                raise TargetError(f"{address} does not speak MongoDB's protocol")
            return LENGTH.pack(size) + self._read(size - LENGTH.size)
        except TimeoutError as error:
            raise TargetError(
                f"{address} accepts the connection, but does not answer in time"
            ) from error
        except OSError as error:
            raise TargetError(f"{address} broke the connection off: {reason(error)}") from error

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError(CLOSED)
            data += more
        return data

    def _log_in(self, credential: Credential | None) -> None:
        hello: dict[str, Any] = {"hello": 1, "client": _CLIENT}
        if credential is not None:
            hello["saslSupportedMechs"] = f"{credential.source}.{credential.username}"
        answer = self.call({**hello, "$db": "admin"})
        if answer.get("ok") != 1:
            raise TargetError(f"{self._server.address} answers: {answer.get('errmsg')}")
        self.writable = bool(answer.get("isWritablePrimary"))
        if credential is not None:
            offered = answer.get("saslSupportedMechs", MECHANISMS)
            self._scram(credential, credential.mechanism or _best(offered))

    def _scram(self, credential: Credential, mechanism: str) -> None:
        """https://github.com/mongodb/specifications/blob/master/source/auth/auth.md#scram-sha-1."""
        try:
            scram = scramp.ScramClient(
                [mechanism], credential.username, _secret(credential, mechanism)
            )
            first = scram.get_client_first().encode()
            start = {"saslStart": 1, "mechanism": mechanism, "options": {"skipEmptyExchange": True}}
            answer = self._step({**start, "payload": first}, credential)
            scram.set_server_first(answer["payload"].decode())
            final = {"payload": scram.get_client_final().encode()}
            goes_on = {"saslContinue": 1, "conversationId": answer["conversationId"]}
            answer = self._step({**goes_on, **final}, credential)
            scram.set_server_final(answer["payload"].decode())
        except scramp.ScramException as error:
            raise TargetError(
                f"{self._server.address}: no login with {mechanism}: {error}"
            ) from error
        while not answer["done"]:
            answer = self._step({**goes_on, "payload": b""}, credential)

    def _step(self, command: dict[str, Any], credential: Credential) -> dict[str, Any]:
        answer = self.call({**command, "$db": credential.source})
        if answer.get("ok") != 1:
            raise TargetError(
                f"{self._server.address} refuses the user name or password",
                hint="check both, and the database that knows the user: …/db?authSource=admin",
            )
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()


def _best(offered: Any) -> str:
    return next((mechanism for mechanism in MECHANISMS if mechanism in offered), MECHANISMS[-1])


def _secret(credential: Credential, mechanism: str) -> str:
    """SCRAM-SHA-1 keeps the password as MongoDB hashed it before there was SCRAM."""
    if mechanism == "SCRAM-SHA-256":
        return credential.password
    text = f"{credential.username}:mongo:{credential.password}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
