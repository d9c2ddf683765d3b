"""Operations made ready for SQLite."""

from collections.abc import Callable, Sequence
from typing import Any

from perfkit.backends import sql
from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import value_test
from perfkit.backends.sqlite.channel import (
    Request,
    SqliteChannel,
    count,
    failure_of,
    first_value,
)
from perfkit.backends.sqlite.connection import File, connect_raw
from perfkit.backends.waiting import Clock, InstantPoller, Poller, system_clock
from perfkit.scenario import Expect, Statement
from perfkit.scenario.placeholders import replace_sql_names, sql_names

Plan = tuple[str, tuple[int, ...]]  # a statement, and where in a draw its values are


def numbered(text: str) -> str:
    """The statement with `:name` as ?1, ?2, …; one name, one number."""
    number = {name: f"?{place}" for place, name in enumerate(sql_names(text), start=1)}
    return replace_sql_names(text, number.__getitem__)


class SqliteSession:
    """The operations of one process."""

    def __init__(self, file: File, operations: Sequence[Bound]) -> None:
        self._file = file
        self._announcing = InstantPoller()
        self.poller: Poller = self._announcing
        self.clock: Clock = system_clock
        self.operations: Sequence[Compiled] = [_compile(bound) for bound in operations]
        self._statements = sum(len(sql.statements(bound.operation)) for bound in operations)

    def open(self) -> SqliteChannel:
        # BEGIN, COMMIT, ROLLBACK and the pragma stay prepared too.
        connection = connect_raw(self._file, statements=self._statements + 8)
        return SqliteChannel(connection, self._announcing, self._file.busy_timeout_ns)

    def close(self) -> None:
        """Nothing is shared between channels."""


def _compile(bound: Bound) -> Compiled:
    operation = bound.operation
    limit_ns = operation.timeout_ns
    if operation.transaction is None:
        (statement,) = sql.statements(operation)
        return Compiled(
            operation.name, _maker(_plan(statement, bound), bound), _judge(operation.expect)
        )
    # A transaction that reads first and writes later could not wait for a lock without deadlock.
    begin = "BEGIN IMMEDIATE" if sql.writes(operation) else "BEGIN"
    plans = [(begin, ()), *(_plan(each, bound) for each in operation.transaction), ("COMMIT", ())]
    expects = [Expect(), *(each.expect for each in operation.transaction), Expect()]
    return Compiled(
        operation.name,
        _turns_maker(plans, bound),
        None,
        turns=True,
        judges=[_judge(each, operation.expect.error) for each in expects],
        undo=("ROLLBACK", (), limit_ns),
    )


def _plan(statement: Statement, bound: Bound) -> Plan:
    return numbered(statement.sql), sql.indexes(statement.sql, bound.names)


def _maker(plan: Plan, bound: Bound) -> Callable[[], Request]:
    """Makes the requests of one statement. Its closures run for every operation: no call too many."""
    statement, picks = plan
    draw, limit_ns = bound.draw, bound.operation.timeout_ns
    if not picks:
        request = (statement, (), limit_ns)
        return lambda: request
    if picks == tuple(range(len(bound.names))):
        return lambda: (statement, draw(), limit_ns)

    def make_picked() -> Request:
        values = draw()
        return statement, tuple([values[at] for at in picks]), limit_ns

    return make_picked


def _turns_maker(plans: Sequence[Plan], bound: Bound) -> Callable[[], list[Request]]:
    """Makes the requests of a transaction from one draw."""
    draw, limit_ns = bound.draw, bound.operation.timeout_ns

    def make() -> list[Request]:
        values = draw()
        return [
            (statement, tuple([values[at] for at in picks]), limit_ns) for statement, picks in plans
        ]

    return make


def _judge(expect: Expect, also_fine: tuple[str, ...] = ()) -> Judge:
    fine = expect.error + also_fine
    inner = sql.judge_of(expect, failure_of, count, first_value)
    judge = _forgiving(inner, fine) if fine else inner
    if not isinstance(expect.rows, int) or value_test(expect) is not None:
        return judge
    wanted = expect.rows

    def judge_rows(reply: Any) -> Failure | None:
        if type(reply) is list and len(reply) == wanted:  # most replies end here
            return None
        return judge(reply)

    return judge_rows


def _forgiving(judge: Judge, fine: tuple[str, ...]) -> Judge:
    """A primary code covers its extended ones: SQLITE_CONSTRAINT also SQLITE_CONSTRAINT_UNIQUE."""
    families = tuple(f"{name}_" for name in fine if name.startswith("SQLITE_"))

    def forgiving(reply: Any) -> Failure | None:
        failure = judge(reply)
        if failure is None or failure.error_class in fine:
            return None
        return None if failure.error_class.startswith(families) else failure

    return forgiving
