"""Operations made ready for PostgreSQL: statements prepared on each connection, values as text."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from perfkit.backends import sql
from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import value_test
from perfkit.backends.postgres.channel import PostgresChannel, Request
from perfkit.backends.postgres.connection import Server, connect_raw
from perfkit.backends.postgres.errors import (
    condition_names,
    failure_of,
    sqlstate_of,
    words_of,
)
from perfkit.backends.waiting import Clock, Poller, SocketPoller, system_clock
from perfkit.errors import TargetError
from perfkit.scenario import Expect, Operation, Statement
from perfkit.scenario.placeholders import replace_sql_names, sql_names

CANCEL_WAIT_S = 2.0  # how long the end of a session waits for cancel requests on their way

Plan = tuple[bytes, tuple[int, ...]]  # a prepared statement, and where in a draw its values are
Encoder = Callable[[Any], bytes | None]
_DOOMED = "in_failed_sql_transaction"
# A name that is prepared already, or not any more: the connection behind a pooler is not ours alone.
_POOLED = frozenset({"42P05", "26000"})
_POOLED_HINT = (
    "a pooler in transaction mode must keep prepared statements: PgBouncer does from 1.21 on, with "
    "max_prepared_statements; or connect to the server itself"
)


class _Encoders(dict[type, Encoder]):
    """Encoders by type; any other type becomes what str() makes of it."""

    def __missing__(self, kind: type) -> Encoder:
        return lambda value: _text(str(value))


def _text(value: str) -> bytes:
    """A text in UTF-8; what PostgreSQL can't store in a text it must see, so that it refuses it.

    libpq takes a NUL for the end, and would quietly send what stands before it.
    """
    return value.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")


ENCODERS = _Encoders({
    int: b"%d".__mod__,
    str: _text,
    float: lambda value: repr(value).encode(),
    bool: lambda value: b"true" if value else b"false",
    bytes: lambda value: b"\\x%s" % value.hex().encode(),
    type(None): lambda _: None,
})  # fmt: skip


def numbered(text: str) -> str:
    """The statement with `:name` as $1, $2, …; one name, one number."""
    number = {name: f"${place}" for place, name in enumerate(sql_names(text), start=1)}
    return replace_sql_names(text, number.__getitem__)


class PostgresSession:
    """The operations of one process; made after the fork."""

    def __init__(self, server: Server, operations: Sequence[Bound]) -> None:
        self.clock: Clock = system_clock
        self.poller: Poller = SocketPoller()
        self._server = server
        self._prepared: dict[str, bytes] = {}
        self._cancelling: list[threading.Thread] = []
        self.operations: Sequence[Compiled] = [self._compile(bound) for bound in operations]

    def open(self) -> PostgresChannel:
        pgconn = connect_raw(self._server)
        for text, name in self._prepared.items():
            result = prepare(pgconn, name, text)
            if result.status != ExecStatus.COMMAND_OK:
                words = self._server.clean(words_of(result))
                hint = _POOLED_HINT if sqlstate_of(result) in _POOLED else None
                pgconn.finish()
                raise TargetError(f"the server refuses a statement: {words}", hint=hint)
        return PostgresChannel(pgconn, self._cancelling)

    def close(self) -> None:
        """Returns when the server has heard of all that was abandoned, or CANCEL_WAIT_S later."""
        deadline_s = time.monotonic() + CANCEL_WAIT_S
        for thread in self._cancelling:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _compile(self, bound: Bound) -> Compiled:
        operation = bound.operation
        if operation.transaction is None:
            (statement,) = sql.statements(operation)
            make = _maker(*self._plan(statement, bound.names), bound)
            return Compiled(operation.name, make, _judge(operation.expect))
        begin = f"BEGIN ISOLATION LEVEL {operation.isolation}" if operation.isolation else "BEGIN"
        plans = [self._plan(statement, bound.names) for statement in operation.transaction]
        return Compiled(
            operation.name,
            _turns_maker([(self._name(begin), ()), *plans, (self._name("COMMIT"), ())], bound),
            None,
            turns=True,
            judges=_judges(operation),
            undo=(self._name("ROLLBACK"), None),
        )

    def _plan(self, statement: Statement, names: Sequence[str]) -> Plan:
        return self._name(numbered(statement.sql)), sql.indexes(statement.sql, names)

    def _name(self, text: str) -> bytes:
        """The name under which each connection prepares this text, once for all that use it."""
        return self._prepared.setdefault(text, b"perfkit%d" % len(self._prepared))


def prepare(pgconn: PGconn, name: bytes, text: str) -> PGresult:
    """Prepares a numbered statement; the server infers the types of its parameters."""
    return pgconn.prepare(name, text.encode())


def _maker(name: bytes, picks: tuple[int, ...], bound: Bound) -> Callable[[], Request]:
    """Makes the requests of one statement. Its closures run for every operation: no call too many."""
    draw, encoders = bound.draw, ENCODERS
    if not picks:
        request: Request = name, None
        return lambda: request
    if picks == (0,) and len(bound.names) == 1:

        def make_one() -> Request:
            (value,) = draw()
            return name, [encoders[type(value)](value)]

        return make_one
    if picks == tuple(range(len(bound.names))):
        return lambda: (name, [encoders[type(value)](value) for value in draw()])

    def make_picked() -> Request:
        values = draw()
        return name, [encoders[type(values[at])](values[at]) for at in picks]

    return make_picked


def _turns_maker(plans: Sequence[Plan], bound: Bound) -> Callable[[], list[Request]]:
    """Makes the requests of a transaction from one draw."""
    draw, encoders = bound.draw, ENCODERS

    def make() -> list[Request]:
        values = [encoders[type(value)](value) for value in draw()]
        return [(name, [values[at] for at in picks]) for name, picks in plans]

    return make


def _judge(expect: Expect) -> Judge:
    expect = expect.model_copy(update={"error": condition_names(expect.error)})
    judge = sql.judge_of(expect, failure_of, _count, _first_value)
    if not isinstance(expect.rows, int) or value_test(expect) is not None:
        return judge
    wanted = expect.rows

    def judge_rows(result: Any) -> Failure | None:
        if result.status == 2 and result.ntuples == wanted:  # TUPLES_OK: most replies end here
            return None
        return judge(result)

    return judge_rows


def _judges(operation: Operation) -> list[Judge]:
    """Of BEGIN, the statements and COMMIT.

    After an error that is all right, the server refuses the rest of the transaction, and turns its
    COMMIT into a rollback: that is then all right as well.
    """
    statements = sql.statements(operation)
    fine = operation.expect.error + tuple(name for each in statements for name in each.expect.error)
    doomed = (_DOOMED,) if fine else ()
    judges = [
        _judge(
            each.expect.model_copy(
                update={"error": each.expect.error + operation.expect.error + doomed}
            )
        )
        for each in statements
    ]
    return [failure_of, *judges, _judge(Expect(error=operation.expect.error))]


def _count(result: Any) -> int:
    """The rows of the reply, or how many a statement without rows changed."""
    return result.ntuples if result.status == ExecStatus.TUPLES_OK else result.command_tuples or 0


def _first_value(result: Any) -> bytes | int | None:
    """The first column of the first row; how many rows were changed, where there are none."""
    if result.status != ExecStatus.TUPLES_OK:
        return _count(result)
    value: bytes | None = result.get_value(0, 0) if result.ntuples and result.nfields else None
    return value
