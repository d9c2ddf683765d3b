"""PostgreSQL's settings: pg_settings, ALTER SYSTEM, and the options of a session."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.backends.postgres.settings import PostgresSettings
from perfkit.errors import TargetError
from tests.servers.process import Server, StartServer

PASSWORD = "pl4in pw"


def settings_of(url: str) -> PostgresSettings:
    found = need(open_target(url).settings)
    assert isinstance(found, PostgresSettings)
    return found


def run(url: str, *statements: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def in_auto_conf(url: str, name: str) -> object:
    return run(
        url,
        "SELECT setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'"
        f" AND name = '{name}'",
    )


@pytest.fixture
def settings(postgres_url: str) -> PostgresSettings:
    return settings_of(postgres_url)


@pytest.fixture
def plain_url(postgres_url: str) -> Iterator[str]:
    """The same database for a role that may do nothing in particular."""
    run(postgres_url, f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'")
    parts = urlsplit(postgres_url)
    yield f"postgresql://plain:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{parts.port}{parts.path}"
    run(postgres_url, "DROP ROLE plain")


def test_values_are_as_show_prints_them(settings: PostgresSettings) -> None:
    live = settings.live(["shared_buffers", "Work_Mem", "jit", "no_such"])
    assert live == {"shared_buffers": "128MB", "Work_Mem": "4MB", "jit": "on"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("work_men", "1MB", "did you mean 'work_mem'?"),
        ("auto_explain.log_analyze", "on", "is auto_explain in shared_preload_libraries?"),
        ("shared_buffers", "25%", "in 8kB or with a unit"),
        ("shared_buffers", "100TB", "it must be from 16 to"),
        ("wal_level", "maximal", "minimal, replica, logical"),
        ("block_size", "8192", "can't be set"),
        ("default_tablespace", "nowhere", "nowhere"),  # only a session can tell
        ("TimeZone", "Mars/Base", "Mars/Base"),
        ("pool_mode", "query", "session, transaction, statement"),
        ("a b", "1", "has no setting 'a b'"),
    ],
)
def test_a_problem_says_what_is_wrong(
    settings: PostgresSettings, name: str, value: str, words: str
) -> None:
    assert words in (settings.problem(name, value) or "")


@pytest.mark.parametrize(
    ("name", "live", "wanted", "same"),
    [
        ("work_mem", "1GB", "1048576kB", True),
        ("shared_buffers", "128MB", "16384", True),
        ("jit", "on", "true", True),
        ("checkpoint_timeout", "5min", "300s", True),
        ("search_path", '"$user", public', '"$user",public', True),
        ("work_mem", "4MB", "5MB", False),
        ("work_mem", "4MB", "much", False),
        ("timeout", "30", "30.0", True),
    ],
)
def test_values_are_compared_with_their_units(
    settings: PostgresSettings, name: str, live: str, wanted: str, *, same: bool
) -> None:
    assert settings.same(name, live, wanted) == same


def test_the_statement_tells_reload_from_restart(settings: PostgresSettings) -> None:
    reload, restart = (
        settings.change("max_wal_size", "8GB"),
        settings.change("shared_buffers", "1GB"),
    )
    assert reload.statement == "ALTER SYSTEM SET max_wal_size = '8GB'; SELECT pg_reload_conf();"
    assert (restart.statement, restart.restart) == (
        "ALTER SYSTEM SET shared_buffers = '1GB';",
        True,
    )


def test_a_list_of_names_is_several_literals(settings: PostgresSettings) -> None:
    change = settings.change("session_preload_libraries", "auto_explain, pg_hint_plan")
    assert "= 'auto_explain', 'pg_hint_plan';" in (change.statement or "")


def test_pool_settings_are_the_client_s(settings: PostgresSettings) -> None:
    change = settings.change("default_pool_size", "20")
    assert change.statement is None
    assert "pgbouncer.ini" in (change.note or "")
    assert settings.live(["default_pool_size"]) == {"default_pool_size": None}
    with pytest.raises(TargetError, match=r"pgbouncer\.ini"):
        settings.apply("default_pool_size", "20")


@pytest.mark.parametrize("value", ["a b", "back\\slash", 'quo"te', "plus+percent%&?#=", "ünï"])
def test_a_session_has_any_value_unchanged(settings: PostgresSettings, value: str) -> None:
    quoted = '"' + value.replace('"', '""') + '"'
    url = settings.session_url({"search_path": quoted, "work_mem": "65MB"})
    assert run(url, "SHOW work_mem") == "65MB"
    assert run(url, "SELECT current_setting('search_path')") == quoted


def test_options_of_the_url_stay(postgres_url: str) -> None:
    url = f"{postgres_url}?options=-c%20statement_timeout%3D7s&connect_timeout=5"
    again = settings_of(settings_of(url).session_url({"jit": "off"})).session_url({"jit": "on"})
    assert run(again, "SHOW statement_timeout") == "7s"
    assert run(again, "SHOW jit") == "on"
    assert "connect_timeout=5" in again


def test_options_of_the_environment_stay(
    settings: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=7s")
    url = settings.session_url({"jit": "off"})
    assert run(url, "SHOW statement_timeout") == "7s"


def test_a_setting_that_does_not_reach_the_session_is_told(settings: PostgresSettings) -> None:
    with pytest.raises(TargetError, match="application_name = mine has perfkit"):
        settings.session_url({"application_name": "mine"})  # perfkit's connections say their own


@pytest.mark.parametrize(
    ("name", "words"),
    [("shared_buffers", "when it starts"), ("max_wal_size", "whole server"), ("max_size", "pool")],
)
def test_why_a_session_can_t_have_it(settings: PostgresSettings, name: str, words: str) -> None:
    assert words in (settings.why_not_in_session(name) or "")
    with pytest.raises(TargetError, match=name):
        settings.session_url({name: "1"})


def test_undo_resets_what_was_not_set_before_and_restores_what_was(postgres_url: str) -> None:
    settings = settings_of(postgres_url)
    try:
        first = settings.undo("work_mem").statement
        settings.apply("work_mem", "8MB")
        second = settings.undo("work_mem").statement
        settings.apply("work_mem", "16MB")
        assert in_auto_conf(postgres_url, "work_mem") == "16MB"
        run(postgres_url, *(each for each in (second or "").split(";") if each.strip()))
        assert in_auto_conf(postgres_url, "work_mem") == "8MB"
        run(postgres_url, *(each for each in (first or "").split(";") if each.strip()))
        assert in_auto_conf(postgres_url, "work_mem") is None
    finally:
        run(postgres_url, "ALTER SYSTEM RESET work_mem", "SELECT pg_reload_conf()")


def test_a_restart_is_never_made_but_said_to_be_due(private_postgres: StartServer) -> None:
    server: Server = private_postgres()
    settings, pid = settings_of(server.url), server.pid
    settings.apply("max_connections", "77")
    assert server.pid == pid
    assert run(server.url, "SHOW max_connections") == "100"
    run(server.url, "SELECT pg_sleep(0.2)")  # the reload reaches new sessions a moment later
    note = settings_of(server.url).change("max_connections", "78").note
    assert "waits for the restart already" in (note or "")
    server.restart()
    assert settings_of(server.url).facts() == {"connections": 77}


def test_what_goes_before_the_server_s_files_is_noted(postgres_url: str) -> None:
    database = urlsplit(postgres_url).path.strip("/")
    run(postgres_url, f"ALTER DATABASE {database} SET work_mem = '5MB'")
    settings = settings_of(postgres_url)
    assert settings.live(["work_mem"]) == {"work_mem": "5MB"}
    assert "ALTER DATABASE" in (settings.change("work_mem", "8MB").note or "")


def test_a_plain_role_sees_compares_and_gets_statements(plain_url: str) -> None:
    settings = settings_of(plain_url)
    live = settings.live(["shared_buffers", "shared_preload_libraries", "no_such"])
    assert live == {"shared_buffers": "128MB", "shared_preload_libraries": None}
    assert settings.problem("shared_preload_libraries", "auto_explain") is None
    assert settings.problem("shared_buffers", "1GB") is None
    assert settings.problem("log_min_duration_statement", "1s") is None  # a superuser's
    assert settings.change("shared_buffers", "1GB").restart


def test_a_plain_role_sets_its_session_and_nothing_else(plain_url: str) -> None:
    settings = settings_of(plain_url)
    assert run(settings.session_url({"work_mem": "9MB"}), "SHOW work_mem") == "9MB"
    assert "superuser" in (settings.why_not_in_session("log_min_duration_statement") or "")
    with pytest.raises(TargetError, match="permission denied") as raised:
        settings.apply("work_mem", "9MB")
    assert PASSWORD not in str(raised.value)


def test_a_value_that_is_set_and_not_reloaded_is_told(private_postgres: StartServer) -> None:
    url = private_postgres().url
    if run(url, "SELECT current_setting('server_version_num')::int < 150000"):
        pytest.skip("GRANT ALTER SYSTEM came with PostgreSQL 15")
    run(url, "CREATE ROLE setter LOGIN PASSWORD 'pw'")
    run(url, "GRANT ALTER SYSTEM ON PARAMETER work_mem TO setter")
    theirs = url.replace("perfkit:s3cret-pw@", "setter:pw@")
    with pytest.raises(TargetError, match=r"stands in postgresql\.auto\.conf now and waits"):
        settings_of(theirs).apply("work_mem", "9MB")
    assert in_auto_conf(url, "work_mem") == "9MB"


def test_undo_is_refused_where_nobody_can_tell_what_was_before(
    postgres_url: str, plain_url: str
) -> None:
    assert "RESET work_mem" in (settings_of(plain_url).undo("work_mem").statement or "")  # default
    with pytest.raises(TargetError, match="may not see whether ALTER SYSTEM has set fsync"):
        settings_of(plain_url).undo("fsync")  # in one of the files, but which?
    run(postgres_url, "GRANT pg_read_all_settings TO plain")
    assert "RESET fsync" in (settings_of(plain_url).undo("fsync").statement or "")


def test_a_grant_is_enough_for_a_superuser_s_setting(postgres_url: str, plain_url: str) -> None:
    run(postgres_url, "GRANT SET ON PARAMETER log_min_duration_statement TO plain")
    try:
        assert settings_of(plain_url).why_not_in_session("log_min_duration_statement") is None
    finally:
        run(postgres_url, "REVOKE SET ON PARAMETER log_min_duration_statement FROM plain")
