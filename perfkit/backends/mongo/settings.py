"""MongoDB's settings: options of the client, parameters of the server, and lines of mongod.conf.

Names are those of their places: `w` (connection string), `ttlMonitorEnabled` (setParameter),
`storage.wiredTiger.engineConfig.cacheSizeGB` (mongod.conf). What setParameter sets is gone with the
next start of the server, unless mongod.conf says it too.
https://www.mongodb.com/docs/manual/reference/parameters/
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from pymongo.errors import OperationFailure

from perfkit.backends.base import Change
from perfkit.backends.client_settings import first_reason, unknown
from perfkit.backends.mongo import options
from perfkit.backends.mongo.server import Client, Server, client_of
from perfkit.errors import TargetError

_CACHE = "storage.wiredTiger.engineConfig.cacheSizeGB"
_COMPRESSOR = "storage.wiredTiger.collectionConfig.blockCompressor"
_CONNECTIONS = "net.maxIncomingConnections"
_ENGINE = "wiredTigerEngineRuntimeConfig"
_STANDALONE = 51300  # the error code for what only replica sets know
_NOT_FOR_ONE = "it is one for the whole server, not for a client of it"
_GONE = "until the server restarts; {line} in mongod.conf keeps it"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the server tells; a part is empty where this user may not see it."""

    parameters: Mapping[str, Document]
    status: Document
    host: Document
    options: Document
    concerns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of mongod.conf: how to read it off the server, and to read what people write."""

    seen: Callable[[_Seen], str | None]
    read: Callable[[str], float | str]
    note: str = ""


class MongoSettings:
    """See `perfkit.backends.base.Settings`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: _Seen | None = None

    def facts(self) -> Mapping[str, int | str]:
        """From hostInfo and serverStatus; without their privileges there are fewer, or none."""
        seen = self._seen()
        found = {
            "ram": seen.host.get("memLimitMB", 0) * 2**20,
            "cores": seen.host.get("numCores", 0),
            "connections": _connections(seen) or 0,
        }
        return {name: int(value) for name, value in found.items() if value}

    def live(self, names: Sequence[str]) -> Mapping[str, str | None]:
        self._known = None
        seen = self._seen()
        given = options.given_in(self._server.url)
        return {
            name: given.get(name) or _live(name, seen)
            for name in names
            if self._kind(name) != "none"
        }

    def problem(self, name: str, value: str) -> str | None:
        """Parameters are held against the type that they have, for they can't be tried."""
        kind = self._kind(name)
        if kind == "client":
            return options.SETTINGS[name].problem(name, value) or self._concern_problem(name, value)
        if kind == "none":
            known = [*options.SETTINGS, *_LINES, *self._seen().parameters]
            return unknown(name, known, "MongoDB")
        try:
            self._read(name, value)
        except ValueError as error:
            return f"{name} = {value!r}: {error}"
        return None

    def same(self, name: str, live: str, wanted: str) -> bool:
        if name in options.SETTINGS:
            return options.SETTINGS[name].same(live, wanted)
        try:
            first, second = self._read(name, live), self._read(name, wanted)
        except ValueError:
            return live == wanted
        if name == _CACHE:  # the server rounds it to megabytes, formulas to 0.01 GB
            return abs(float(first) - float(second)) < 0.01
        return bool(first == second)

    def change(self, name: str, value: str) -> Change:
        if name in options.SETTINGS:
            return options.SETTINGS[name].change(name, value)
        line = f"{name}: {value}" if name in _LINES else f"setParameter.{name}: {value}"
        command = self._command(name, value)
        if command is None:
            note = _LINES[name].note if name in _LINES else ""
            return Change(None, restart=True, note=f"{line} in mongod.conf{note}")
        statement = f"db.adminCommand({json.dumps(command)})"
        return Change(statement, note=_GONE.format(line=line))

    def undo(self, name: str) -> Change:
        now = self.live([name]).get(name)
        if now is None:
            raise TargetError(
                f"this user may not see what {name} is now, so it could not be taken back"
            )
        return replace(self.change(name, now), note=None)  # what the file says is as it was

    def why_not_in_session(self, name: str) -> str | None:
        if name in options.SETTINGS:
            return options.WHY_NOT.get(name)
        return (
            _NOT_FOR_ONE
            if self._kind(name) != "none"
            else unknown(name, options.SETTINGS, "a client")
        )

    def session_url(self, values: Mapping[str, str]) -> str:
        if why := first_reason({name: self.why_not_in_session(name) for name in values}):
            raise TargetError(why)
        return options.with_options(self._server.url, values) if values else self._server.url

    def restored(self, names: Sequence[str]) -> AbstractContextManager[None]:
        """Nothing to put back: a client's options end with it."""
        del names
        return nullcontext()

    def apply(self, name: str, value: str) -> None:
        """By setParameter; what needs mongod.conf or the connection string is refused."""
        if problem := self.problem(name, value):
            raise TargetError(problem)
        command = None if name in options.SETTINGS else self._command(name, value)
        if command is None:
            raise TargetError(
                f"{name} can't be set while the server runs: {self.change(name, value).note}"
            )
        with client_of(self._server.url) as client:
            client.admin.command(command)
        self._known = None

    def _seen(self) -> _Seen:
        if self._known is None:
            with client_of(self._server.url) as client:
                self._known = _look(client)
        return self._known

    def _kind(self, name: str) -> str:
        """Whose setting it is: the client's, the server's, or nobody's that perfkit knows.

        Where this user may not see the parameters, any other name may be one.
        """
        if name in options.SETTINGS:
            return "client"
        parameters = self._seen().parameters
        return "server" if name in _LINES or name in parameters or not parameters else "none"

    def _read(self, name: str, text: str) -> Any:
        """The value with its type. ValueError with what it takes."""
        if name in _LINES:
            return _LINES[name].read(text)
        details = self._seen().parameters.get(name)
        return text if details is None else _typed(details["value"], text)

    def _command(self, name: str, value: str) -> dict[str, Any] | None:
        """What sets it while the server runs; None where nothing does."""
        if name == _CACHE:
            size_mb = round(float(value) * 1024)
            return {"setParameter": 1, _ENGINE: f"cache_size={size_mb}M"}
        details = self._seen().parameters.get(name)
        if name in _LINES or (details is not None and not details["settableAtRuntime"]):
            return None
        return {"setParameter": 1, name: self._read(name, value)}

    def _concern_problem(self, name: str, value: str) -> str | None:
        """A write concern needs so many members; a read concern is asked by reading nothing."""
        if name not in {"w", "readConcernLevel"}:
            return None
        with client_of(self._server.url) as client:
            if name == "w":
                hello = client.admin.command("hello")
                members = max(1, len(hello.get("hosts", ())) + len(hello.get("passives", ())))
                if (
                    "isdbgrid" not in hello.get("msg", "")
                    and value.isdecimal()
                    and int(value) > members
                ):
                    return f"w = {value}: there {'is' if members == 1 else 'are'} {members} to write to"
                return None
            nothing = {"find": "perfkit.nothing", "limit": 1, "readConcern": {"level": value}}
            try:
                client[self._server.database].command(nothing)
            except OperationFailure as error:
                return f"readConcernLevel = {value}: {(error.details or {}).get('errmsg', error)}"
        return None


def _look(client: Client) -> _Seen:
    everything = _ask(client, {"getParameter": {"allParameters": True, "showDetails": True}})
    parameters = {
        name: details
        for name, details in everything.items()
        if isinstance(details, dict) and "settableAtRuntime" in details
    }
    return _Seen(
        parameters=parameters,
        status=_ask(client, {"serverStatus": 1}),
        host=_ask(client, {"hostInfo": 1}).get("system", {}),
        options=_ask(client, {"getCmdLineOpts": 1}).get("parsed", {}),
        concerns=_concerns(client),
    )


def _ask(client: Client, command: dict[str, Any]) -> Document:
    """The answer; empty where this user, or this server, has none."""
    try:
        return client.admin.command(command)
    except OperationFailure:
        return {}


def _concerns(client: Client) -> dict[str, str]:
    """What clients get that ask for nothing; since MongoDB 5.0 a majority, in a replica set."""
    try:
        found = client.admin.command("getDefaultRWConcern")
    except OperationFailure as error:
        return {"w": "1", "readConcernLevel": "local"} if error.code == _STANDALONE else {}
    return {
        "w": str(found.get("defaultWriteConcern", {}).get("w", 1)),
        "readConcernLevel": found.get("defaultReadConcern", {}).get("level", "local"),
    }


def _live(name: str, seen: _Seen) -> str | None:
    """The value without what the URL says."""
    if name in options.SETTINGS:
        return seen.concerns.get(name) or options.DEFAULTS.get(name)
    if name in _LINES:
        return _LINES[name].seen(seen)
    if name not in seen.parameters:
        return None
    value = seen.parameters[name]["value"]
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _typed(now: Any, text: str) -> Any:
    """The text as the type that the parameter has now."""
    if isinstance(now, str):
        return text
    try:
        value = json.loads(text.lower())
    except ValueError:
        value = None
    if isinstance(now, bool) != isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("write true or false" if isinstance(now, bool) else "write a number")
    if isinstance(now, int) and value != int(value):
        raise ValueError("write a whole number")
    return int(value) if isinstance(now, int) and not isinstance(now, bool) else value


def _connections(seen: _Seen) -> int | None:
    counts = seen.status.get("connections", {})
    return counts["current"] + counts["available"] if "available" in counts else None


def _connections_seen(seen: _Seen) -> str | None:
    count = _connections(seen)
    return None if count is None else str(count)


def _cache_seen(seen: _Seen) -> str | None:
    size = seen.status.get("wiredTiger", {}).get("cache", {}).get("maximum bytes configured")
    return None if size is None else f"{size / 2**30:.6g}"


def _compressor_seen(seen: _Seen) -> str | None:
    if not seen.options:
        return None
    engine = seen.options.get("storage", {}).get("wiredTiger", {})
    return str(engine.get("collectionConfig", {}).get("blockCompressor", "snappy"))


def _cache_size(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = 0
    if not 0.25 <= size <= 10_000:
        raise ValueError("write gigabytes as a number from 0.25 to 10000")
    return size


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 5:
        raise ValueError("write a whole number from 5")
    return int(text)


def _compressor(text: str) -> str:
    if text not in {"none", "snappy", "zlib", "zstd"}:
        raise ValueError("write one of none, snappy, zlib, zstd")
    return text


# https://www.mongodb.com/docs/manual/reference/configuration-options/
_LINES: Mapping[str, _Line] = {
    _CACHE: _Line(_cache_seen, _cache_size),
    _COMPRESSOR: _Line(
        _compressor_seen, _compressor, "; collections that are made from then on have it"
    ),
    _CONNECTIONS: _Line(_connections_seen, _count),
}
