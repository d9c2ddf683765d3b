"""MongoDB's settings: of the connection string, of setParameter, and of mongod.conf."""

import pytest
from pymongo import MongoClient

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.backends.mongo.options import given_in, with_options
from perfkit.backends.mongo.settings import MongoSettings
from perfkit.errors import TargetError
from tests.servers.process import StartServer

CACHE = "storage.wiredTiger.engineConfig.cacheSizeGB"


def settings_of(url: str) -> MongoSettings:
    found = need(open_target(url).settings)
    assert isinstance(found, MongoSettings)
    return found


@pytest.fixture
def settings(mongo_url: str) -> MongoSettings:
    return settings_of(mongo_url)


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("mongodb://h", "mongodb://h/?w=1"),
        ("mongodb://h/", "mongodb://h/?w=1"),
        ("mongodb://u:p%3F@h,g:2/db", "mongodb://u:p%3F@h,g:2/db?w=1"),
        ("mongodb://h/db?W=majority&tls=true", "mongodb://h/db?tls=true&w=1"),
        ("mongodb://h/db?tls=true;w=2", "mongodb://h/db?tls=true&w=1"),
    ],
)
def test_an_option_takes_the_place_of_the_url_s_own(url: str, result: str) -> None:
    assert with_options(url, {"w": "1"}) == result
    assert given_in(result)["w"] == "1"


def test_options_are_read_whatever_their_case() -> None:
    assert given_in("mongodb://h/?MAXPOOLSIZE=5&readconcernlevel=local") == {
        "maxPoolSize": "5",
        "readConcernLevel": "local",
    }


def test_live_values_come_from_the_url_the_driver_and_the_server(mongo_url: str) -> None:
    live = settings_of(f"{mongo_url}?journal=true").live(
        ["journal", "maxPoolSize", "w", "wtimeoutMS", "ttlMonitorEnabled", CACHE, "noSuchThing"]
    )
    assert live == {
        "journal": "true", "maxPoolSize": "100", "w": "1", "wtimeoutMS": None,
        "ttlMonitorEnabled": "true", CACHE: "0.25",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("journal", "perhaps", "true, false"),
        ("w", "3", "there is 1 to write to"),
        ("readConcernLevel", "linearizable", "replica set"),
        ("readConcernLevel", "strong", "majority"),
        ("compressors", "lz4", "snappy"),
        ("zlibCompressionLevel", "10", "from -1 to 9"),
        ("maxPoolsize", "5", "did you mean 'maxPoolSize'?"),
        ("ttlMonitorEnabled", "1", "true or false"),
        ("maxIndexBuildMemoryUsageMegabytes", "some", "write a number"),
        ("cursorTimeoutMillis", "1.5", "whole number"),
        (CACHE, "0.1", "from 0.25 to 10000"),
        ("storage.wiredTiger.collectionConfig.blockCompressor", "lz4", "zstd"),
        ("net.maxIncomingConnections", "many", "whole number"),
    ],
)
def test_a_problem_says_what_it_takes(
    settings: MongoSettings, name: str, value: str, words: str
) -> None:
    assert words in (settings.problem(name, value) or "")


def test_asking_about_concerns_makes_nothing(mongo_url: str) -> None:
    settings = settings_of(mongo_url)
    for name, value in {"w": "majority", "readConcernLevel": "majority"}.items():
        assert settings.problem(name, value) is None
    with MongoClient[dict[str, object]](mongo_url) as client:
        assert client.get_default_database().list_collection_names() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("readPreference", "primary"),
        ("compressors", "without compression"),
        ("maxPoolSize", "--clients"),
        ("retryWrites", "does not try it again"),
        ("ttlMonitorEnabled", "whole server"),
    ],
)
def test_what_perfkit_s_load_does_not_honour_is_said(
    settings: MongoSettings, name: str, words: str
) -> None:
    assert words in (settings.why_not_in_session(name) or "")
    with pytest.raises(TargetError, match=name):
        settings.session_url({name: "1"})


def test_the_load_honours_concerns_from_the_session_s_url(settings: MongoSettings) -> None:
    url = settings.session_url({"w": "1", "journal": "true", "readConcernLevel": "majority"})
    shown = open_target(url).info.settings
    assert shown["writeConcern"] == "j: True, w: 1"
    assert shown["readConcern"] == "level: majority"


def test_a_client_s_option_is_written_into_the_connection_string(settings: MongoSettings) -> None:
    change = settings.change("w", "majority")
    assert change.statement is None
    assert "connection string" in (change.note or "")
    with pytest.raises(TargetError, match="connection string"):
        settings.apply("w", "majority")


def test_what_only_the_file_sets_waits_for_a_restart(settings: MongoSettings) -> None:
    change = settings.change("net.maxIncomingConnections", "500")
    assert (change.statement, change.restart) == (None, True)
    assert change.note == "net.maxIncomingConnections: 500 in mongod.conf"
    with pytest.raises(TargetError, match=r"mongod\.conf"):
        settings.apply("net.maxIncomingConnections", "500")


def test_the_cache_is_resized_while_the_server_runs(private_mongo: StartServer) -> None:
    settings = settings_of(private_mongo().url)
    undo = settings.undo(CACHE)
    settings.apply(CACHE, "0.5")
    assert settings.same(CACHE, settings.live([CACHE])[CACHE] or "", "0.5")
    assert '"cache_size=256M"' in (undo.statement or "")
    assert settings.same(CACHE, "11.2695", "11.26")  # mongod's own, and the same by a formula
    assert not settings.same(CACHE, "11.2695", "11.2")


def test_facts_are_the_server_s(settings: MongoSettings) -> None:
    facts = settings.facts()
    assert set(facts) == {"ram", "cores", "connections"}
    assert int(facts["ram"]) > 2**28


def test_a_user_who_may_only_read_and_write_gets_what_can_be_known(
    private_mongo: StartServer,
) -> None:
    server = private_mongo(auth=True)
    with MongoClient[dict[str, object]](server.url) as client:
        client.admin.command("createUser", "app", pwd="pw", roles=["readWriteAnyDatabase"])
    settings = settings_of(f"mongodb://app:pw@127.0.0.1:{server.port}/app?authSource=admin")
    assert settings.facts() == {}
    assert settings.live(["ttlMonitorEnabled", CACHE, "maxPoolSize"]) == {
        "ttlMonitorEnabled": None, CACHE: None, "maxPoolSize": "100",
    }  # fmt: skip
    assert settings.problem("ttlMonitorEnabled", "false") is None
    with pytest.raises(TargetError, match="does not allow this user"):
        settings.apply("ttlMonitorEnabled", "false")
    with pytest.raises(TargetError, match="could not be taken back"):
        settings.undo("ttlMonitorEnabled")


def test_a_replica_set_says_what_it_does_by_default(private_mongo: StartServer) -> None:
    settings = settings_of(private_mongo(replica_set=True).url)
    assert settings.live(["w", "readConcernLevel"]) == {
        "w": "majority",
        "readConcernLevel": "local",
    }
    assert settings.problem("readConcernLevel", "linearizable") is None
    assert settings.problem("w", "2") is not None
