"""Operations that are more than one statement or command: in turn, in a batch, with chosen words."""

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import Bound, Compiled, Target
from perfkit.scenario import Expect, Operation, SetupStatement, Statement
from perfkit.scenario.values import Choice, Param
from tests.contract.driving import (
    bound,
    channel_of,
    names_of,
    outcome,
    perform,
    session_of,
    workload_of,
)
from tests.contract.examples import expecting

Rows = list[tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class Requests:
    """The same operations on one backend, on what holds a text under each id."""

    setup: tuple[SetupStatement, ...] = ()
    insert: Operation  # :text under :id, 3 times
    in_turn: Operation  # puts :text under the key 1, and finds one there
    broken: Operation  # puts "first" under the key 1, fails, and would put "last" there
    error_class: str  # of that failure
    sound: Operation  # finds one under the key 1
    failing: Operation  # as `insert`, with an error where the id is there, or the text no number
    left: Rows  # by a batch of `failing` with (1, "1"), (1, "x") and (2, "3")
    unfit: Operation  # no batch
    stored: Callable[[str], Rows]


def _in_turn(name: str, *texts: str) -> Operation:
    found = tuple(Statement(sql=text, expect=Expect(rows=1)) for text in texts)
    return Operation(name=name, statements=found)


def _asked_of_postgres(url: str) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()


def _asked_of_sqlite(url: str) -> Rows:
    with closing(sqlite3.connect(urlsplit(url).path.removeprefix("/"))) as connection:
        return connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()


def _asked_of_redis(url: str) -> Rows:
    with Redis.from_url(url) as client:
        keys = sorted(int(key) for key in client.scan_iter())
        return [(key, client.get(str(key)).decode()) for key in keys]


def _asked_of_mongo(url: str) -> Rows:
    with MongoClient[dict[str, Any]](url) as client:
        found = client.get_default_database().t.find().sort("_id")
        return [(document["_id"], document["v"]) for document in found]


_PUT = "INSERT INTO t (id, v) VALUES (1, {}) ON CONFLICT (id) DO UPDATE SET v = excluded.v"
POSTGRES = Requests(
    setup=("CREATE TABLE t (id bigint PRIMARY KEY, v text)",),
    insert=Operation(name="insert", sql="INSERT INTO t (id, v) VALUES (:id, :text)", batch=3),
    in_turn=_in_turn("in-turn", _PUT.format(":text"), "SELECT v FROM t WHERE v = :text"),
    broken=_in_turn(
        "broken", _PUT.format("'first'"), "INSERT INTO t VALUES (1, 'x')", _PUT.format("'last'")
    ),
    error_class="unique_violation",
    sound=expecting(Operation(name="sound", sql="SELECT v FROM t WHERE id = 1"), rows=1),
    failing=Operation(name="failing", sql="INSERT INTO t (id, v) VALUES (:id, :text)", batch=3),
    left=[],
    unfit=Operation(name="unfit", sql="SELECT v FROM t WHERE id = :id", batch=3),
    stored=_asked_of_postgres,
)
SQLITE = replace(POSTGRES, error_class="SQLITE_CONSTRAINT_PRIMARYKEY", stored=_asked_of_sqlite)
REDIS = Requests(
    insert=Operation(name="insert", redis=(("SET", "{id}", "{text}"),), batch=3),
    in_turn=Operation(
        name="in-turn",
        redis=(("SET", "1", "{text}"), ("GET", "1")),
        pipeline=False,
        expect=Expect(rows=1),
    ),
    broken=Operation(
        name="broken",
        redis=(("SET", "1", "first"), ("LPUSH", "1", "x"), ("SET", "1", "last")),
        pipeline=False,
    ),
    error_class="WRONGTYPE",
    sound=Operation(name="sound", redis=(("GET", "1"),), expect=Expect(rows=1)),
    failing=Operation(name="failing", redis=(("INCRBY", "{id}", "{text}"),), batch=3),
    left=[(1, "1"), (2, "3")],
    unfit=Operation(name="unfit", redis=(("GET", "1"), ("GET", "2")), pipeline=False, batch=3),
    stored=_asked_of_redis,
)
_MONGO_PUT = {"update": "t", "filter": {"_id": 1}, "upsert": True}
MONGO = Requests(
    insert=Operation(name="insert", mongo={"insert": "t", "document": {"_id": "{id}", "v": "{text}"}}, batch=3),
    in_turn=Operation(
        name="in-turn",
        mongo=(
            {**_MONGO_PUT, "u": {"$set": {"v": "{text}"}}},
            {"find": "t", "filter": {"v": "{text}"}},
        ),
        expect=Expect(rows=1),
    ),
    broken=Operation(
        name="broken",
        mongo=(
            {**_MONGO_PUT, "u": {"$set": {"v": "first"}}},
            {"insert": "t", "document": {"_id": 1}},
            {**_MONGO_PUT, "u": {"$set": {"v": "last"}}},
        ),
    ),
    error_class="DuplicateKey",
    sound=Operation(name="sound", mongo={"find": "t", "filter": {"_id": 1}}, expect=Expect(rows=1)),
    failing=Operation(
        name="failing", mongo={"insert": "t", "document": {"_id": "{id}", "v": "{text}"}}, batch=3
    ),
    left=[(1, "1")],
    unfit=Operation(name="unfit", mongo={"find": "t"}, batch=3),
    stored=_asked_of_mongo,
)  # fmt: skip
ALL = {"sqlite": SQLITE, "postgres": POSTGRES, "redis": REDIS, "mongo": MONGO}


@dataclass
class Backend:
    """A backend that is ready for its requests."""

    url: str
    target: Target
    requests: Requests

    @property
    def stored(self) -> Rows:
        return self.requests.stored(self.url)


def _ready(name: str, request: pytest.FixtureRequest) -> Backend:
    url = request.getfixturevalue(f"{name}_url")
    backend = Backend(url, open_target(url), ALL[name])
    workload_of(backend.target).run_statements(backend.requests.setup)
    return backend


@pytest.fixture(params=list(ALL))
def backend(request: pytest.FixtureRequest) -> Backend:
    return _ready(request.param, request)


@pytest.fixture(params=["sqlite", "postgres"])
def of_sql(request: pytest.FixtureRequest) -> Backend:
    return _ready(request.param, request)


def _drawing(operation: Operation, draws: list[tuple[Any, ...]]) -> Bound:
    return Bound(operation, names_of(operation), itertools.cycle(draws).__next__)


def _sized(operation: Operation, batch: int) -> Operation:
    return operation.model_copy(update={"batch": batch})


# -- in turn --------------------------------------------------------------------------------------


def test_what_goes_in_turn_shares_its_values(backend: Backend) -> None:
    assert outcome(backend.target, backend.requests.in_turn, "now") is None
    assert backend.stored == [(1, "now")]


def test_an_error_in_the_middle_ends_the_turn_and_undoes_nothing(backend: Backend) -> None:
    broken, sound = bound(backend.requests.broken), bound(backend.requests.sound)
    with session_of(backend.target, broken, sound) as session, channel_of(session) as channel:
        for _ in range(2):
            failure = perform(session, channel, session.operations[0])
            assert failure is not None
            assert failure.error_class == backend.requests.error_class
            assert perform(session, channel, session.operations[1]) is None
    assert backend.stored == [(1, "first")]


def test_an_error_in_the_middle_may_be_all_right(backend: Backend) -> None:
    allowed = expecting(backend.requests.broken, error=(backend.requests.error_class,))
    assert outcome(backend.target, allowed) is None
    assert backend.stored == [(1, "last")]


def test_an_expectation_in_turn_is_judged_of_each(backend: Backend) -> None:
    in_turn = backend.requests.in_turn
    if in_turn.statements:
        first, last = in_turn.statements
        wrong = last.model_copy(update={"expect": Expect(rows=2)})
        in_turn = in_turn.model_copy(update={"statements": (first, wrong)})
    else:
        in_turn = expecting(in_turn, rows=2)
    failure = outcome(backend.target, in_turn, "now")
    assert failure is not None
    assert failure.error_class == "unexpected"


def test_several_in_turn_and_batches_pass_the_check_and_write(backend: Backend) -> None:
    workload, requests = workload_of(backend.target), backend.requests
    operations = [requests.in_turn, requests.broken, requests.insert]
    assert workload.check(operations) == []
    assert [workload.problem(each) for each in operations] == [None] * 3
    assert all(map(workload.writes, operations))
    assert backend.stored == []


# -- batches --------------------------------------------------------------------------------------


def test_a_batch_puts_each_draw_in_its_place(backend: Backend) -> None:
    workload, texts = (
        workload_of(backend.target),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
    )
    ids = itertools.count(1)

    @settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(texts, min_size=2, max_size=40))
    def check(drawn: list[str]) -> None:
        rows = [(next(ids), text) for text in drawn]
        before = backend.stored
        insert = expecting(_sized(backend.requests.insert, len(rows)), rows=len(rows))
        session = workload.session([_drawing(insert, rows)])
        with channel_of(session) as channel:
            assert perform(session, channel, session.operations[0]) is None
        session.close()
        session.poller.close()
        assert backend.stored == [*before, *rows]

    check()


def test_the_rows_of_a_batch_are_counted_together(backend: Backend) -> None:
    failure = outcome(backend.target, expecting(_sized(backend.requests.insert, 1), rows=3), 1, "a")
    assert failure is not None
    insert = expecting(backend.requests.insert, rows=3)
    draws: list[tuple[Any, ...]] = [(number, "a") for number in range(2, 5)]
    assert _performed(backend, _drawing(insert, draws)) is None


def _performed(backend: Backend, operation: Bound) -> Any:
    with session_of(backend.target, operation) as session, channel_of(session) as channel:
        return perform(session, channel, session.operations[0])


def test_an_error_inside_a_batch_is_told_and_the_channel_stays_usable(backend: Backend) -> None:
    failing = _drawing(backend.requests.failing, [(1, "1"), (1, "x"), (2, "3")])
    in_turn = bound(backend.requests.in_turn, "now")
    with session_of(backend.target, failing, in_turn) as session, channel_of(session) as channel:
        failure = perform(session, channel, session.operations[0])
        assert failure is not None
        assert failure.error_class in {backend.requests.error_class, "ERR"}
        assert backend.stored == backend.requests.left
        assert perform(session, channel, session.operations[1]) is None


def test_what_can_be_no_batch_is_refused(backend: Backend) -> None:
    ((operation, words),) = workload_of(backend.target).check([backend.requests.unfit])
    assert operation is backend.requests.unfit
    assert "batch" in words


def test_a_batch_of_more_values_than_a_statement_takes_names_the_largest(of_sql: Backend) -> None:
    workload, insert = workload_of(of_sql.target), of_sql.requests.insert
    words = workload.problem(_sized(insert, 1_000_000)) or ""
    most = int(words.rpartition("at most ")[2].partition(" ")[0])
    assert workload.problem(_sized(insert, most + 1))
    draws: list[tuple[Any, ...]] = [(number, "a") for number in range(most)]
    largest = expecting(_sized(insert, most), rows=most)
    assert workload.check([largest]) == []
    assert _performed(of_sql, _drawing(largest, draws)) is None


# -- words that are chosen ------------------------------------------------------------------------


WORDS: dict[str, Param] = {"column": Choice(values=("v", "w")), "table": Choice(values=("t", "u"))}
SET = "UPDATE {table} SET {column} = :text WHERE id = 1"


def _with_two_tables(backend: Backend) -> None:
    workload_of(backend.target).run_statements([
        "ALTER TABLE t ADD COLUMN w text",
        "INSERT INTO t VALUES (1, '', '')",
        "CREATE TABLE u AS SELECT * FROM t",
    ])  # fmt: skip


def _compiled(operation: Operation, draws: list[tuple[Any, ...]]) -> Bound:
    return Bound(operation, ("text", "column", "table"), iter(draws).__next__)


@pytest.mark.parametrize("key", ["sql", "statements", "transaction"])
def test_the_drawn_words_pick_the_statement(of_sql: Backend, key: str) -> None:
    _with_two_tables(of_sql)
    does: Any = SET if key == "sql" else (Statement(sql=SET), Statement(sql="SELECT 1"))
    operation = Operation.model_validate({"name": "set", key: does, "params": WORDS})
    assert workload_of(of_sql.target).check([operation]) == []
    draws = [("1", "v", "t"), ("2", "w", "t"), ("3", "v", "u"), ("4", "w", "u"), ("5", "v", "t")]
    with (
        session_of(of_sql.target, _compiled(operation, list(draws))) as session,
        channel_of(session) as channel,
    ):
        done: Compiled = session.operations[0]
        assert [perform(session, channel, done) for _ in draws] == [None] * len(draws)
    everything = Operation(
        name="all",
        sql="SELECT 1 FROM t JOIN u USING (id) WHERE t.v = '5' AND t.w = '2' AND u.v = '3' AND u.w = '4'",
        expect=Expect(rows=1),
    )
    assert outcome(of_sql.target, everything) is None


def test_each_word_is_checked_with_the_server(of_sql: Backend) -> None:
    _with_two_tables(of_sql)
    params = {**WORDS, "column": Choice(values=("v", "missing"))}
    operation = Operation(name="set", sql=SET, params=params)
    ((_, words),) = workload_of(of_sql.target).check([operation])
    assert "missing" in words


# -- the fake server ------------------------------------------------------------------------------

_TWO = (Statement(sql="SELECT 1"), Statement(sql="SELECT 2"))


@pytest.mark.parametrize(
    ("operation", "requests"),
    [
        (Operation(name="o", statements=_TWO), 2),
        (Operation(name="o", transaction=_TWO), 4),
        (Operation(name="o", mongo=({"find": "t"}, {"find": "t"})), 2),
        (Operation(name="o", mongo={"find": "t"}), 1),
        (Operation(name="o", redis=(("PING",), ("PING",)), pipeline=False), 2),
        (Operation(name="o", redis=(("PING",), ("PING",)), batch=5), 1),
    ],
)
def test_the_fake_server_takes_its_time_for_each_request(
    operation: Operation, requests: int
) -> None:
    target = open_target("fake://?latency=3ms")
    draws = itertools.count()
    drawing = Bound(operation, (), lambda: (next(draws),))
    with session_of(target, drawing) as session, channel_of(session) as channel:
        before_ns = session.clock()
        assert perform(session, channel, session.operations[0]) is None
        assert session.clock() - before_ns == requests * 3_000_000
    assert next(draws) == operation.batch
