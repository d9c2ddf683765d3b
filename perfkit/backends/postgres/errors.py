"""PostgreSQL's errors: of statements by condition name, of connections as sentences for people."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import psycopg
from psycopg.pq import DiagnosticField

from perfkit.backends.base import Failure
from perfkit.errors import TargetError

RETRYABLE = frozenset({"serialization_failure", "deadlock_detected"})

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


@cache
def condition_name(sqlstate: str) -> str:
    """The name that PostgreSQL's manual gives the SQLSTATE (unique_violation), or the SQLSTATE."""
    try:
        name = psycopg.errors.lookup(sqlstate).__name__
    except KeyError:
        return sqlstate
    return _CAPITAL.sub("_", name.rstrip("_")).lower()


def condition_names(classes: Iterable[str]) -> tuple[str, ...]:
    """Error classes as users write them, where SQLSTATEs become their names."""
    return tuple(condition_name(name) if _SQLSTATE.fullmatch(name) else name for name in classes)


def failure_of(result: Any) -> Failure | None:
    """What the server has against a statement; `result` is a libpq result, None for a good one."""
    status = result.status
    if status == 2 or status == 1:  # noqa: PLR1714  TUPLES_OK, COMMAND_OK; the cheapest way to ask
        return None
    return _failure(result)


def _failure(result: Any) -> Failure:
    sqlstate = sqlstate_of(result)
    if not sqlstate:  # a status without an error: an empty query, COPY
        return Failure("unexpected", words_of(result))
    name = condition_name(sqlstate)
    return Failure(name, words_of(result), name in RETRYABLE)


def sqlstate_of(result: Any) -> str:
    """The SQLSTATE of an error; "" where libpq itself gave up."""
    return _field(result, DiagnosticField.SQLSTATE)


def words_of(result: Any) -> str:
    """The server's words for an error, with its hint if it has one."""
    primary = _field(result, DiagnosticField.MESSAGE_PRIMARY) or text_of(result.error_message)
    hint = _field(result, DiagnosticField.MESSAGE_HINT)
    return f"{primary} ({hint})" if hint else primary or f"status {result.status}"


def _field(result: Any, field: DiagnosticField) -> str:
    return text_of(result.error_field(field))


def text_of(message: bytes | None) -> str:
    """A message of libpq as text, whatever its encoding."""
    return (message or b"").decode(errors="replace").strip()


def words_of_error(error: psycopg.Error) -> str:
    """The server's words in a driver's exception."""
    primary = error.diag.message_primary or str(error).strip()
    hint = error.diag.message_hint
    return f"{primary} ({hint})" if hint else primary


_FULL = "fewer users or `load.connections`, a larger max_connections, or a pooler such as PgBouncer"

# What libpq or the server says while connecting, what that means, and what helps. libpq keeps the
# SQLSTATE of a failed start to itself, so that its words are all there is to go by.
_REFUSALS = tuple((re.compile(pattern, re.IGNORECASE), sentence, hint) for pattern, sentence, hint in (
    (r"connection refused", "{where} refuses the connection",
     "is PostgreSQL running there, and does it listen on this address (listen_addresses)?"),
    (r"no such file or directory", "there is no PostgreSQL on the socket {where}",
     "is the server running, and is this its unix_socket_directories?"),
    (r"timeout expired|timed out", "{where} does not answer in time", "is there a firewall in between?"),
    (r"could not translate host name|name or service not known|failed to resolve host",
     "there is no host {host!r}", "check the URL's host name"),
    (r"password authentication failed|authentication failed for user",
     "{where} refuses user {user!r} or the password", "check both in the URL"),
    (r"no password supplied", "{where} asks for a password",
     "put it into the URL, as ${{VAR}} in a scenario, or into ~/.pgpass"),
    (r"database \"[^\"]*\" does not exist", "there is no database {dbname!r} on {where}",
     "createdb, or check the URL's path"),
    (r"role \"[^\"]*\" does not exist", "there is no user {user!r} on {where}", "check the URL's user"),
    (r"too many connections for", "{where} takes no more connections for this user or database: {words}",
     "fewer users or `load.connections`, or a larger CONNECTION LIMIT"),
    (r"too many clients|connection slots are reserved", "{where} takes no more connections{limit}", _FULL),
    (r"no pg_hba.conf entry", "{where} does not let this machine in: {words}",
     "pg_hba.conf says who may connect, and whether with TLS"),
    (r"server does not support SSL", "{where} speaks no TLS", "see sslmode in the URL"),
    (r"certificate verify failed|root certificate file", "{where}: its certificate is not trusted: {words}",
     "name the authority's certificate with sslrootcert in the URL"),
    (r"unsupported startup parameter", "{where} passes no settings of a session on: {words}",
     "it is a pooler: give the server's own address to measure settings"),
    (r"starting up|shutting down|in recovery mode", "{where} is not ready: {words}",
     "try again in a moment"),
))  # fmt: skip


def refused(words: str, parameters: dict[str, str], limit: int | None = None) -> TargetError:
    """Why no connection came about. `limit`: how many the server takes, where that is known."""
    words = _last_reason(words)
    host, port = parameters.get("host") or "", parameters.get("port") or "5432"
    facts = {
        "where": host if host.startswith("/") else f"{host or 'the local server'}:{port}",
        "host": host,
        "user": parameters.get("user") or "",
        "dbname": parameters.get("dbname") or parameters.get("user") or "",
        "words": words,
        "limit": f": all its {limit} (max_connections) are in use" if limit else "",
    }
    for pattern, sentence, hint in _REFUSALS:
        if pattern.search(words):
            return TargetError(sentence.format(**facts), hint=hint.format())
    return TargetError("{where} can't be used: {words}".format(**facts))


def _last_reason(words: str) -> str:
    """The reason in libpq's words, without its advice and without the address before it."""
    lines = [line for line in words.splitlines() if line and not line.startswith("\t")]
    line = lines[-1] if lines else words
    return re.sub(r"^.*?\bfailed: (?:FATAL: |ERROR: )?\s*", "", line)
