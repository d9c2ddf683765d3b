"""PostgreSQL: statements, transactions, connections; what all backends share is in tests/contract."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from perfkit.backends import open_target
from perfkit.backends.base import PENDING, Bound, ConnectionLostError, Failure, Session
from perfkit.backends.postgres.connection import Server as PostgresServer
from perfkit.backends.postgres.connection import connect_raw
from perfkit.backends.postgres.errors import condition_name
from perfkit.errors import TargetError, UsageError
from perfkit.scenario import Expect, Operation, Statement
from tests.contract.driving import (
    answer,
    bound,
    channel_of,
    outcome,
    perform,
    session_of,
    start,
    workload_of,
)
from tests.servers.process import Server, StartServer


@pytest.fixture
def url(postgres_url: str) -> str:
    """A database with a table t (id, v) of three rows."""
    _execute(
        postgres_url,
        "CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    )
    return postgres_url


def _execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _operation(text: str, **more: Any) -> Operation:
    return Operation(name="o", sql=text, **more)


def _transaction(*texts: str, **more: Any) -> Operation:
    statements = tuple(Statement(sql=text) for text in texts)
    return Operation(name="o", transaction=statements, **more)


# -- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("SELECT v FROM t WHERE id = :a", 2, "b"),
        ("SELECT :a::text", "it's \\ “quoted”", "it's \\ “quoted”"),
        ("SELECT :a::float8 * 2", 1.25, 2.5),
        ("SELECT :a::float8", 1e300, 1e300),
        ("SELECT NOT :a", True, False),
        ("SELECT :a IS NULL", None, True),
        ("SELECT encode(:a::bytea, 'hex')", b"\x00\xff", "00ff"),
        ("SELECT extract(year FROM :a::timestamptz)", datetime(2024, 5, 6, tzinfo=UTC), 2024),
        ("SELECT :a::bigint", 2**62, 2**62),
        ("SELECT '::x' || $q$:y$q$ || (ARRAY[7,8])[:a] -- :z", 2, "::x:y8"),
    ],
)
def test_values_arrive_with_the_types_that_the_server_infers(
    url: str, text: str, value: Any, expected: Any
) -> None:
    operation = _operation(text, expect=Expect(value=expected))
    if value is None:
        operation = _operation("SELECT :a::int IS NULL", expect=Expect(value=True))
    assert outcome(open_target(url), operation, value) is None


def test_one_name_used_twice_is_one_value(url: str) -> None:
    operation = _operation("SELECT :a::int + :b::int * :a::int", expect=Expect(value=35))
    assert outcome(open_target(url), operation, 5, 6) is None


def test_values_are_picked_from_a_draw_that_has_more(url: str) -> None:
    operation = _operation("SELECT :c::int - :a::int", expect=Expect(value=2))
    drawn = Bound(operation, ("a", "b", "c"), lambda: (1, 2, 3))
    with session_of(open_target(url), drawn) as session, channel_of(session) as channel:
        assert perform(session, channel, session.operations[0]) is None


def test_a_value_that_does_not_fit_is_an_error_of_the_operation(url: str) -> None:
    failure = outcome(open_target(url), _operation("SELECT v FROM t WHERE id = :a"), "nine")
    assert failure is not None
    assert failure.error_class == "invalid_text_representation"


@pytest.mark.parametrize("value", ["before\0after", "\ud800", "\0"])
def test_a_text_that_postgresql_can_not_store_is_refused_and_not_cut(url: str, value: str) -> None:
    operations = bound(_operation("SELECT :a::text"), value), bound(_operation("SELECT 1"))
    with session_of(open_target(url), *operations) as session, channel_of(session) as channel:
        failure = perform(session, channel, session.operations[0])
        assert failure is not None
        assert failure.error_class == "character_not_in_repertoire"
        assert perform(session, channel, session.operations[1]) is None


@pytest.mark.parametrize("value", [2**63, -(2**200)])
def test_a_number_of_more_than_64_bits_is_an_error_of_the_operation(url: str, value: int) -> None:
    failure = outcome(open_target(url), _operation("SELECT :a::bigint"), value)
    assert failure is not None
    assert failure.error_class == "numeric_value_out_of_range"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_floats_that_are_no_numbers_arrive(url: str, value: float) -> None:
    text = f"SELECT :a::float8 = '{value}'"
    assert outcome(open_target(url), _operation(text, expect=Expect(value=True)), value) is None


@pytest.mark.parametrize("text", ["SELECT 1;", "SELECT 1; -- done", "SELECT 1 /* one */ ; "])
def test_a_semicolon_at_the_end_is_no_second_statement(url: str, text: str) -> None:
    operation = _operation(text, expect=Expect(value=1))
    assert workload_of(open_target(url)).check([operation]) == []
    assert outcome(open_target(url), operation) is None


def test_notifications_and_notices_are_no_replies(url: str) -> None:
    talkative = (
        "DO $$ BEGIN FOR i IN 1..2000 LOOP RAISE NOTICE '%', repeat('x', 500); END LOOP; END $$"
    )
    texts = "LISTEN news", talkative, "NOTIFY news, 'all'", "SELECT 7"
    operations = [bound(_operation(text)) for text in texts]
    with session_of(open_target(url), *operations) as session, channel_of(session) as channel:
        for operation in session.operations:
            assert perform(session, channel, operation) is None
        _execute(url, "NOTIFY news, 'from another'")
        session.poller.wait(100_000_000)
        assert channel.receive() is PENDING
        reply = answer(session, channel, session.operations[3].make())
    assert reply.get_value(0, 0) == b"7"


def test_a_pooler_that_hands_out_used_connections_is_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(server: PostgresServer) -> Any:
        pgconn = connect_raw(server)
        pgconn.prepare(b"perfkit0", b"SELECT 'of another client'")
        return pgconn

    monkeypatch.setattr("perfkit.backends.postgres.session.connect_raw", used)
    with (
        session_of(open_target(url), bound(_operation("SELECT 1"))) as session,
        pytest.raises(TargetError, match="already exists") as refusal,
    ):
        session.open()
    assert "max_prepared_statements" in (refusal.value.hint or "")


def test_the_value_of_a_change_is_the_number_of_rows_that_it_changed(url: str) -> None:
    operation = _operation("UPDATE t SET v = v || 'x' WHERE id < 3", expect=Expect(value=2))
    assert outcome(open_target(url), operation) is None


def test_rows_of_a_change_are_those_that_it_changed(url: str) -> None:
    operation = _operation("UPDATE t SET v = v || 'x' WHERE id < 3", expect=Expect(rows=2))
    assert outcome(open_target(url), operation) is None
    returning = _operation("DELETE FROM t WHERE id < 3 RETURNING id", expect=Expect(rows=2))
    assert outcome(open_target(url), returning) is None


def test_all_rows_of_a_large_result_are_drained(url: str) -> None:
    text = "SELECT i, repeat('x', 200) FROM generate_series(1, 50000) i"
    assert outcome(open_target(url), _operation(text, expect=Expect(rows=50_000))) is None


def test_notices_are_silent(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(open_target(url), _operation("DROP TABLE IF EXISTS nothing")) is None
    assert capfd.readouterr() == ("", "")


def test_statements_are_prepared_once_for_each_connection(url: str) -> None:
    count = _operation("SELECT count(*) FROM pg_prepared_statements", expect=Expect(value=2))
    operations = bound(count), bound(_operation("SELECT 1")), bound(_operation("SELECT 1"))
    with session_of(open_target(url), *operations) as session, channel_of(session) as channel:
        for operation in session.operations:
            assert perform(session, channel, operation) is None


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sqlstate", "name"),
    [
        ("23505", "unique_violation"),
        ("40001", "serialization_failure"),
        ("40P01", "deadlock_detected"),
        ("42P01", "undefined_table"),
        ("42601", "syntax_error"),
        ("25P02", "in_failed_sql_transaction"),
        ("57014", "query_canceled"),
        ("ZZ999", "ZZ999"),
    ],
)
def test_error_classes_are_the_manuals_condition_names(sqlstate: str, name: str) -> None:
    assert condition_name(sqlstate) == name


def test_a_failure_holds_the_servers_words(url: str) -> None:
    failure = outcome(open_target(url), _operation("INSERT INTO t VALUES (1, 'x')"))
    words = 'duplicate key value violates unique constraint "t_pkey"'
    assert failure == Failure("unique_violation", words)


@pytest.mark.parametrize("name", ["unique_violation", "23505"])
def test_an_error_may_be_allowed_by_name_and_by_sqlstate(url: str, name: str) -> None:
    operation = _operation("INSERT INTO t VALUES (1, 'x')", expect=Expect(error=(name,)))
    assert outcome(open_target(url), operation) is None


# -- transactions ---------------------------------------------------------------------------------


def test_a_transaction_is_committed(url: str) -> None:
    operation = _transaction("UPDATE t SET v = :v WHERE id = 1", "DELETE FROM t WHERE id = :id")
    assert outcome(open_target(url), operation, "new", 2) is None
    assert _execute(url, "SELECT * FROM t ORDER BY id") == [(1, "new"), (3, "c")]


def test_a_transaction_that_fails_is_undone_and_the_channel_goes_on(url: str) -> None:
    operations = (
        bound(_transaction("UPDATE t SET v = 'z' WHERE id = 1", "INSERT INTO t VALUES (3, 'x')")),
        bound(_transaction("UPDATE t SET v = 'y' WHERE id = 2")),
    )
    with session_of(open_target(url), *operations) as session, channel_of(session) as channel:
        failure = perform(session, channel, session.operations[0])
        assert failure is not None
        assert failure.error_class == "unique_violation"
        assert perform(session, channel, session.operations[1]) is None
    assert _execute(url, "SELECT v FROM t ORDER BY id") == [("a",), ("y",), ("c",)]


def test_a_transaction_has_the_isolation_that_was_asked_for(url: str) -> None:
    show = Statement(sql="SHOW transaction_isolation", expect=Expect(value="serializable"))
    operation = Operation(name="o", transaction=(show,), isolation="serializable")
    assert outcome(open_target(url), operation) is None


def test_two_transactions_in_conflict_may_be_tried_again(url: str) -> None:
    texts = "SELECT sum(length(v)) FROM t", "UPDATE t SET v = v || 'x' WHERE id = 1"
    operation = bound(_transaction(*texts, isolation="serializable"))
    with (
        session_of(open_target(url), operation) as session,
        channel_of(session) as one,
        channel_of(session) as other,
    ):
        compiled = session.operations[0]
        begin, read, *_ = compiled.make()
        for request in (begin, read):
            answer(session, one, request)
        assert perform(session, other, compiled) is None
        failure = compiled.judges[2](answer(session, one, compiled.make()[2]))
    assert failure is not None
    assert failure.error_class == "serialization_failure"
    assert failure.retryable


def test_an_error_that_is_all_right_ends_the_transaction_without_a_failure(url: str) -> None:
    doomed = Statement(
        sql="INSERT INTO t VALUES (1, 'x')", expect=Expect(error=("unique_violation",))
    )
    operation = Operation(name="o", transaction=(doomed, Statement(sql="DELETE FROM t")))
    assert outcome(open_target(url), operation) is None
    assert len(_execute(url, "SELECT * FROM t")) == 3


# -- checks and setup -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT nope FROM t", 'column "nope" does not exist'),
        ("SELECT vv FROM t", 'Perhaps you meant to reference the column "t.v"'),
        ("SELECT * FROM nope", 'relation "nope" does not exist'),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("COMMIT", "perfkit's own"),
        ("COPY t TO STDOUT", "COPY"),
        ("SELECT v FROM t WHERE id = :id + 'x'::text", "operator does not exist"),
    ],
)
def test_a_check_gives_the_servers_words(url: str, text: str, words: str) -> None:
    ((_, found),) = workload_of(open_target(url)).check([_operation(text)])
    assert words in found


def test_a_check_looks_at_every_statement_of_a_transaction_and_tells_one(url: str) -> None:
    operation = _transaction("SELECT v FROM t WHERE id = :id", "SELECT nope", "SELECT nope")
    assert len(workload_of(open_target(url)).check([operation])) == 1


def test_a_table_that_someone_holds_locked_is_no_mistake_of_the_scenario(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfkit.backends.postgres.workload.LOCK_WAIT_S", 1)
    workload = workload_of(open_target(url))
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE t")
        with pytest.raises(TargetError, match="lock timeout"):
            workload.check([_operation("SELECT v FROM t")])


def test_setup_statements_may_be_several_in_a_text_and_need_no_transaction(url: str) -> None:
    texts = ["INSERT INTO t VALUES (4, 'd'); INSERT INTO t VALUES (5, 'e')", "VACUUM t"]
    workload_of(open_target(url)).run_statements(texts)
    assert _execute(url, "SELECT count(*) FROM t") == [(5,)]


def test_a_percent_sign_in_a_setup_statement_is_a_percent_sign(url: str) -> None:
    workload_of(open_target(url)).run_statements(["DELETE FROM t WHERE v LIKE 'a%'"])
    assert _execute(url, "SELECT count(*) FROM t") == [(2,)]


def test_a_failing_setup_statement_is_told_by_its_number(url: str) -> None:
    with pytest.raises(TargetError, match=r'statement 2 failed: relation "nope"'):
        workload_of(open_target(url)).run_statements(["SELECT 1", "DELETE FROM nope"])


def test_a_statement_that_can_not_be_prepared_any_more_refuses_the_channel(url: str) -> None:
    with (
        session_of(open_target(url), bound(_operation("SELECT * FROM nope"))) as session,
        pytest.raises(TargetError, match='relation "nope" does not exist'),
    ):
        session.open()


# -- connections ----------------------------------------------------------------------------------


def _refusal(url: str) -> TargetError:
    with pytest.raises(TargetError) as refusal:
        open_target(url)
    return refusal.value


def _with(url: str, **parts: str) -> str:
    return urlsplit(url)._replace(**parts).geturl()


def test_refusals_are_sentences_with_what_to_do(url: str, postgres: Server) -> None:
    at = f"127.0.0.1:{postgres.port}"
    cases = {
        url.replace("s3cret-pw", "guess"): f"{at} refuses user 'perfkit' or the password",
        url.replace(":s3cret-pw", ""): f"{at} asks for a password",
        _with(url, path="/nowhere"): f"there is no database 'nowhere' on {at}",
        url.replace(str(postgres.port), "1"): "127.0.0.1:1 refuses the connection",
        "postgresql://x@nowhere.invalid/x": "there is no host 'nowhere.invalid'",
        "postgresql://x@/x?host=/nowhere": "there is no PostgreSQL on the socket /nowhere",
        f"{url}?sslmode=require": f"{at} speaks no TLS",
    }
    for bad, sentence in cases.items():
        error = _refusal(bad)
        assert str(error) == sentence
        assert error.hint


def test_a_server_that_does_not_answer_is_told_in_time(private_postgres: StartServer) -> None:
    server = private_postgres()
    server.pause()
    begun = time.monotonic()
    error = _refusal(f"{server.url}?connect_timeout=2")
    assert str(error) == f"127.0.0.1:{server.port} does not answer in time"
    assert time.monotonic() - begun < 6
    server.resume()


def test_too_many_connections_are_told_with_the_limit(private_postgres: StartServer) -> None:
    server = private_postgres(
        settings={"max_connections": "6", "superuser_reserved_connections": "0"}
    )
    target = open_target(server.url)
    with session_of(target) as session:
        channels = [session.open() for _ in range(6)]
        with pytest.raises(TargetError, match=r"all its 6 \(max_connections\)") as refusal:
            session.open()
        for channel in channels:
            channel.close()
    assert "load.connections" in (refusal.value.hint or "")


@pytest.mark.parametrize("query", ["?nonsense=1", "?sslmode"])
def test_an_unknown_parameter_is_a_usage_error(url: str, query: str) -> None:
    with pytest.raises(UsageError, match="no PostgreSQL URL") as refusal:
        open_target(url + query)
    assert "s3cret-pw" not in f"{refusal.value} {refusal.value.hint}"


def test_a_password_as_a_parameter_stays_hidden(postgres: Server) -> None:
    url = f"postgresql://127.0.0.1:{postgres.port}/perfkit?user=perfkit&password=s3cret-pw"
    assert "s3cret-pw" not in repr(open_target(url))
    assert "s3cret-pw" not in str(_refusal(url.replace("/perfkit", "/nowhere")))


def test_the_server_knows_perfkit_by_name(url: str) -> None:
    operation = _operation("SHOW application_name", expect=Expect(value="perfkit"))
    assert outcome(open_target(url), operation) is None
    named = f"{url}?application_name=mine"
    mine = operation.model_copy(update={"expect": Expect(value="mine")})
    assert outcome(open_target(named), mine) is None


def test_a_socket_is_local_and_its_url_is_shown(postgres: Server) -> None:
    url = f"postgresql://perfkit:s3cret-pw@/perfkit?host={postgres.folder}&port={postgres.port}"
    target = open_target(url)
    assert target.local
    assert target.host == str(postgres.folder)
    assert target.info.url == url.replace("s3cret-pw", "***")


def test_tls_connections_carry_the_load(private_postgres: StartServer) -> None:
    server = private_postgres(tls=True)
    operation = _operation(
        "SELECT repeat('x', 100000), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl",
        expect=Expect(rows=1),
    )
    assert outcome(open_target(server.url), operation) is None


def test_the_server_process_is_found_on_this_machine(postgres: Server) -> None:
    metrics = open_target(postgres.url).metrics
    assert getattr(metrics, "server_pid", None) == postgres.pid


def test_settings_that_matter_are_told(url: str) -> None:
    settings = open_target(url).info.settings
    assert settings["fsync"] == "off"
    assert settings["max_connections"] == "100"


@contextmanager
def _terminated(url: str) -> Iterator[None]:
    yield
    _execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'perfkit'",
    )


def test_a_terminated_connection_is_told_in_the_servers_words(url: str) -> None:
    with session_of(open_target(url), bound(_operation("SELECT pg_sleep(60)"))) as session:
        channel = session.open()
        session.poller.register(channel.key, 1)
        with _terminated(url):
            start(session, channel, session.operations[0].make())
        with pytest.raises(ConnectionLostError, match="terminating connection"):
            _receive_for_ever(session, channel)
        session.poller.unregister(channel.key)
        channel.close()


def _receive_for_ever(session: Session, channel: Any) -> None:
    for _ in range(100):
        session.poller.wait(100_000_000)
        channel.receive()


def test_abandoning_many_at_once_cancels_all_of_them(url: str) -> None:
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
    with session_of(open_target(url), bound(_operation("SELECT pg_sleep(60)"))) as session:
        channels = [session.open() for _ in range(20)]
        for channel in channels:
            channel.send(session.operations[0].make())
        for channel in channels:
            channel.abandon()
    assert _becomes(url, sleeping, 0)


def _becomes(url: str, statement: str, value: int) -> bool:
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        if _execute(url, statement) == [(value,)]:
            return True
        time.sleep(0.05)
    return False
