"""Redis's settings: CONFIG GET and CONFIG SET, which act on the whole server at once.

What CONFIG SET sets is gone with the next start, unless CONFIG REWRITE writes it into redis.conf.
Managed services rename or forbid CONFIG: then nothing can be seen, and nothing set.
https://redis.io/docs/latest/operate/oss_and_stack/management/config/
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import hiredis

from perfkit.backends.base import Change
from perfkit.backends.client_settings import (
    ClientSetting,
    first_reason,
    one_of,
    seconds,
    switch,
    unknown,
    whole,
)
from perfkit.backends.redis.address import RedisUrl
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import class_of
from perfkit.backends.redis.metrics import parse_info
from perfkit.errors import TargetError

NO_SESSION = "Redis has no settings of a session: CONFIG SET is for all clients of the server"

_POOL = "the arguments of redis.BlockingConnectionPool"
# https://redis.readthedocs.io/en/stable/connections.html
POOL: Mapping[str, ClientSetting] = {
    "max_connections": ClientSetting(_POOL, whole(1)),
    "protocol": ClientSetting(_POOL, one_of("2", "3")),
    "socket_keepalive": ClientSetting(_POOL, switch),
    **{
        name: ClientSetting(_POOL, seconds)
        for name in ("health_check_interval", "socket_connect_timeout", "socket_timeout")
    },
}
_SECRET = re.compile(r"pass|auth$", re.IGNORECASE)
_MEMORY = frozenset({
    "active-defrag-ignore-bytes", "auto-aof-rewrite-min-size", "client-query-buffer-limit",
    "hll-sparse-max-bytes", "maxmemory", "proto-max-bulk-len", "repl-backlog-size",
    "stream-node-max-bytes",
})  # fmt: skip
_UNITS = {
    "": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30,
}  # fmt: skip
_SIZE = re.compile(r"(\d+)([a-z]*)", re.IGNORECASE)
# A second setting with a value that no server takes, so that a CONFIG SET fails as a whole: since
# Redis 7.0 it then puts back what it had set, in the same step, which no client can look into.
_NEVER = ("maxmemory-samples", "hz")
_NO_VALUE = "perfkit-asks-only"
_ARGUMENT = re.compile(r"possibly related to argument '([^']*)'\) - (.*)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the server tells; `values` is empty where it does not let this user see them."""

    values: Mapping[str, str]
    info: Mapping[str, str]
    refusal: str | None = None


class RedisSettings:
    """See `perfkit.backends.base.Settings`; the names of redis-py's pool count too."""

    def __init__(self, url: RedisUrl, given: str) -> None:
        self._url = url
        self._given = given
        self._known: _Seen | None = None

    def facts(self) -> Mapping[str, int | str]:
        """`ram` from INFO; `connections` is maxclients. Redis runs commands on one core."""
        seen = self._seen()
        found = {
            "ram": seen.info.get("total_system_memory", ""),
            "connections": seen.info.get("maxclients") or seen.values.get("maxclients", ""),
        }
        return {name: int(text) for name, text in found.items() if text.isdigit() and int(text)}

    def live(self, names: Sequence[str]) -> Mapping[str, str | None]:
        self._known = None
        seen = self._seen()
        return {name: _shown(name, seen) for name in names if self._is_known(name)}

    def problem(self, name: str, value: str) -> str | None:
        """Since Redis 7.0 the server itself is asked, by a CONFIG SET that fails as a whole."""
        if name in POOL:
            return POOL[name].problem(name, value)
        if not self._is_known(name):
            return unknown(name, [*self._seen().values, *POOL], "Redis")
        words = self._objection(name, value)
        if words is None or _is_immutable(words):
            return None  # whether the file may have such a value only a restart tells
        return f"{name} = {value!r}: {words}"

    def same(self, name: str, live: str, wanted: str) -> bool:
        if name in POOL:
            return POOL[name].same(live, wanted)
        if name in _MEMORY and _bytes(live) is not None:
            return _bytes(live) == _bytes(wanted)
        return live.lower().split() == wanted.lower().split()

    def change(self, name: str, value: str) -> Change:
        if name in POOL:
            return POOL[name].change(name, value)
        words = self._objection(name, value)
        if words is not None and _is_immutable(words):
            return Change(None, restart=True, note=f"{name} {_quoted(value)} in {self._file()}")
        return Change(f"CONFIG SET {name} {_quoted(value)}", note=self._note(name, value))

    def undo(self, name: str) -> Change:
        now = self.live([name]).get(name)
        if now is None:
            raise TargetError(
                f"{name} can't be seen, so it could not be taken back", hint=self._why_blind()
            )
        return self.change(name, now)

    def why_not_in_session(self, name: str) -> str | None:
        if name in POOL:
            return (
                "perfkit's load holds a connection for each of its clients: --clients says how many"
            )
        return NO_SESSION

    def session_url(self, values: Mapping[str, str]) -> str:
        """The URL as it is: there is nothing that a session could have of its own. TargetError."""
        if why := first_reason({name: self.why_not_in_session(name) for name in values}):
            raise TargetError(why)
        return self._given

    def restored(self, names: Sequence[str]) -> AbstractContextManager[None]:
        """Nothing to put back: connections set nothing."""
        del names
        return nullcontext()

    def apply(self, name: str, value: str) -> None:
        """CONFIG SET. TargetError for what needs a restart, and where CONFIG is forbidden."""
        if problem := self.problem(name, value):
            raise TargetError(problem)
        change = self.change(name, value)
        if change.statement is None:
            raise TargetError(f"{name} can't be set while the server runs: {change.note}")
        reply = self._call([["CONFIG", "SET", name, value]])[0]
        self._known = None
        if isinstance(reply, hiredis.ReplyError):
            raise TargetError(f"{name} = {value!r}: {_reason(str(reply))}", hint=_FORBIDDEN)

    def _call(self, commands: Iterable[Sequence[str]]) -> list[Any]:
        with Connection(self._url) as connection:
            return connection.pipeline(commands)

    def _seen(self) -> _Seen:
        if self._known is None:
            config, info = self._call([["CONFIG", "GET", "*"], ["INFO"]])
            facts = {} if isinstance(info, hiredis.ReplyError) else parse_info(info)
            if isinstance(config, hiredis.ReplyError):
                self._known = _Seen({}, facts, str(config))
            else:
                texts = [text.decode(errors="replace") for text in config]
                self._known = _Seen(dict(zip(texts[::2], texts[1::2], strict=True)), facts)
        return self._known

    def _is_known(self, name: str) -> bool:
        """Any name may be one where the server does not tell."""
        values = self._seen().values
        return name in POOL or name in values or not values

    def _objection(self, name: str, value: str) -> str | None:
        """The server's words against this setting and value, having set nothing.

        None where it has none, and where it can't be asked: before 7.0, or CONFIG forbidden.
        """
        if self._seen().refusal:
            return None
        other = next(each for each in _NEVER if each != name)
        reply = self._call([["CONFIG", "SET", name, value, other, _NO_VALUE]])[0]
        if not isinstance(reply, hiredis.ReplyError) or class_of(str(reply)) == "NOPERM":
            return None
        match = _ARGUMENT.search(str(reply))
        return match[2] if match and match[1].lower() == name.lower() else None

    def _file(self) -> str:
        return self._seen().info.get("config_file") or "redis.conf"

    def _note(self, name: str, value: str) -> str:
        if self._seen().refusal:
            return f"{self._why_blind()}; or `{name} {_quoted(value)}` in redis.conf"
        if self._seen().info.get("config_file"):
            return "CONFIG REWRITE makes it last over a restart"
        return f"until the server restarts, for it has no configuration file: give it `{name} {_quoted(value)}`"

    def _why_blind(self) -> str | None:
        refusal = self._seen().refusal
        return f"the server does not let this user use CONFIG ({refusal})" if refusal else None


_FORBIDDEN = "managed services forbid CONFIG and have a console of their own; else see ACL GETUSER"


def _shown(name: str, seen: _Seen) -> str | None:
    """As people write it, 100mb for a number of bytes; a secret is not shown."""
    value = seen.values.get(name)
    if value is None or _SECRET.search(name):
        return None
    if name in _MEMORY and value.isdigit() and int(value):
        unit = next(unit for unit in ("gb", "mb", "kb", "") if int(value) % _UNITS[unit] == 0)
        return f"{int(value) // _UNITS[unit]}{unit}"
    return value


def _bytes(text: str) -> int | None:
    """Redis's sizes: k is 1000, kb 1024. src/util.c, memtoull."""
    match = _SIZE.fullmatch(text)
    unit = _UNITS.get(match[2].lower()) if match else None
    return int(match[1]) * unit if match and unit else None


def _is_immutable(words: str) -> bool:
    return "immutable" in words or "protected" in words


def _reason(message: str) -> str:
    match = _ARGUMENT.search(message)
    return match[2] if match else message


def _quoted(value: str) -> str:
    """As redis-cli and redis.conf take it."""
    if value and re.fullmatch(r"[\w.:/+-]+", value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
