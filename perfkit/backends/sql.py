"""What the SQL backends share: reading statements, judging replies, and defining tables.

Statements are read only as far as caution needs it: what stands in quotes or comments is blanked,
and the words that are left say whether a statement writes or meddles with transactions. In doubt a
statement writes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfkit.backends.base import Failure, Judge
from perfkit.backends.datasets import ColumnType, Table
from perfkit.backends.expect import (
    forgiven,
    rows_test,
    unexpected_rows,
    unexpected_value,
    value_test,
)
from perfkit.backends.forms import NOT_CODE, batch_problem, prepared_texts, spellings
from perfkit.errors import UsageError
from perfkit.scenario import Expect, Operation, SetupStatement, Statement

_WORD = re.compile(r"[a-z_]\w*")
_READS = frozenset({"select", "values", "table", "show", "with", "explain"})
# Any of these as a bare word in a statement that begins like a read makes it a write: CTEs that
# modify data, SELECT … INTO, EXPLAIN ANALYZE of a write, and functions known for what they change.
_CHANGES = frozenset({
    "insert", "update", "delete", "merge", "into", "execute", "create",
    "nextval", "setval", "dblink", "dblink_exec", "lo_create", "lo_import", "lo_unlink", "lo_put",
    "pg_terminate_backend", "pg_cancel_backend", "pg_notify", "set_config", "load_extension",
    "pg_switch_wal", "pg_stat_reset", "pg_stat_statements_reset", "pg_reload_conf",
})  # fmt: skip
# A function that is not known here may do anything. Quoted names are blanked: "." stands for one.
# The columns of a common table expression, name (a, b) AS (…), are no call.
_CALLED = re.compile(r"([\w.]+)\s*\((?![\w\s,]*\)\s*as\s+(?:(?:not\s+)?materialized\s*)?\()")
_PURE = frozenset(
    """
    abs age array_agg array_length array_to_json avg bm25 btrim cardinality ceil ceiling char_length
    coalesce concat concat_ws convert_from count cume_dist current_setting date date_bin date_part
    date_trunc datetime decode dense_rank encode every exp extract first_value floor format
    generate_series glob greatest group_concat hex highlight ifnull iif instr json json_agg
    json_array json_array_length json_build_array json_build_object json_each json_extract
    json_object json_tree json_type jsonb_agg jsonb_array_elements jsonb_array_length
    jsonb_build_object jsonb_each jsonb_path_exists jsonb_path_query julianday lag last_value lead
    least left length like ln log lower lpad ltrim make_interval max md5 min mod now nth_value ntile
    nullif octet_length overlay percent_rank percentile_cont percentile_disc pg_sleep
    phraseto_tsquery plainto_tsquery position power printf random rank regexp_match regexp_matches
    regexp_replace repeat replace reverse right round row row_number row_to_json rpad rtrim sign
    similarity snippet split_part sqrt stddev strftime string_agg string_to_array strpos substr
    substring sum time to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery
    to_tsvector total translate trim trunc ts_headline ts_rank ts_rank_cd typeof unicode unixepoch
    unnest upper variance websearch_to_tsquery width_bucket word_similarity
    """.split()  # noqa: SIM905  a word list is easier to read and to keep in order than a tuple
)
_BEFORE_BRACKETS = frozenset(
    """
    all and any array as between by case cast distinct else except exists filter from full group
    having in inner intersect interval is join lateral left like limit materialized not numeric
    decimal varchar char bit on or order outer over partition recursive returning right rollup cube
    sets select some table then union using values when where window with within
    """.split()  # noqa: SIM905  as above
)
_LOCKING = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b")
_RUNS_IT = frozenset({"analyze", "analyse"})  # EXPLAIN ANALYZE executes what it explains
_TRANSACTION = frozenset({"begin", "start", "commit", "end", "rollback", "abort", "prepare"})
_TO_SAVEPOINT = re.compile(r"rollback\s+(?:(?:work|transaction)\s+)?to\b")
_WITHIN_TRANSACTION = frozenset({"savepoint", "release"})


def _code(sql: str) -> str:
    """The statement in small letters without comments, and with quoted text and names blanked."""
    return NOT_CODE.sub(" ", sql).lower()


def commands(sql: str) -> list[str]:
    """The commands in a text that may hold several, as code: quotes blanked, no comments."""
    return [part for part in map(str.strip, _code(sql).split(";")) if part]


def command(sql: str) -> str:
    """The first word of a statement, in small letters; "" where there is none."""
    word = _WORD.search(_code(sql))
    return word[0] if word else ""


def reads_only(sql: str) -> bool:
    """Is this certain to change no data? Row locks change none."""
    return all(_reads_only(code) for code in commands(sql))


def _reads_only(code: str) -> bool:
    words = _WORD.findall(_LOCKING.sub(" ", code))
    if words[:1] == ["explain"] and _RUNS_IT.isdisjoint(words):
        return True
    if words[:1] == [] or words[0] not in _READS or not _CHANGES.isdisjoint(words):
        return False
    return all(name in _PURE or name in _BEFORE_BRACKETS for name in _CALLED.findall(code))


def statements(operation: Operation) -> tuple[Statement, ...]:
    """The operation's statements; one, with the operation's `expect`, where there is just one."""
    if operation.sql is not None:
        return (Statement(sql=operation.sql, expect=operation.expect),)
    return operation.transaction or operation.statements or ()


def writes(operation: Operation) -> bool:
    """Would this operation change data? In doubt, yes."""
    try:
        texts = [text for each in statements(operation) for text in spellings(each.sql, operation)]
    except ValueError:
        return True  # of a choice of words that can't be
    return not texts or not all(map(reads_only, texts))


def check_texts(operation: Operation, sign: str) -> list[tuple[str, int]]:
    """Every statement as it would be prepared, in all its forms, with the number of its values.

    `sign` stands before the number of a value.
    """
    return [
        form for each in statements(operation) for form in prepared_texts(each.sql, operation, sign)
    ]


def problem(operation: Operation, backend: str, most_values: int) -> str | None:
    """Why a SQL backend can't run this operation at all, found without asking a server.

    `most_values` is how many values it takes with one statement.
    """
    if operation.mongo is not None:
        return f"a MongoDB command can't run on {backend}: write `sql`"
    if operation.redis is not None:
        return f"a Redis command can't run on {backend}: write `sql`"
    if operation.sql is None and (
        operation.expect.rows is not None or value_test(operation.expect)
    ):
        several = "transaction" if operation.transaction else "`statements`"
        return f"`expect` of rows or a value belongs to a statement of the {several}"
    try:
        problems = [
            _statement_problem(text, each.expect, framed=operation.transaction is not None)
            for each in statements(operation)
            for text in spellings(each.sql, operation)
        ]
        found = next((words for words in problems if words), None)
        return found or batch_problem(operation, most_values)
    except ValueError as error:
        return str(error)


def _statement_problem(text: str, expect: Expect, *, framed: bool) -> str | None:
    """Why a statement can't be run. ValueError for an `expect` that can't be read."""
    found = commands(text)
    if not found:
        return "there is no statement in it"
    if len(found) > 1:
        return (
            f"{len(found)} statements in one text: write them as a `transaction`, one in each entry"
        )
    first = command(found[0])
    if first in _WITHIN_TRANSACTION and not framed:
        return "a savepoint belongs into a `transaction`"
    if first in _TRANSACTION and not _TO_SAVEPOINT.match(found[0]):
        return (
            f"{first.upper()} is perfkit's own: it begins and ends a `transaction` by itself, "
            "so write only the statements in between"
        )
    if first == "copy":
        return "COPY can't be an operation: write INSERT or SELECT"
    rows_test(expect)
    return None


def setup_texts(setup: Sequence[SetupStatement], backend: str) -> Sequence[str]:
    """The setup or teardown statements of a SQL backend. UsageError when one is no text."""
    texts = [statement for statement in setup if isinstance(statement, str)]
    if len(texts) < len(setup):
        stranger = next(statement for statement in setup if not isinstance(statement, str))
        raise UsageError(f"{stranger!r} is no SQL statement", hint=f"{backend} takes SQL as text")
    return texts


def judge_of(
    expect: Expect,
    failure_of: Callable[[Any], Failure | None],
    count: Callable[[Any], int],
    first_value: Callable[[Any], Any],
) -> Judge:
    """The judge that `expect` asks for; `failure_of` alone where it asks for nothing.

    `failure_of` says what the server has against it, `count` and `first_value` read a good reply.
    """
    rows_right, value_right = rows_test(expect), value_test(expect)

    def judge(reply: Any) -> Failure | None:
        failure = failure_of(reply)
        if failure is not None:
            return forgiven(expect, failure)
        if rows_right is not None and not rows_right(rows := count(reply)):
            return forgiven(expect, unexpected_rows(expect, rows))
        if value_right is not None:
            return _judge_value(reply)
        return None

    def _judge_value(reply: Any) -> Failure | None:
        assert value_right is not None
        if count(reply) == 0:
            return Failure("unexpected", f"expected the value {expect.value!r}, got no row")
        seen = first_value(reply)
        return None if value_right(seen) else unexpected_value(expect, seen)

    asks = expect.error or rows_right is not None or value_right is not None
    return judge if asks else failure_of


# -- datasets -------------------------------------------------------------------------------------


def column_lines(table: Table, types: Mapping[ColumnType, str]) -> list[str]:
    """The column definitions of CREATE TABLE in a dialect with these types, without the key."""
    return [
        f"{column.name} {column.declared or f'{types[column.type]} NOT NULL'}"
        for column in table.columns
    ]


def index_statements(table: Table) -> list[str]:
    """CREATE INDEX for each secondary index."""
    return [
        f"CREATE INDEX {name} ON {table.name} ({', '.join(columns)})"
        for name, columns in table.indexes.items()
    ]
