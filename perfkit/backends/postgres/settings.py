"""PostgreSQL's settings: read from pg_settings, set for good with ALTER SYSTEM.

For good means ALTER SYSTEM also where ALTER DATABASE would do: a profile is for a server, ALTER
SYSTEM takes every setting, and there is then a single place to look at and to take back. A session
gets its own through libpq's `options`. https://www.postgresql.org/docs/current/config-setting.html
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote, unquote

import psycopg
from psycopg.rows import class_row

from perfkit.backends.address import redact
from perfkit.backends.base import Change
from perfkit.backends.client_settings import first_reason, unknown
from perfkit.backends.postgres.connection import Server, connect, parse_url
from perfkit.backends.postgres.errors import words_of_error
from perfkit.backends.postgres.guc import Guc, assignment
from perfkit.backends.postgres.pools import SETTINGS as POOLS
from perfkit.errors import TargetError

Connection = psycopg.Connection[tuple[Any, ...]]

_CATALOGUE = """
SELECT name, current_setting(name) AS shown, unit, context, vartype, min_val AS least,
       max_val AS most, coalesce(enumvals, '{{}}') AS words, source, pending_restart,
       {may_set} AS may_set
FROM pg_settings
"""
_MAY_SET = "current_setting('is_superuser') = 'on'"
_MAY_SET_15 = "has_parameter_privilege(name, 'SET')"  # GRANT SET ON PARAMETER came with 15
_GRANTS_SINCE = 150_000
_AUTO = "postgresql.auto.conf"  # what ALTER SYSTEM writes
_SET_BY_SYSTEM = f"""
SELECT setting FROM pg_file_settings
WHERE lower(name) = lower(%s) AND sourcefile LIKE '%%{_AUTO}' ORDER BY seqno DESC LIMIT 1
"""
_SESSION = frozenset({"user", "superuser", "backend", "superuser-backend"})
_PRIVILEGED = frozenset({"superuser", "superuser-backend"})
_WHY_NOT = {
    "postmaster": "the server takes it only when it starts",
    "sighup": "it is one for the whole server, set by a reload of its configuration",
    "internal": "it is fixed since the server was built or its data folder made",
}
_STRONGER = {
    "database": "ALTER DATABASE … SET has set it for this database, which goes before",
    "user": "ALTER ROLE … SET has set it for this user, which goes before",
    "database user": "ALTER ROLE … IN DATABASE … SET has set it, which goes before",
    "client": "the URL sets it itself, which goes before",
    "command line": "the server's command line sets it, which goes before",
    "environment variable": "the server's environment sets it, which goes before",
}


class PostgresSettings:
    """See `perfkit.backends.base.Settings`; the names of PgBouncer and of psycopg's pool count too."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: Mapping[str, Guc] = {}

    def facts(self) -> Mapping[str, int | str]:
        """`connections` is max_connections; PostgreSQL says nothing of its machine."""
        return {"connections": self._server.limit} if self._server.limit else {}

    def live(self, names: Sequence[str]) -> Mapping[str, str | None]:
        with connect(self._server) as connection:
            known = self._known = _catalogue(connection)
            hidden = {
                name for name in names if name.lower() not in known and _is_hidden(connection, name)
            }
        shown = {name: known[name.lower()].shown for name in names if name.lower() in known}
        unseen = {name: None for name in names if name in hidden or name in POOLS}
        return {**unseen, **{name: redact(value) for name, value in shown.items()}}

    def problem(self, name: str, value: str) -> str | None:
        """By pg_settings; a session is asked, too, in a transaction that is rolled back."""
        if name in POOLS:
            return POOLS[name].problem(name, value)
        guc = self._guc(name)
        if guc is None:
            with connect(self._server) as connection:
                if _is_hidden(connection, name):
                    return None  # it is there, and this user may not see what it takes
            return unknown(name, [*self._gucs(), *POOLS], "PostgreSQL") + _extension(name)
        if guc.context == "internal":
            return f"{name} can't be set: {_WHY_NOT['internal']}"
        try:
            guc.read(value)
        except ValueError as error:
            return f"{name} = {value!r}: {error}"
        return self._refusal(name, value) if guc.context in {"user", "superuser"} else None

    def same(self, name: str, live: str, wanted: str) -> bool:
        if name in POOLS:
            return POOLS[name].same(live, wanted)
        guc = self._guc(name)
        try:
            return live == wanted if guc is None else guc.read(live) == guc.read(wanted)
        except ValueError:
            return live == wanted

    def change(self, name: str, value: str) -> Change:
        if name in POOLS:
            return POOLS[name].change(name, value)
        return self._for_good(name, f"SET {name} = {assignment(name, value)}")

    def undo(self, name: str) -> Change:
        """ALTER SYSTEM RESET where it was not set by ALTER SYSTEM.

        TargetError where this user may not see whether it was.
        """
        with connect(self._server) as connection:
            before = self._set_by_system(connection, name)
        if before is None:
            return self._for_good(name, f"RESET {name}")
        return self.change(name, before)

    def why_not_in_session(self, name: str) -> str | None:
        if name in POOLS:
            return f"it is a pool's ({POOLS[name].place}), and perfkit's load connects without one"
        guc = self._guc(name)
        if guc is None:
            return unknown(name, self._gucs(), "PostgreSQL, as this user sees it,")
        if guc.context in _PRIVILEGED and not guc.may_set:
            return "this user may not set it: it takes a superuser, or GRANT SET ON PARAMETER"
        return None if guc.context in _SESSION else _WHY_NOT[guc.context]

    def session_url(self, values: Mapping[str, str]) -> str:
        """Through libpq's `options`, after those that the URL or PGOPTIONS give."""
        if why := first_reason({name: self.why_not_in_session(name) for name in values}):
            raise TargetError(why)
        if not values:
            return self._server.url
        before = self._server.parameters.get("options", os.environ.get("PGOPTIONS", ""))
        added = [f"-c {name}={_escaped(value)}" for name, value in values.items()]
        url = _with_options(self._server.url, " ".join([before, *added]).strip())
        self._verify(url, values)
        return url

    def _verify(self, url: str, values: Mapping[str, str]) -> None:
        """TargetError where a session at the URL has other values: a pooler may drop the options."""
        live = PostgresSettings(parse_url(url)).live(list(values))
        for name, value in values.items():
            got = live.get(name)
            if got is not None and not self.same(name, got, value):
                raise TargetError(
                    f"a session that asks for {name} = {value} has {got}",
                    hint="give the server's own address, not that of a pooler, which drops options",
                )

    def restored(self, names: Sequence[str]) -> AbstractContextManager[None]:
        """Nothing to put back: what a session sets ends with it."""
        del names
        return nullcontext()

    def apply(self, name: str, value: str) -> None:
        """ALTER SYSTEM and a reload; what needs a restart waits for the server's operator."""
        if problem := self.problem(name, value):
            raise TargetError(problem)
        if name in POOLS:
            raise TargetError(f"{name} is not the server's to set: it is in {POOLS[name].place}")
        with connect(self._server) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = {assignment(name, value)}".encode())
            self._known = {}
            _reload(connection)

    def _gucs(self) -> Mapping[str, Guc]:
        if not self._known:
            with connect(self._server) as connection:
                self._known = _catalogue(connection)
        return self._known

    def _guc(self, name: str) -> Guc | None:
        return self._gucs().get(name.lower())

    def _for_good(self, name: str, clause: str) -> Change:
        guc = self._guc(name)
        restart = guc is not None and guc.context == "postmaster"
        reload = "" if restart else " SELECT pg_reload_conf();"
        return Change(f"ALTER SYSTEM {clause};{reload}", restart, _note(guc) if guc else None)

    def _refusal(self, name: str, value: str) -> str | None:
        """What the server has against the value, in a transaction that never was."""
        with connect(self._server) as connection:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute("SELECT set_config(%s, %s, true)", (name, value))
            except psycopg.errors.InsufficientPrivilege:
                return None  # why_not_in_session says so; a superuser may still set it
            except psycopg.DatabaseError as error:
                return self._server.clean(words_of_error(error))
        return None

    def _set_by_system(self, connection: Connection, name: str) -> str | None:
        """The value in postgresql.auto.conf; None where it has none."""
        try:
            row = connection.execute(_SET_BY_SYSTEM.encode(), (name,)).fetchone()
            return None if row is None else str(row[0])
        except psycopg.errors.InsufficientPrivilege:
            pass  # pg_read_all_settings sees the file of a value that is in use
        row = connection.execute(
            "SELECT source, sourcefile, current_setting(name) FROM pg_settings WHERE lower(name) = lower(%s)",
            (name,),
        ).fetchone()
        source, file, value = row or (None, None, None)
        if file is not None:
            return str(value) if file.endswith(_AUTO) else None
        if source == "default":
            return None
        raise TargetError(
            f"this user may not see whether ALTER SYSTEM has set {name}, so it could not be taken back",
            hint="connect as a superuser, or GRANT pg_read_all_settings to the user",
        )


def _reload(connection: Connection) -> None:
    """TargetError where this user may not, which leaves the value to the server's next reload."""
    try:
        connection.execute("SELECT pg_reload_conf()")
    except psycopg.errors.InsufficientPrivilege as error:
        raise TargetError(
            f"it stands in {_AUTO} now and waits for a reload, which this user may not ask for"
        ) from error


def _catalogue(connection: Connection) -> dict[str, Guc]:
    """Every setting that this user may see, by its name in small letters."""
    may_set = _MAY_SET_15 if connection.info.server_version >= _GRANTS_SINCE else _MAY_SET
    with connection.cursor(row_factory=class_row(Guc)) as cursor:
        found = cursor.execute(_CATALOGUE.format(may_set=may_set).encode()).fetchall()
    return {guc.name.lower(): guc for guc in found}


def _is_hidden(connection: Connection, name: str) -> bool:
    """Is it a setting that only a superuser or pg_read_all_settings may see?"""
    try:
        connection.execute("SELECT current_setting(%s, true)", (name,))
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.DatabaseError:  # a name that can't be one
        return False
    return False


def _extension(name: str) -> str:
    """Settings of an extension are known once its library is loaded."""
    library, dot, _ = name.partition(".")
    return f"; is {library} in shared_preload_libraries?" if dot else ""


def _note(guc: Guc) -> str | None:
    notes = [_STRONGER.get(guc.source)]
    if guc.pending_restart:
        notes.append("a value that was set before waits for the restart already")
    if guc.context in {"backend", "superuser-backend"}:
        notes.append("connections made after the reload have it")
    return "; ".join(filter(None, notes)) or None


def _escaped(value: str) -> str:
    """A value within `options`, where spaces part the arguments and a backslash keeps them together."""
    return "".join(f"\\{char}" if char.isspace() or char == "\\" else char for char in value)


def _with_options(url: str, options: str) -> str:
    """The URL with libpq's `options` in place of the one it has. libpq reads + as a plus."""
    address, _, query = url.partition("?")
    given = [each for each in query.split("&") if each]
    kept = [each for each in given if unquote(each.partition("=")[0]) != "options"]
    return f"{address}?" + "&".join([*kept, f"options={quote(options, safe='')}"])
