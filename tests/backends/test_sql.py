"""What the SQL backends read out of statements, and how they judge replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends import sql
from perfkit.backends.base import Failure
from perfkit.errors import UsageError
from perfkit.scenario import Expect, Operation, Statement

MOST_VALUES = 100
READS = [
    "SELECT 1",
    "  select v from kv where id = :id ;  ",
    "VALUES (1), (2)",
    "TABLE kv",
    "SHOW work_mem",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "EXPLAIN SELECT 1",
    "EXPLAIN DELETE FROM kv",
    "SELECT v FROM kv FOR UPDATE",
    "SELECT v FROM kv FOR NO KEY UPDATE SKIP LOCKED",
    "SELECT 'delete from kv; insert into kv'",
    'SELECT "update" FROM kv',
    "SELECT 1 -- ; DELETE FROM kv",
    "SELECT /* update */ 1",
    "SELECT $$ insert $$",
    "SELECT E'it\\'s' || ' ; delete'",
    "SELECT last_update FROM kv",
    "SELECT replace(v, 'a', 'b') FROM kv",
]
WRITES = [
    "INSERT INTO kv VALUES (1)",
    "update kv set v = 1",
    "DELETE FROM kv",
    "MERGE INTO kv USING x ON true WHEN MATCHED THEN DO NOTHING",
    "REPLACE INTO kv VALUES (1)",
    "WITH gone AS (DELETE FROM kv RETURNING *) SELECT * FROM gone",
    "WITH x AS (SELECT 1) INSERT INTO kv SELECT * FROM x",
    "SELECT * INTO copy FROM kv",
    "EXPLAIN ANALYZE DELETE FROM kv",
    "EXPLAIN (ANALYZE, BUFFERS) UPDATE kv SET v = 1",
    "SELECT nextval('s')",
    "CREATE TABLE x (i int)",
    "TRUNCATE kv",
    "CALL p()",
    "DO $$ BEGIN END $$",
    "PRAGMA journal_mode = wal",
    "VACUUM",
    "/* SELECT */ DELETE FROM kv",
    "SELECT '' ; DELETE FROM kv",
    "/* /* */ DELETE FROM kv -- */",
]


@pytest.mark.parametrize("text", READS)
def test_a_read_is_known_as_one(text: str) -> None:
    assert not sql.writes(Operation(name="o", sql=text))


@pytest.mark.parametrize("text", WRITES)
def test_whatever_may_write_counts_as_writing(text: str) -> None:
    assert sql.writes(Operation(name="o", sql=text))


@pytest.mark.parametrize("text", WRITES)
def test_one_write_makes_a_transaction_write(text: str) -> None:
    statements = (Statement(sql="SELECT 1"), Statement(sql=text))
    assert sql.writes(Operation(name="o", transaction=statements))


def test_an_operation_of_another_backend_counts_as_writing() -> None:
    assert sql.writes(Operation(name="o", redis=(("GET", "x"),)))


@given(st.text(alphabet="sdeltinr'\"$-/*;\n\\ E()", max_size=60))
def test_reading_any_text_at_all_ends_without_an_error(text: str) -> None:
    operation = Operation(name="o", sql=text)
    sql.writes(operation)
    sql.problem(operation, "PostgreSQL", MOST_VALUES)


def _problem(text: str, **more: object) -> str | None:
    return sql.problem(
        Operation.model_validate({"name": "o", "sql": text, **more}), "SQLite", MOST_VALUES
    )


def test_sound_statements_have_no_problem() -> None:
    for text in [*READS, *WRITES]:
        if ";" not in sql._code(text).strip(" ;"):
            assert _problem(text) is None, text


@pytest.mark.parametrize(
    "text",
    ["BEGIN", "start transaction", "COMMIT", "/* x */ rollback", "END", "PREPARE TRANSACTION 'x'"],
)
def test_transaction_control_is_refused_with_what_to_write_instead(text: str) -> None:
    words = _problem(text)
    assert words is not None
    assert "transaction" in words


def test_a_savepoint_is_for_transactions_only() -> None:
    assert _problem("SAVEPOINT s")
    texts = ("SAVEPOINT s", "SELECT 1", "ROLLBACK TO s", "ROLLBACK TRANSACTION TO s", "RELEASE s")
    statements = tuple(Statement(sql=text) for text in texts)
    assert sql.problem(Operation(name="o", transaction=statements), "SQLite", MOST_VALUES) is None


def test_several_statements_in_one_text_are_refused() -> None:
    assert "2 statements" in (_problem("SELECT 1; SELECT 2") or "")
    assert _problem("SELECT ';'; -- ;") is None


def test_no_statement_is_refused() -> None:
    assert _problem("  -- nothing") == "there is no statement in it"


def test_copy_is_refused() -> None:
    assert "COPY" in (_problem("COPY kv TO STDOUT") or "")


def test_an_unreadable_number_of_rows_is_refused() -> None:
    assert "'many'" in (_problem("SELECT 1", expect={"rows": "many"}) or "")


def test_a_transaction_expects_rows_of_its_statements_not_as_a_whole() -> None:
    operation = Operation(name="o", transaction=(Statement(sql="SELECT 1"),), expect=Expect(rows=1))
    assert "statement of the transaction" in (sql.problem(operation, "SQLite", MOST_VALUES) or "")


def test_statements_in_turn_are_read_one_by_one() -> None:
    statements = Statement(sql="SELECT 1"), Statement(sql="DELETE FROM kv")
    assert sql.writes(Operation(name="o", statements=statements))
    assert not sql.writes(Operation(name="o", statements=statements[:1]))
    framed = Operation(name="o", statements=(Statement(sql="SELECT 1"), Statement(sql="COMMIT")))
    assert "COMMIT" in (sql.problem(framed, "SQLite", MOST_VALUES) or "")
    expecting = Operation(name="o", statements=statements, expect=Expect(rows=1))
    assert "`statements`" in (sql.problem(expecting, "SQLite", MOST_VALUES) or "")


def test_operations_of_other_backends_are_refused_by_name() -> None:
    redis = Operation(name="o", redis=(("GET", "x"),))
    mongo = Operation(name="o", mongo={"find": "kv"})
    assert "Redis" in (sql.problem(redis, "SQLite", MOST_VALUES) or "")
    assert "MongoDB" in (sql.problem(mongo, "SQLite", MOST_VALUES) or "")


def test_setup_that_is_no_text_is_a_usage_error() -> None:
    assert sql.setup_texts(["SELECT 1"], "SQLite") == ["SELECT 1"]
    with pytest.raises(UsageError, match="SET"):
        sql.setup_texts(["SELECT 1", ["SET", "a", 1]], "SQLite")


# -- judging --------------------------------------------------------------------------------------


def _judge(expect: Expect, reply: object) -> Failure | None:
    judge = sql.judge_of(
        expect,
        lambda seen: seen if isinstance(seen, Failure) else None,
        len,
        lambda rows: rows[0][0],
    )
    return judge(reply)


def test_the_first_value_is_judged() -> None:
    assert _judge(Expect(value=5), [("5",)]) is None
    failure = _judge(Expect(value=5), [("6",)])
    assert failure == Failure("unexpected", "expected the value 5, got '6'")


def test_a_value_that_is_expected_needs_a_row() -> None:
    failure = _judge(Expect(value=5), [])
    assert failure == Failure("unexpected", "expected the value 5, got no row")


def test_unexpected_may_be_all_right_too() -> None:
    expect = Expect(rows=2, error=("unexpected",))
    assert _judge(expect, [(1,)]) is None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT delete_everything()",
        "SELECT myschema.purge(:id)",
        "SELECT pg_catalog.\"nextval\"('s')",
        "SELECT count(*), query_to_xml('delete from t', true, true, '') FROM t",
        "WITH a AS (SELECT purge(1)) SELECT * FROM a",
    ],
)
def test_a_function_that_is_not_known_may_write(text: str) -> None:
    assert not sql.reads_only(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*), lower(name) FROM t WHERE id IN (1, 2) GROUP BY lower(name)",
        "SELECT sum(a) FILTER (WHERE b > 0) OVER (PARTITION BY c) FROM t",
        "WITH a (x) AS (SELECT 1), b AS MATERIALIZED (SELECT 2) SELECT * FROM a JOIN b USING (x)",
        "SELECT cast(a AS numeric(10, 2)) FROM t WHERE EXISTS (SELECT 1 FROM u)",
        "SELECT id FROM documents, plainto_tsquery('english', :word) AS query WHERE search @@ query",
    ],
)
def test_known_functions_and_brackets_that_call_nothing_are_reads(text: str) -> None:
    assert sql.reads_only(text)
