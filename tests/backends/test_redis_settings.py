"""Redis's settings: CONFIG, the pool of redis-py, and servers that forbid CONFIG."""

import pytest
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.backends.redis.settings import RedisSettings
from perfkit.errors import TargetError
from tests.servers.process import StartServer


def settings_of(url: str) -> RedisSettings:
    found = need(open_target(url).settings)
    assert isinstance(found, RedisSettings)
    return found


@pytest.fixture
def settings(redis_url: str) -> RedisSettings:
    return settings_of(redis_url)


def configured(url: str) -> dict[str, str]:
    with Redis.from_url(url, decode_responses=True) as client:
        found: dict[str, str] = client.config_get("*")
    return found


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("maxmemory", "lots", "must be a memory value"),
        ("maxmemory", "1tb", "must be a memory value"),
        ("maxmemory-policy", "lru", "allkeys-lru"),
        ("maxmemory-samples", "x", "integer"),
        ("hz", "x", "integer"),
        ("maxmemry", "1gb", "did you mean 'maxmemory'?"),
        ("max_connections", "0", "whole number from 1"),
    ],
)
def test_a_problem_is_told_in_the_server_s_words(
    settings: RedisSettings, name: str, value: str, words: str
) -> None:
    assert words in (settings.problem(name, value) or "")


def test_asking_changes_no_setting_at_all(redis_url: str) -> None:
    settings = settings_of(redis_url)
    before = configured(redis_url)
    for name, value in {
        "maxmemory": "1gb", "save": "10 1", "appendonly": "yes", "maxclients": "20", "hz": "99",
        "maxmemory-samples": "9", "databases": "3", "dir": "/", "no-such": "1",
    }.items():  # fmt: skip
        settings.problem(name, value)
        settings.change(name, value)
    assert configured(redis_url) == before


@pytest.mark.parametrize(
    ("name", "live", "wanted", "same"),
    [
        ("maxmemory", "104857600", "100mb", True),
        ("maxmemory", "100MB", "102400kb", True),
        ("maxmemory", "100m", "100000000", True),
        ("maxmemory", "100mb", "100m", False),
        ("save", "3600 1  300 100", "3600 1 300 100", True),
        ("appendonly", "yes", "YES", True),
        ("appendonly", "yes", "no", False),
        ("socket_timeout", "1", "1.0", True),
    ],
)
def test_sizes_are_compared_in_bytes(
    settings: RedisSettings, name: str, live: str, wanted: str, *, same: bool
) -> None:
    assert settings.same(name, live, wanted) == same


def test_what_needs_a_restart_is_for_the_file(redis_url: str) -> None:
    settings = settings_of(redis_url)
    change = settings.change("databases", "32")
    assert (change.statement, change.restart) == (None, True)
    assert "databases 32 in /" in (change.note or "")
    with pytest.raises(TargetError, match="while the server runs"):
        settings.apply("databases", "32")


def test_a_change_says_what_makes_it_last(settings: RedisSettings) -> None:
    change = settings.change("save", "3600 1 300 100")
    assert change.statement == 'CONFIG SET save "3600 1 300 100"'
    assert "CONFIG REWRITE" in (change.note or "")


def test_undo_is_the_value_before_in_its_units(private_redis: StartServer) -> None:
    url = private_redis().url
    settings = settings_of(url)
    settings.apply("maxmemory", "1536mb")
    assert settings.live(["maxmemory"]) == {"maxmemory": "1536mb"}
    assert settings.undo("maxmemory").statement == "CONFIG SET maxmemory 1536mb"
    assert settings.undo("save").statement == 'CONFIG SET save ""'


def test_a_password_is_never_shown(private_redis: StartServer) -> None:
    settings = settings_of(private_redis(password="s3cret").url)
    assert settings.live(["requirepass", "masterauth", "maxclients"]) == {
        "requirepass": None, "masterauth": None, "maxclients": "10000",
    }  # fmt: skip


def test_there_are_no_settings_of_a_session(settings: RedisSettings) -> None:
    assert settings.why_not_in_session("maxmemory") == (
        "Redis has no settings of a session: CONFIG SET is for all clients of the server"
    )
    assert "--clients" in (settings.why_not_in_session("max_connections") or "")


def test_a_server_that_forbids_config_is_told_and_nothing_is_guessed(
    private_redis: StartServer,
) -> None:
    url = private_redis(settings={"rename-command": 'CONFIG ""'}).url
    settings = settings_of(url)
    assert settings.live(["maxmemory"]) == {"maxmemory": None}
    assert settings.problem("maxmemory", "1gb") is None
    assert "does not let this user use CONFIG" in (settings.change("maxmemory", "1gb").note or "")
    assert settings.facts()["ram"] > 0  # type: ignore[operator]
    with pytest.raises(TargetError, match=r"maxmemory = '1gb': .*unknown command") as raised:
        settings.apply("maxmemory", "1gb")
    assert "managed services" in (raised.value.hint or "")
    with pytest.raises(TargetError, match="could not be taken back"):
        settings.undo("maxmemory")


def test_a_user_without_the_right_to_config_set_sees_but_can_t_apply(
    private_redis: StartServer,
) -> None:
    url = private_redis().url
    with Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">pw", "+@all", "-config|set")
    settings = settings_of(url.replace("redis://", "redis://reader:pw@"))
    assert settings.live(["maxmemory"]) == {"maxmemory": "0"}
    assert settings.problem("maxmemory", "1gb") is None
    with pytest.raises(TargetError, match="permission"):
        settings.apply("maxmemory", "1gb")
