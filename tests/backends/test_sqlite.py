"""SQLite: its URL, its files, its time limits and locks; what all backends share is in tests/contract."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from perfkit.backends import open_target, sql
from perfkit.backends.base import Failure, need
from perfkit.backends.sqlite.connection import parse_url
from perfkit.errors import TargetError, UsageError
from perfkit.scenario import Data, Expect, Operation, Statement
from tests.contract.driving import (
    bound,
    channel_of,
    outcome,
    perform,
    session_of,
    workload_of,
)
from tests.contract.examples import ENDLESS

MS = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def table(path: Path) -> Path:
    """A database with a table t (id, v) of three rows."""
    _script(
        path,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE);"
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    )
    return path


def _script(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


def _rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def _url(path: Path, query: str = "") -> str:
    return f"sqlite:///{path}{query}"


def _operation(text: str, **more: Any) -> Operation:
    return Operation(name="o", sql=text, **more)


def _transaction(*texts: str, **more: Any) -> Operation:
    statements = tuple(Statement(sql=text) for text in texts)
    return Operation(name="o", transaction=statements, **more)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


# -- the URL --------------------------------------------------------------------------------------


def test_three_slashes_are_relative_and_four_absolute(tmp_path: Path) -> None:
    assert parse_url("sqlite:///some.db").path == Path("some.db")
    assert parse_url(f"sqlite:///{tmp_path}/a%20b.db").path == tmp_path / "a b.db"


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://", "sqlite:///"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="memory"):
        parse_url(url)


@pytest.mark.parametrize("url", ["sqlite://host/x.db", "sqlite:///x.db#y", "sqlite://user:pw@h/x"])
def test_a_host_means_nothing_to_sqlite(url: str) -> None:
    with pytest.raises(UsageError, match="no SQLite URL") as refusal:
        parse_url(url)
    assert "pw@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?journal=wal", "unknown pragma 'journal'"),
        ("?journal_mode=fast", "one of delete"),
        ("?cache_size=lots", "cache_size"),
        ("?mmap_size=1QB", "mmap_size"),
        ("?busy_timeout=soon", "busy_timeout"),
        ("?synchronous=1;DROP TABLE t", "synchronous"),
    ],
)
def test_a_bad_parameter_is_named(path: Path, query: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_url(_url(path, query))


def test_parameters_are_pragmas_of_each_connection(table: Path) -> None:
    url = _url(
        table, "?journal_mode=wal&synchronous=off&cache_size=-4000&mmap_size=1MiB&busy_timeout=2s"
    )
    settings = open_target(url).info.settings
    assert settings["journal_mode"] == "wal"
    assert settings["synchronous"] == 0
    assert settings["cache_size"] == -4000
    assert settings["mmap_size"] == 2**20
    assert settings["busy_timeout"] == 2000
    for pragma, value in (("synchronous", 0), ("cache_size", -4000), ("busy_timeout", 2000)):
        operation = _operation(f"PRAGMA {pragma}", expect=Expect(value=value))
        assert outcome(open_target(url), operation) is None


def test_page_size_and_wal_of_a_new_file_go_together(path: Path) -> None:
    target = open_target(_url(path, "?journal_mode=wal&page_size=8KiB"))
    workload_of(target).run_statements(["CREATE TABLE t (i)"])
    assert _rows(path, "PRAGMA page_size") == [(8192,)]
    assert _rows(path, "PRAGMA journal_mode") == [("wal",)]


# -- the file -------------------------------------------------------------------------------------


def test_opening_does_not_make_the_file(path: Path) -> None:
    target = open_target(_url(path))
    assert target.info.server_version == sqlite3.sqlite_version
    assert not path.exists()


def test_a_file_that_nothing_makes_is_an_error_with_its_path(path: Path) -> None:
    target = open_target(_url(path))
    with pytest.raises(TargetError, match=r"app\.db"):
        workload_of(target).check([_operation("SELECT 1")])
    with session_of(target) as session, pytest.raises(TargetError, match=r"app\.db"):
        session.open()
    assert not path.exists()


def test_setup_statements_make_the_file(path: Path) -> None:
    workload_of(open_target(_url(path))).run_statements(
        ["CREATE TABLE t (i); INSERT INTO t VALUES (1)"]
    )
    assert _rows(path, "SELECT i FROM t") == [(1,)]


def test_no_teardown_statements_make_no_file(path: Path) -> None:
    workload = workload_of(open_target(_url(path)))
    workload.run_statements([])
    workload.drop_data(Data(use="kv"))
    assert not path.exists()


def test_a_file_made_for_a_dataset_goes_with_it(path: Path) -> None:
    workload = workload_of(open_target(_url(path, "?journal_mode=wal")))
    workload.make_data(Data(use="documents", rows=10))
    workload.drop_data(Data(use="documents", rows=10))
    assert list(path.parent.iterdir()) == []


def test_a_file_that_holds_more_than_the_dataset_stays(path: Path) -> None:
    workload = workload_of(open_target(_url(path)))
    workload.make_data(Data(use="kv", rows=10))
    _script(path, "CREATE TABLE mine (i)")
    workload.drop_data(Data(use="kv", rows=10))
    assert _rows(path, "SELECT name FROM sqlite_master") == [("mine",)]


def test_an_empty_file_that_was_there_before_stays(path: Path) -> None:
    path.touch()
    workload = workload_of(open_target(_url(path)))
    workload.make_data(Data(use="kv", rows=10))
    workload.drop_data(Data(use="kv", rows=10))
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere/app.db", "no folder"), (".", "is a folder"), ("text.db", "no SQLite")],
)
def test_what_is_no_database_is_told(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "text.db").write_text("This is no database at all. " * 100)
    with pytest.raises(TargetError, match=words):
        open_target(f"sqlite:///{tmp_path}/{name}")


def test_a_locked_database_is_told_with_what_to_do(table: Path) -> None:
    with _locked(table), pytest.raises(TargetError, match="locked") as refusal:
        open_target(_url(table, "?busy_timeout=10ms"))
    assert "busy_timeout" in (refusal.value.hint or "")


def test_a_journal_mode_that_can_not_be_had_is_told(table: Path) -> None:
    with closing(sqlite3.connect(table, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = wal")
        other.execute("SELECT * FROM t").fetchone()
        with pytest.raises(TargetError, match=r"locked|stays wal"):
            open_target(_url(table, "?journal_mode=delete&busy_timeout=10ms"))


# -- datasets -------------------------------------------------------------------------------------


def test_documents_can_be_searched_also_after_they_changed(path: Path) -> None:
    target = open_target(_url(path))
    workload_of(target).make_data(Data(use="documents", rows=200, value_size=300))
    search = _operation(
        "SELECT d.id FROM documents_fts f JOIN documents d ON d.id = f.rowid"
        " WHERE documents_fts MATCH :word ORDER BY rank LIMIT 10"
    )
    for word, rows in (("data", 10), ("xyzzy", 0)):
        expected = search.model_copy(update={"expect": Expect(rows=rows)})
        assert outcome(target, expected, word) is None
    assert (
        outcome(target, _operation("UPDATE documents SET body = 'xyzzy' WHERE id = :id"), 7) is None
    )
    assert outcome(target, search.model_copy(update={"expect": Expect(value=7)}), "xyzzy") is None
    assert outcome(target, _operation("DELETE FROM documents WHERE id = :id"), 7) is None
    assert outcome(target, search.model_copy(update={"expect": Expect(rows=0)}), "xyzzy") is None


def test_timestamps_are_text_that_sqlite_can_compute_with(path: Path) -> None:
    workload_of(open_target(_url(path))).make_data(Data(use="orders", rows=20))
    rows = _rows(path, "SELECT created_at, datetime(created_at) FROM orders")
    assert all(stored == computed for stored, computed in rows)


def test_orders_are_indexed_by_customer(path: Path) -> None:
    workload_of(open_target(_url(path))).make_data(Data(use="orders", rows=20))
    plan = _rows(path, "EXPLAIN QUERY PLAN SELECT * FROM orders WHERE customer_id = 1")
    assert "orders_customer_id_created_at_idx" in plan[0][3]


def test_a_table_of_the_users_that_looks_like_an_index_of_ours_is_left_alone(path: Path) -> None:
    _script(path, "CREATE TABLE documents_fts (mine)")
    with pytest.raises(TargetError, match="documents_fts"):
        workload_of(open_target(_url(path))).make_data(Data(use="documents", rows=10))
    assert _rows(path, "SELECT name FROM sqlite_master") == [("documents_fts",)]


def test_a_table_in_the_place_of_one_that_perfkit_made_is_the_users(path: Path) -> None:
    workload = workload_of(open_target(_url(path)))
    workload.make_data(Data(use="kv", rows=10))
    _script(path, "DROP TABLE kv; CREATE TABLE kv (id INTEGER PRIMARY KEY, v TEXT)")
    workload.drop_data(Data(use="kv", rows=10))
    assert _rows(path, "SELECT name FROM sqlite_master") == [("kv",)]


def test_a_load_that_is_interrupted_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> list[str]:
        raise KeyboardInterrupt

    workload = workload_of(open_target(_url(path)))
    monkeypatch.setattr(sql, "index_statements", interrupt)  # after the rows, before the end
    with pytest.raises(KeyboardInterrupt):
        workload.make_data(Data(use="kv", rows=10))
    assert not path.exists()


# -- operations -----------------------------------------------------------------------------------


def test_a_statement_that_takes_too_long_is_stopped_at_its_limit(table: Path) -> None:
    begun = time.monotonic()
    failure = outcome(open_target(_url(table)), _operation(ENDLESS, timeout_ns=50 * MS))
    assert failure == Failure("timeout", "no answer within 50.0 ms")
    assert time.monotonic() - begun < 5


def test_each_operation_has_its_own_limit(table: Path) -> None:
    operations = (
        bound(_operation(ENDLESS, timeout_ns=20 * MS)),
        bound(_operation(f"{ENDLESS.replace('FROM n)', 'FROM n WHERE i < 300000)')}")),
    )
    with (
        session_of(open_target(_url(table)), *operations) as session,
        channel_of(session) as channel,
    ):
        for number, fails in ((0, True), (1, False), (0, True), (1, False)):
            failure = perform(session, channel, session.operations[number])
            assert (failure is not None) == fails


def test_waiting_for_a_lock_ends_at_the_limit_and_may_be_retried(table: Path) -> None:
    operation = bound(_operation("SELECT 1 FROM t", timeout_ns=50 * MS))
    with session_of(open_target(_url(table)), operation) as session, channel_of(session) as channel:
        begun = time.monotonic()
        with _locked(table):
            failure = perform(session, channel, session.operations[0])
        assert failure == Failure("SQLITE_BUSY", "database is locked", retryable=True)
        assert time.monotonic() - begun < 4
        assert perform(session, channel, session.operations[0]) is None


def test_rows_of_a_change_are_those_that_it_changed(table: Path) -> None:
    target = open_target(_url(table))
    expect = Expect(rows=2)
    assert (
        outcome(target, _operation("UPDATE t SET v = v || 'x' WHERE id < 3", expect=expect)) is None
    )
    returning = _operation("DELETE FROM t WHERE id < 3 RETURNING id", expect=expect)
    assert outcome(target, returning) is None
    assert outcome(target, _operation("DELETE FROM t WHERE id = 1", expect=Expect(rows=0))) is None


def test_one_name_used_twice_is_one_value(table: Path) -> None:
    operation = _operation("SELECT :a + :b * :a", expect=Expect(value=35))
    assert outcome(open_target(_url(table)), operation, 5, 6) is None


@pytest.mark.parametrize("value", [None, 1, 2.5, "text", b"\x00\xff", True])
def test_values_keep_their_types(table: Path, value: Any) -> None:
    kind = {type(None): "null", float: "real", str: "text", bytes: "blob"}.get(
        type(value), "integer"
    )
    operation = _operation("SELECT typeof(:a)", expect=Expect(value=kind))
    assert outcome(open_target(_url(table)), operation, value) is None


def test_a_number_too_large_for_sqlite_is_an_error_of_the_operation(table: Path) -> None:
    failure = outcome(open_target(_url(table)), _operation("SELECT :a"), 2**63)
    assert failure is not None
    assert failure.error_class == "OverflowError"


def test_a_text_that_utf_8_can_not_hold_is_an_error_of_the_operation(table: Path) -> None:
    operations = bound(_operation("SELECT :a"), "\ud800"), bound(_operation("SELECT 1"))
    with (
        session_of(open_target(_url(table)), *operations) as session,
        channel_of(session) as channel,
    ):
        failure = perform(session, channel, session.operations[0])
        assert failure is not None
        assert failure.error_class == "UnicodeEncodeError"
        assert perform(session, channel, session.operations[1]) is None


@pytest.mark.parametrize("text", ["SELECT 1;", "SELECT 1; -- done", "SELECT 1 /* one */ ; "])
def test_a_semicolon_at_the_end_is_no_second_statement(table: Path, text: str) -> None:
    target = open_target(_url(table))
    operation = _operation(text, expect=Expect(value=1))
    assert workload_of(target).check([operation]) == []
    assert outcome(target, operation) is None


def test_a_database_that_takes_no_writes_says_so(table: Path) -> None:
    target = open_target(_url(table, "?query_only=on"))
    failure = outcome(target, _operation("INSERT INTO t VALUES (9, 'z')"))
    assert failure is not None
    assert failure.error_class == "SQLITE_READONLY"
    with pytest.raises(TargetError, match="read-only") as refusal:
        workload_of(target).make_data(Data(use="kv", rows=10))
    assert refusal.value.hint


def test_a_transaction_that_meets_a_lock_may_be_retried_as_a_whole(table: Path) -> None:
    operation = bound(_transaction("UPDATE t SET v = 'z' WHERE id = 1", timeout_ns=50 * MS))
    with session_of(open_target(_url(table)), operation) as session, channel_of(session) as channel:
        with _locked(table):
            failure = perform(session, channel, session.operations[0])
        assert failure == Failure("SQLITE_BUSY", "database is locked", retryable=True)
        assert perform(session, channel, session.operations[0]) is None
    assert _rows(table, "SELECT v FROM t WHERE id = 1") == [("z",)]


@pytest.mark.parametrize("name", ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT"])
def test_a_primary_code_covers_its_extended_codes(table: Path, name: str) -> None:
    operation = _operation("INSERT INTO t VALUES (9, 'a')", expect=Expect(error=(name,)))
    assert outcome(open_target(_url(table)), operation) is None


def test_another_code_is_not_covered(table: Path) -> None:
    expect = Expect(error=("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONS"))
    failure = outcome(
        open_target(_url(table)), _operation("INSERT INTO t VALUES (9, 'a')", expect=expect)
    )
    assert failure is not None
    assert failure.error_class == "SQLITE_CONSTRAINT_UNIQUE"


# -- transactions ---------------------------------------------------------------------------------


def test_a_transaction_is_committed(table: Path) -> None:
    operation = _transaction("UPDATE t SET v = :v WHERE id = 1", "DELETE FROM t WHERE id = :id")
    assert outcome(open_target(_url(table)), operation, "new", 2) is None
    assert _rows(table, "SELECT * FROM t") == [(1, "new"), (3, "c")]


def test_a_transaction_that_fails_is_undone_and_the_channel_goes_on(table: Path) -> None:
    operations = (
        bound(_transaction("UPDATE t SET v = 'z' WHERE id = 1", "INSERT INTO t VALUES (9, 'c')")),
        bound(_transaction("UPDATE t SET v = 'y' WHERE id = 2")),
    )
    with (
        session_of(open_target(_url(table)), *operations) as session,
        channel_of(session) as channel,
    ):
        failure = perform(session, channel, session.operations[0])
        assert failure is not None
        assert failure.error_class == "SQLITE_CONSTRAINT_UNIQUE"
        assert perform(session, channel, session.operations[1]) is None
    assert _rows(table, "SELECT v FROM t") == [("a",), ("y",), ("c",)]


def test_a_transaction_that_writes_takes_its_lock_first(table: Path) -> None:
    operation = _transaction("SELECT 1", "DELETE FROM t", timeout_ns=20 * MS)
    with closing(sqlite3.connect(table, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        failure = outcome(open_target(_url(table)), operation)
        assert failure is not None
        assert failure.retryable
        assert outcome(open_target(_url(table)), _transaction("SELECT v FROM t")) is None


def test_an_error_that_is_all_right_does_not_end_the_transaction(table: Path) -> None:
    operation = _transaction(
        "INSERT INTO t VALUES (9, 'c')",
        "UPDATE t SET v = 'new' WHERE id = 1",
        expect=Expect(error=("SQLITE_CONSTRAINT",)),
    )
    assert outcome(open_target(_url(table)), operation) is None
    assert _rows(table, "SELECT v FROM t WHERE id = 1") == [("new",)]


def test_closing_a_channel_rolls_back(table: Path) -> None:
    with session_of(open_target(_url(table)), bound(_transaction("DELETE FROM t"))) as session:
        channel = session.open()
        for request in session.operations[0].make()[:-1]:
            channel.send(request)
        channel.close()
    assert len(_rows(table, "SELECT * FROM t")) == 3


# -- checks and setup -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT nope FROM t", "no such column: nope"),
        ("SELECT * FROM nope", "no such table: nope"),
        ("SELECT count( FROM t", "syntax error"),
        ("EXPLAIN SELECT nope", "no such column"),
        ("BEGIN", "perfkit's own"),
    ],
)
def test_a_check_gives_sqlites_words(table: Path, text: str, words: str) -> None:
    ((_, found),) = workload_of(open_target(_url(table))).check([_operation(text)])
    assert words in found


def test_a_check_looks_at_every_statement_of_a_transaction(table: Path) -> None:
    operation = _transaction("SELECT v FROM t WHERE id = :id", "SELECT nope")
    assert len(workload_of(open_target(_url(table))).check([operation])) == 1


def test_checking_a_pragma_does_not_run_it(table: Path) -> None:
    workload_of(open_target(_url(table))).check([_operation("PRAGMA user_version = 7")])
    assert _rows(table, "PRAGMA user_version") == [(0,)]


def test_a_failing_setup_statement_is_told_by_its_number(table: Path) -> None:
    with pytest.raises(TargetError, match=r"statement 2 failed.*nope"):
        workload_of(open_target(_url(table))).run_statements(["SELECT 1", "DELETE FROM nope"])


# -- metrics --------------------------------------------------------------------------------------


def test_metrics_follow_the_file_and_its_log(table: Path) -> None:
    target = open_target(_url(table, "?journal_mode=wal"))
    with need(target.metrics).open() as source, closing(sqlite3.connect(table)) as writer, writer:
        before = {metric.name: metric.value for metric in source.sample()}
        writer.execute("INSERT INTO t VALUES (4, zeroblob(100000))")
        writer.commit()
        after = {metric.name: metric.value for metric in source.sample()}
        assert after["sqlite_file_bytes"] == table.stat().st_size
        assert source.statements() == {}
    assert before["sqlite_wal_bytes"] == 0
    assert (after["sqlite_wal_bytes"] or 0) > 100_000
    assert (after["sqlite_page_count"] or 0) > (before["sqlite_page_count"] or 0)


def test_metrics_of_a_locked_file_are_a_target_error(table: Path) -> None:
    target = open_target(_url(table))
    with need(target.metrics).open() as source, _locked(table):
        begun = time.monotonic()
        with pytest.raises(TargetError, match="locked"):
            source.sample()
        assert time.monotonic() - begun < 4


def test_a_process_for_each_channel_up_to_a_limit(path: Path) -> None:
    workload = workload_of(open_target(_url(path)))
    assert workload.channel_per_worker
    assert workload.max_workers == 64
