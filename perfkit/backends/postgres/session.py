"""Operations made ready for PostgreSQL: statements prepared on each connection, values as text."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from perfkit.backends import sql
from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import value_test
from perfkit.backends.forms import Plan, plan
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
from perfkit.scenario import Expect, Operation

CANCEL_WAIT_S = 2.0  # how long the end of a session waits for cancel requests on their way
MOST_VALUES = 65_535  # with one statement: the protocol counts them in 16 bits
SIGN = "$"  # before the number of a value

Draw = tuple[Any, ...]
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
        plans = [
            self._prepared_plan(plan(each.sql, operation, bound.names, SIGN))
            for each in sql.statements(operation)
        ]
        if operation.sql is not None:
            return Compiled(operation.name, _maker(plans[0], bound), _judge(operation.expect))
        if operation.transaction is None:
            make, judges = _turns_maker(plans, bound), _statement_judges(operation)
            return Compiled(operation.name, make, None, turns=True, judges=judges)
        level = f" ISOLATION LEVEL {operation.isolation}" if operation.isolation else ""
        begin, commit = (_Prepared(self._name(text)) for text in (f"BEGIN{level}", "COMMIT"))
        return Compiled(
            operation.name,
            _turns_maker([begin, *plans, commit], bound),
            None,
            turns=True,
            judges=_transaction_judges(operation),
            undo=(self._name("ROLLBACK"), None),
        )

    def _prepared_plan(self, plan: Plan) -> "_Prepared":
        names = {key: self._name(text) for key, text in plan.texts.items()}
        if plan.key is None:
            return _Prepared(names[None], None, plan.picks, plan.rows)
        key = plan.key
        return _Prepared(b"", lambda draw: names[key(draw)], plan.picks)

    def _name(self, text: str) -> bytes:
        """The name under which each connection prepares this text, once for all that use it."""
        return self._prepared.setdefault(text, b"perfkit%d" % len(self._prepared))


def prepare(pgconn: PGconn, name: bytes, text: str) -> PGresult:
    """Prepares a numbered statement; the server infers the types of its parameters."""
    return pgconn.prepare(name, text.encode())


class _Prepared(NamedTuple):
    """A plan as this session's connections have it: under one name, or under one for each choice."""

    name: bytes
    choose: Callable[[Draw], bytes] | None = None
    picks: tuple[int, ...] = ()
    rows: int = 1


def _maker(plan: _Prepared, bound: Bound) -> Callable[[], Request]:
    """Makes the requests of one statement. Its closures run for every operation: no call too many."""
    name, choose, picks, rows = plan
    draw, encoders = bound.draw, ENCODERS
    if choose is not None:
        return _choosing_maker(choose, picks, draw)
    if rows > 1 and picks:
        return _batch_maker(name, picks, rows, draw)
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


def _choosing_maker(
    choose: Callable[[Draw], bytes], picks: tuple[int, ...], draw: Callable[[], Draw]
) -> Callable[[], Request]:
    encoders = ENCODERS

    def make() -> Request:
        values = draw()
        return choose(values), [encoders[type(values[at])](values[at]) for at in picks]

    return make


def _batch_maker(
    name: bytes, picks: tuple[int, ...], rows: int, draw: Callable[[], Draw]
) -> Callable[[], Request]:
    encoders, numbers = ENCODERS, range(rows)

    def make() -> Request:
        return name, [
            encoders[type(values[at])](values[at])
            for _ in numbers
            for values in (draw(),)
            for at in picks
        ]

    return make


def _turns_maker(plans: Sequence[_Prepared], bound: Bound) -> Callable[[], list[Request]]:
    """Makes the requests of statements in turn from one draw.

    A function composed of shapes and numbers only, as in `perfkit.backends.redis.compile`: 3 µs for
    16 statements, where a loop over the plans takes 6.
    """
    constants: dict[str, Any] = {"draw": bound.draw, "encoders": ENCODERS}
    requests = []
    for number, (name, choose, picks, _) in enumerate(plans):
        constants[f"n{number}"] = choose or name
        named = f"n{number}(drawn)" if choose else f"n{number}"
        values = f"[{', '.join(f'v{at}' for at in picks)}]" if picks else "None"
        requests.append(f"({named}, {values})")
    drawn = "".join(f"v{at}, " for at in range(len(bound.names)))
    lines = ["drawn = draw()", *([f"{drawn}= drawn"] if drawn else [])]
    used = sorted({at for plan in plans for at in plan.picks})
    lines += [f"v{at} = encoders[type(v{at})](v{at})" for at in used]
    lines.append(f"return [{', '.join(requests)}]")
    source = "def make():\n" + "".join(f"    {line}\n" for line in lines)
    exec(source, constants)  # noqa: S102  the source holds nothing that a user wrote
    make: Callable[[], list[Request]] = constants["make"]
    return make


def _judge(expect: Expect) -> Judge:
    expect = expect.model_copy(update={"error": condition_names(expect.error)})
    judge = sql.judge_of(expect, failure_of, _count, _first_value)
    if not isinstance(expect.rows, int) or value_test(expect) is not None:
        return judge
    wanted = expect.rows

    def judge_rows(result: Any) -> Failure | None:
        status = result.status  # most replies end here, with TUPLES_OK, or COMMAND_OK of an UPDATE
        rows = result.ntuples if status == 2 else result.command_tuples if status == 1 else None
        return None if rows == wanted else judge(result)

    return judge_rows


def _statement_judges(operation: Operation, fine: tuple[str, ...] = ()) -> list[Judge]:
    """Of each statement, with the errors that are all right for it, in the operation or as `fine`."""
    fine = operation.expect.error + fine
    expects = [each.expect for each in sql.statements(operation)]
    return [_judge(expect.model_copy(update={"error": expect.error + fine})) for expect in expects]


def _transaction_judges(operation: Operation) -> list[Judge]:
    """Of BEGIN, the statements and COMMIT.

    After an error that is all right, the server refuses the rest of the transaction, and turns its
    COMMIT into a rollback: that is then all right as well.
    """
    fine = operation.expect.error or any(each.expect.error for each in sql.statements(operation))
    judges = _statement_judges(operation, (_DOOMED,) if fine else ())
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
