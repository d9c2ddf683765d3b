"""Operations made ready for SQLite."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfkit.backends import sql
from perfkit.backends.base import Bound, Compiled, Failure, Judge
from perfkit.backends.expect import value_test
from perfkit.backends.forms import Plan, plan
from perfkit.backends.sqlite.channel import (
    Request,
    SqliteChannel,
    count,
    failure_of,
    first_value,
)
from perfkit.backends.sqlite.connection import File, connect_raw
from perfkit.backends.waiting import Clock, InstantPoller, Poller, system_clock
from perfkit.scenario import Expect

Draw = tuple[Any, ...]

SIGN = "?"  # before the number of a value


class SqliteSession:
    """The operations of one process."""

    def __init__(self, file: File, operations: Sequence[Bound]) -> None:
        self._file = file
        self._announcing = InstantPoller()
        self.poller: Poller = self._announcing
        self.clock: Clock = system_clock
        plans = [_plans(bound) for bound in operations]
        self.operations: Sequence[Compiled] = list(map(_compile, operations, plans))
        self._statements = sum(len(each.texts) for of_one in plans for each in of_one)

    def open(self) -> SqliteChannel:
        # BEGIN, COMMIT, ROLLBACK and the pragma stay prepared too.
        connection = connect_raw(self._file, statements=self._statements + 8)
        return SqliteChannel(connection, self._announcing, self._file.busy_timeout_ns)

    def close(self) -> None:
        """Nothing is shared between channels."""


def _plans(bound: Bound) -> list[Plan]:
    statements = sql.statements(bound.operation)
    return [plan(each.sql, bound.operation, bound.names, SIGN) for each in statements]


def _compile(bound: Bound, plans: Sequence[Plan]) -> Compiled:
    operation = bound.operation
    if operation.sql is not None:
        return Compiled(operation.name, _maker(plans[0], bound), _judge(operation.expect))
    judges = [_judge(each.expect, operation.expect.error) for each in sql.statements(operation)]
    if operation.transaction is None:
        make = _turns_maker(plans, bound)
        return Compiled(operation.name, make, None, turns=True, judges=judges)
    # A transaction that reads first and writes later could not wait for a lock without deadlock.
    begin = "BEGIN IMMEDIATE" if sql.writes(operation) else "BEGIN"
    first, last = (Plan({None: text}, None, ()) for text in (begin, "COMMIT"))
    judge_frame = _judge(Expect(), operation.expect.error)
    return Compiled(
        operation.name,
        _turns_maker([first, *plans, last], bound),
        None,
        turns=True,
        judges=[judge_frame, *judges, judge_frame],
        undo=("ROLLBACK", (), operation.timeout_ns),
    )


def _maker(plan: Plan, bound: Bound) -> Callable[[], Request]:
    """Makes the requests of one statement. Its closures run for every operation: no call too many."""
    texts, key, picks = plan.texts, plan.key, plan.picks
    draw, limit_ns = bound.draw, bound.operation.timeout_ns
    if key is not None:
        return _choosing_maker(texts, key, picks, bound)
    statement = texts[None]
    if plan.rows > 1 and picks:
        return _batch_maker(statement, picks, plan.rows, bound)
    if not picks:
        request = (statement, (), limit_ns)
        return lambda: request
    if picks == tuple(range(len(bound.names))):
        return lambda: (statement, draw(), limit_ns)

    def make_picked() -> Request:
        values = draw()
        return statement, tuple([values[at] for at in picks]), limit_ns

    return make_picked


def _choosing_maker(
    texts: Mapping[Any, str], key: Callable[[Draw], Any], picks: tuple[int, ...], bound: Bound
) -> Callable[[], Request]:
    draw, limit_ns = bound.draw, bound.operation.timeout_ns

    def make() -> Request:
        values = draw()
        return texts[key(values)], tuple([values[at] for at in picks]), limit_ns

    return make


def _batch_maker(
    statement: str, picks: tuple[int, ...], rows: int, bound: Bound
) -> Callable[[], Request]:
    draw, limit_ns, numbers = bound.draw, bound.operation.timeout_ns, range(rows)

    def make() -> Request:
        flat = [values[at] for _ in numbers for values in (draw(),) for at in picks]
        return statement, tuple(flat), limit_ns

    return make


def _turns_maker(plans: Sequence[Plan], bound: Bound) -> Callable[[], list[Request]]:
    """Makes the requests of statements in turn from one draw."""
    draw, limit_ns = bound.draw, bound.operation.timeout_ns
    steps = [(plan.texts, plan.key, plan.picks) for plan in plans]
    fixed = [(plan.texts.get(None, ""), plan.picks) for plan in plans]

    def make() -> list[Request]:
        values = draw()
        return [
            (statement, tuple([values[at] for at in picks]), limit_ns) for statement, picks in fixed
        ]

    def make_choosing() -> list[Request]:
        values = draw()
        return [
            (texts[key(values) if key else None], tuple([values[at] for at in picks]), limit_ns)
            for texts, key, picks in steps
        ]

    return make_choosing if any(plan.key for plan in plans) else make


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
