"""What PostgreSQL says of itself, sampled from outside the load."""

import time
from collections.abc import Mapping

import psycopg
import pytest

from perfkit.backends import open_target
from perfkit.backends.base import MetricSource, need
from perfkit.errors import TargetError
from tests.servers.process import StartServer


def _values(source: MetricSource) -> Mapping[str, float | None]:
    return {metric.name: metric.value for metric in source.sample()}


def test_counters_grow_with_what_the_server_does(postgres_url: str) -> None:
    with need(open_target(postgres_url).metrics).open() as source:
        before = _values(source)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i")
        # The session's end reports what it did.
        assert _grows(source, before, "pg_stat_database_tup_inserted", 1000)
        assert _grows(source, before, "pg_stat_database_xact_commit", 1)
        assert _grows(source, before, "pg_wal_bytes", 1000)


def _grows(source: MetricSource, before: Mapping[str, float | None], name: str, by: float) -> bool:
    deadline_s = time.monotonic() + 5
    while time.monotonic() < deadline_s:
        if (_values(source)[name] or 0) >= (before[name] or 0) + by:
            return True
        time.sleep(0.05)
    return False


def test_sessions_are_those_of_others(postgres_url: str) -> None:
    metrics = need(open_target(postgres_url).metrics)
    with metrics.open() as source, psycopg.connect(postgres_url) as connection:
        assert _values(source)["pg_stat_activity_active"] == 0
        connection.execute("SELECT 1")
        values = _values(source)
    assert values["pg_stat_activity_idle_in_transaction"] == 1
    assert values["pg_stat_activity_waiting"] == 0


def test_statements_are_accounted_for_and_perfkits_own_are_left_out(postgres_url: str) -> None:
    with (
        need(open_target(postgres_url).metrics).open() as source,
        psycopg.connect(postgres_url, autocommit=True) as connection,
    ):
        for number in range(3):
            connection.execute("SELECT %s::int + 41", (number,))
        source.sample()
        statements = source.statements()
    texts = [statement.statement for statement in statements.values()]
    (found,) = [each for each in statements.values() if each.statement == "SELECT $1::int + $2"]
    assert found.calls == 3
    assert found.rows == 3
    assert found.mean_ms == pytest.approx(found.total_ms / 3)
    assert not [text for text in texts if "perfkit samples" in text]


def test_a_server_without_pg_stat_statements_has_no_statements(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP EXTENSION pg_stat_statements")
    with need(open_target(postgres_url).metrics).open() as source:
        assert source.statements() == {}


def test_a_user_who_may_see_little_still_gets_what_is_public(postgres_url: str) -> None:
    user = f"guest_{postgres_url.rpartition('/')[2]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE USER {user} PASSWORD 'guest-pw'".encode())
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC")
        try:
            guest = postgres_url.replace("perfkit:s3cret-pw", f"{user}:guest-pw")
            with need(open_target(guest).metrics).open() as source:
                values = _values(source)
                source.statements()
        finally:
            connection.execute(f"DROP USER {user}".encode())
    assert values["pg_stat_database_xact_commit"] is not None
    assert "pg_wal_bytes" not in values


def test_a_server_that_hangs_is_a_target_error_in_two_seconds(
    private_postgres: StartServer,
) -> None:
    server = private_postgres()
    with need(open_target(server.url).metrics).open() as source:
        source.sample()
        server.pause()
        begun = time.monotonic()
        with pytest.raises(TargetError, match="no answer in 2 s"):
            source.sample()
        assert time.monotonic() - begun < 4
        server.resume()
        assert source.sample()


def test_sampling_goes_on_when_the_server_is_back(private_postgres: StartServer) -> None:
    server = private_postgres()
    with need(open_target(server.url).metrics).open() as source:
        server.stop()
        for _ in range(2):
            with pytest.raises(TargetError) as gone:
                source.sample()
            assert "s3cret-pw" not in str(gone.value)
        server.start()
        assert source.sample()
