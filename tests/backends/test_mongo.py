"""MongoDB: commands, bulks, connections; what all backends share is in tests/contract."""

import os
import socket
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import Int64, ObjectId
from pymongo import MongoClient

from perfkit.backends import open_target
from perfkit.backends.base import Channel, ConnectionLostError, Failure, Session, need
from perfkit.backends.mongo.server import client_of
from perfkit.backends.mongo.workload import MongoSession
from perfkit.backends.stream import Address
from perfkit.errors import PerfkitError, TargetError, UsageError
from perfkit.scenario import Data, Expect, Operation
from perfkit.scenario.values import Param, Sequential, Uniform
from tests.contract.driving import (
    answer,
    bound,
    channel_of,
    outcome,
    perform,
    session_of,
    workload_of,
)
from tests.servers.process import Server, StartServer

Command = dict[str, Any]
IDS: dict[str, Param] = {"id": Uniform(range=(1, 100))}


def _operation(command: Command, **more: Any) -> Operation:
    return Operation(name="o", mongo=command, **more)


def _outcome(url: str, command: Command, *values: Any, **expect: Any) -> Failure | None:
    return outcome(open_target(url), _operation(command, expect=Expect(**expect)), *values)


def _documents(url: str, collection: str = "c") -> list[dict[str, Any]]:
    with MongoClient[dict[str, Any]](url) as client:
        return list(client.get_default_database()[collection].find().sort("_id"))


def _insert(url: str, *documents: dict[str, Any], collection: str = "c") -> None:
    with MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()[collection].insert_many(documents)


def _why(url: str, command: Command, **more: Any) -> str:
    ((_, why),) = workload_of(open_target(url)).check([_operation(command, **more)])
    return why


# -- commands -------------------------------------------------------------------------------------


def test_a_document_is_inserted_with_the_types_of_its_values(mongo_url: str) -> None:
    document = {"_id": "{id}", "t": "n={id}", "f": "{f}", "list": ["{id}", {"deep": "{none}"}]}
    values = (7, 0.5, None)
    assert _outcome(mongo_url, {"insert": "c", "document": document}, *values) is None
    assert _documents(mongo_url) == [{"_id": 7, "t": "n=7", "f": 0.5, "list": [7, {"deep": None}]}]


@pytest.mark.parametrize("number", [1, -(2**31), 2**31 - 1, 2**31, -(2**40), 0.5])
def test_a_number_keeps_its_type_however_it_is_encoded(mongo_url: str, number: float) -> None:
    operation = _operation({"insert": "c", "document": {"n": "{id}"}}, params=IDS)
    assert outcome(open_target(mongo_url), operation, number) is None
    (document,) = _documents(mongo_url)
    assert document["n"] == number
    large = isinstance(number, int) and not -(2**31) <= number < 2**31
    assert type(document["n"]) is (Int64 if large else type(number))


def test_extended_json_stands_for_values_that_yaml_has_no_type_for(mongo_url: str) -> None:
    document = {
        "_id": {"$oid": "{hex}"},
        "at": {"$date": "2024-02-29T12:00:00Z"},
        "long": {"$numberLong": "5"},
    }
    oid = "65e0c2f4a1b2c3d4e5f60718"
    assert _outcome(mongo_url, {"insert": "c", "document": document}, oid) is None
    (stored,) = _documents(mongo_url)
    assert stored["_id"] == ObjectId(oid)
    assert stored["at"].replace(tzinfo=UTC) == datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert isinstance(stored["long"], Int64)


def test_query_operators_are_no_extended_json(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 1, "t": "Apple"}, {"_id": 2, "t": "pear"})
    find = {"find": "c", "filter": {"t": {"$regex": "^a", "$options": "i"}}}
    assert _outcome(mongo_url, find, rows=1) is None
    assert _outcome(mongo_url, {"find": "c", "filter": {"t": {"$regex": "^p"}}}, rows=1) is None


def test_the_commands_name_need_not_come_first(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 1}, {"_id": 2})
    assert _outcome(mongo_url, {"filter": {"_id": 1}, "find": "c"}, rows=1) is None


def test_short_and_full_writes_do_the_same(mongo_url: str) -> None:
    _insert(mongo_url, *({"_id": n, "v": 0} for n in range(6)))
    short_update = {"update": "c", "filter": {"_id": "{id}"}, "u": {"$inc": {"v": 1}}}
    full_update = {"update": "c", "updates": [{"q": {"_id": "{id}"}, "u": {"$inc": {"v": 1}}}]}
    assert _outcome(mongo_url, short_update, 1, rows=1) is None
    assert _outcome(mongo_url, full_update, 1, rows=1) is None
    assert _outcome(mongo_url, {"delete": "c", "filter": {"_id": "{id}"}}, 2, rows=1) is None
    deletes = [{"q": {"_id": "{id}"}, "limit": 1}]
    assert _outcome(mongo_url, {"delete": "c", "deletes": deletes}, 3, rows=1) is None
    many = {"update": "c", "filter": {}, "u": {"$inc": {"v": 10}}, "multi": True}
    assert _outcome(mongo_url, many, rows=4) is None
    assert [(d["_id"], d["v"]) for d in _documents(mongo_url)] == [
        (0, 10),
        (1, 12),
        (4, 10),
        (5, 10),
    ]


def test_a_short_delete_takes_one_document_unless_told_otherwise(mongo_url: str) -> None:
    _insert(mongo_url, *({"_id": n} for n in range(5)))
    assert _outcome(mongo_url, {"delete": "c", "filter": {}}, rows=1) is None
    assert _outcome(mongo_url, {"delete": "c", "filter": {}, "limit": 0}, rows=4) is None


def test_an_upsert_counts_as_a_row(mongo_url: str) -> None:
    upsert = {"update": "c", "filter": {"_id": 1}, "u": {"$set": {"v": 1}}, "upsert": True}
    assert _outcome(mongo_url, upsert, rows=1) is None
    assert _documents(mongo_url) == [{"_id": 1, "v": 1}]


def test_a_bulk_is_sent_as_runs_of_the_same_kind(mongo_url: str) -> None:
    bulk = {
        "bulk": "c",
        "operations": [
            {"insert": {"_id": "{id}"}},
            {"insert": {"_id": 100}},
            {"update": {"filter": {"_id": "{id}"}, "update": {"$set": {"v": "{text}"}}}},
            {"delete": {"filter": {"_id": 100}}},
        ],
    }
    with session_of(open_target(mongo_url), bound(_operation(bulk), 5, "x")) as session:
        assert len(session.operations[0].make()) == 3
        with channel_of(session) as channel:
            assert perform(session, channel, session.operations[0]) is None
    assert _documents(mongo_url) == [{"_id": 5, "v": "x"}]


def test_a_bulk_of_one_kind_is_a_single_command(mongo_url: str) -> None:
    bulk = {"bulk": "c", "operations": [{"insert": {"_id": n}} for n in range(1000)]}
    assert _outcome(mongo_url, bulk, rows=1000) is None


def test_a_failure_within_a_bulk_fails_the_operation(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 1})
    writes = [{"delete": {"filter": {"_id": 2}}}, {"insert": {"_id": 1}}, {"insert": {"_id": 3}}]
    failure = _outcome(mongo_url, {"bulk": "c", "operations": writes})
    assert failure is not None
    assert failure.error_class == "DuplicateKey"


# -- replies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "rows", "value"),
    [
        ({"find": "c", "filter": {"v": {"$gt": 1}}}, 2, 2),
        ({"find": "c", "projection": {"v": 0}}, 3, 1),
        ({"find": "c", "filter": {"_id": 9}}, 0, None),
        ({"aggregate": "c", "pipeline": [{"$group": {"_id": None, "s": {"$sum": "$v"}}}]}, 1, 6),
        ({"count": "c"}, 3, 3),
        ({"distinct": "c", "key": "v"}, 3, 1),
        ({"findAndModify": "c", "query": {"_id": 2}, "update": {"$set": {"w": 1}}}, 1, 2),
        ({"delete": "c", "filter": {}, "limit": 0}, 3, 3),
    ],
)
def test_rows_and_value_of_each_command(
    mongo_url: str, command: Command, rows: int, value: int | None
) -> None:
    _insert(mongo_url, *({"_id": n, "v": n} for n in (1, 2, 3)))
    target = open_target(mongo_url)
    has_value = Expect(rows=rows, value=value, has_value=True)
    assert outcome(target, _operation(command, expect=has_value)) is None
    failure = _outcome(mongo_url, command, rows=77)
    assert failure is not None
    assert failure.error_class == "unexpected"
    assert "expected 77 documents" in failure.message


def test_a_find_gives_all_its_documents_at_once(mongo_url: str) -> None:
    _insert(mongo_url, *({"_id": n, "v": "x" * 1000} for n in range(3000)))
    assert _outcome(mongo_url, {"find": "c"}, rows=3000) is None
    assert _outcome(mongo_url, {"find": "c", "limit": 500}, rows=500) is None
    assert _outcome(mongo_url, {"aggregate": "c", "pipeline": []}, rows=3000) is None


def _open_cursors(url: str) -> int:
    with MongoClient[dict[str, Any]](url) as client:
        return int(client.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"])


def test_no_cursor_stays_open_on_the_server(private_mongo: StartServer) -> None:
    url = private_mongo().url
    _insert(url, *({"_id": n, "v": "x" * 1_000_000} for n in range(20)))
    target = open_target(url)
    find = _operation({"find": "c", "batchSize": 2})
    aggregate = _operation({"aggregate": "c", "pipeline": []})
    with session_of(target, bound(find), bound(aggregate)) as session:
        with channel_of(session) as channel:
            assert perform(session, channel, session.operations[0]) is None
            assert _open_cursors(url) == 0
            failure = perform(session, channel, session.operations[1])
        assert failure is not None
        assert "larger than a reply" in failure.message
        assert _open_cursors(url) == 1
    assert _open_cursors(url) == 0


def test_an_error_of_a_write_within_a_good_reply_is_not_missed(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 2})
    insert = {"insert": "c", "documents": [{"_id": 1}, {"_id": 2}], "ordered": False}
    failure = _outcome(mongo_url, insert)
    assert failure is not None
    assert failure.error_class == "DuplicateKey"
    assert not failure.retryable


def test_an_error_of_the_write_concern_is_not_missed(private_mongo: StartServer) -> None:
    url = private_mongo(replica_set=True).url
    concern = {"w": 3, "wtimeout": 1}
    failure = _outcome(url, {"insert": "c", "document": {"_id": 1}, "writeConcern": concern})
    assert failure is not None
    assert failure.error_class == "UnsatisfiableWriteConcern"


def test_a_command_that_fails_has_its_code_name(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 1})
    failure = _outcome(mongo_url, {"find": "c", "hint": "none"})
    assert failure is not None
    assert failure.error_class == "BadValue"


def test_the_server_ends_what_runs_longer_than_the_operations_timeout(mongo_url: str) -> None:
    _insert(mongo_url, {"_id": 1})
    update = {"update": "c", "filter": {"$where": "function() {{ sleep(5000); return true; }}"}}
    operation = _operation({**update, "u": {"$set": {"v": 1}}}, timeout_ns=100_000_000)
    failure = outcome(open_target(mongo_url), operation)
    assert failure is not None
    assert failure.error_class == "MaxTimeMSExpired"


def test_a_replica_set_is_judged_as_cheaply_and_as_strictly(private_mongo: StartServer) -> None:
    url = private_mongo(replica_set=True).url
    target = open_target(url)
    assert target.info.settings["replicaSet"] == "rs0"
    _insert(url, {"_id": 1})
    find, insert = _operation({"find": "c"}), _operation({"insert": "c", "document": {"_id": 1}})
    bad = _operation({"find": "c", "hint": "none"})
    with (
        session_of(target, bound(find), bound(insert), bound(bad)) as session,
        channel_of(session) as channel,
    ):
        assert perform(session, channel, session.operations[0]) is None
        failures = [perform(session, channel, each) for each in session.operations[1:]]
        assert [f and f.error_class for f in failures] == ["DuplicateKey", "BadValue"]
        reply = answer(session, channel, session.operations[0].make())
        judge = session.operations[0].judge
        assert judge is not None
        # Unreadable but for its end: a judge that decoded it would call it unintelligible.
        assert judge(b"?" * 21 + reply[21:]) is None


# -- checks before the run ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"fnd": "c"}, "'fnd' is no command that perfkit drives"),
        ({}, "is no command"),
        ({"find": "c", "fliter": {}}, "fliter"),
        ({"find": "c", "filter": {"$foo": 1}}, "$foo"),
        ({"find": "c", "tailable": True}, "tailable"),
        ({"find": "c", "filter": {"_id": "{id"}}, "write {{"),
        ({"find": "c", "filter": {"_id": {"$oid": "xyz"}}}, "no Extended JSON"),
        ({"aggregate": "c", "pipeline": [{"$foo": 1}]}, "$foo"),
        ({"aggregate": "c", "pipeline": [], "cursor": {"batchSize": 5}}, "$limit"),
        ({"update": "c", "filter": {}, "u": {"$foo": {"a": 1}}}, "$foo"),
        ({"find": "c", "filter": {"_id": 2**63}}, "8-byte ints"),
        ({"bulk": "c"}, "operations are missing"),
        ({"bulk": "c", "operations": [{"insert": {}}], "order": 1}, "unknown field 'order'"),
        ({"bulk": "c", "operations": [{"replace": {}}]}, "is no write"),
        ({"bulk": "c", "operations": [{"update": {"filter": {}}}]}, "lacks its filter or update"),
    ],
)
def test_a_wrong_command_is_told_before_the_run(
    mongo_url: str, command: Command, words: str
) -> None:
    assert words in _why(mongo_url, command)


def test_rows_of_a_bulk_of_several_kinds_are_refused(mongo_url: str) -> None:
    writes = [{"insert": {"_id": 1}}, {"delete": {"filter": {"_id": 1}}}]
    assert "several kinds" in _why(
        mongo_url, {"bulk": "c", "operations": writes}, expect={"rows": 2}
    )


@pytest.mark.parametrize(
    "command",
    [
        {"find": "documents", "filter": {"$text": {"$search": "{word}"}}},
        {"find": "c", "filter": {"_id": "{id}"}, "limit": "{id}"},
        {"find": "c", "filter": {"_id": {"$oid": "{hex}"}}},
        {"find": "c", "hint": "to_be_made"},
        {"findandmodify": "c", "query": {"_id": "{id}"}, "remove": True},
    ],
)
def test_what_may_be_right_once_the_data_is_there_passes(mongo_url: str, command: Command) -> None:
    operation = _operation(command, params=IDS)
    assert workload_of(open_target(mongo_url)).check([operation]) == []


@pytest.mark.parametrize(
    ("command", "writes"),
    [
        ({"find": "c"}, False),
        ({"count": "c"}, False),
        ({"distinct": "c", "key": "v"}, False),
        ({"aggregate": "c", "pipeline": [{"$match": {}}]}, False),
        ({"aggregate": "c", "pipeline": [{"$out": "d"}]}, True),
        ({"aggregate": "c", "pipeline": [{"$merge": "d"}]}, True),
        ({"findAndModify": "c", "remove": True}, True),
        ({"bulk": "c", "operations": [{"insert": {}}]}, True),
        ({"unheard": "of"}, True),
    ],
)
def test_writing_is_told_from_the_command(
    mongo_url: str, command: Command, *, writes: bool
) -> None:
    assert workload_of(open_target(mongo_url)).writes(_operation(command)) == writes


# -- connections ----------------------------------------------------------------------------------


def _refusal(url: str) -> PerfkitError:
    with pytest.raises(PerfkitError) as refusal:
        open_target(url)
    return refusal.value


@pytest.fixture
def guarded(private_mongo: StartServer) -> str:
    """A server that wants a login, with a user for each mechanism (password: hush=hush,%)."""
    url = private_mongo(auth=True).url
    with MongoClient[dict[str, Any]](url) as client:
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            client["app"].command(
                "createUser", f"ann@{mechanism}", pwd="hush=hush,%", roles=["readWrite"],
                mechanisms=[mechanism],
            )  # fmt: skip
    return url


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("named", [True, False])
def test_each_scram_logs_in_named_or_found_out(
    guarded: str, mechanism: str, *, named: bool
) -> None:
    host = urlsplit(guarded).netloc.rpartition("@")[2]
    url = f"mongodb://ann%40{mechanism}:hush%3Dhush%2C%25@{host}/app"
    url += f"?authMechanism={mechanism}" if named else ""
    assert _outcome(url, {"insert": "c", "document": {"_id": mechanism}}, rows=1) is None
    target = open_target(url)
    assert "hush" not in repr(target)
    assert "hush" not in target.info.url
    assert "cache_size_bytes" not in target.info.settings  # readWrite may not see serverStatus


def test_a_login_that_is_missing_or_wrong_is_told_apart(guarded: str) -> None:
    missing = _refusal(f"mongodb://{urlsplit(guarded).netloc.rpartition('@')[2]}/app")
    password = urlsplit(guarded).password or ""
    wrong = _refusal(guarded.replace(password, "wrong"))
    assert "asks for a user and password" in str(missing)
    assert "refuses the user name or password" in str(wrong)
    assert "authSource" in (wrong.hint or "")


def test_a_password_that_is_changed_meanwhile_is_a_target_error(guarded: str) -> None:
    target = open_target(guarded)
    user, password = urlsplit(guarded).username, urlsplit(guarded).password
    with session_of(target, bound(_operation({"find": "c"}))) as session:
        with MongoClient[dict[str, Any]](guarded) as client:
            client.admin.command("updateUser", user, pwd="another")
        with pytest.raises(TargetError, match="refuses the user name or password") as refusal:
            session.open()
    assert str(password) not in str(refusal.value)


def test_another_mechanism_is_refused_with_those_that_work(mongo_url: str) -> None:
    url = mongo_url.replace("mongodb://", "mongodb://ann:pw@")
    refusal = _refusal(f"{url}?authMechanism=PLAIN")
    assert "SCRAM-SHA-256 and SCRAM-SHA-1" in (refusal.hint or str(refusal))


def test_a_load_runs_over_tls(private_mongo: StartServer) -> None:
    url = private_mongo(tls=True).url
    target = open_target(url)
    big = "x" * 500_000  # many TLS records, some of which wait inside the TLS layer
    insert = _operation({"insert": "c", "document": {"_id": "{id}", "v": "{text}"}})
    find = _operation({"find": "c", "filter": {"_id": 1}}, expect={"value": big})
    with (
        session_of(target, bound(insert, 1, big), bound(find)) as session,
        channel_of(session) as channel,
    ):
        assert perform(session, channel, session.operations[0]) is None
        for _ in range(3):
            assert perform(session, channel, session.operations[1]) is None


def test_an_unknown_certificate_is_refused_unless_the_url_says_so(
    private_mongo: StartServer,
) -> None:
    bare = f"{private_mongo(tls=True).url.partition('?')[0]}?tls=true"
    refusal = _refusal(bare)
    assert "certificate is not trusted" in str(refusal)
    assert refusal.hint
    trusting = open_target(f"{bare}&tlsAllowInvalidCertificates=true")
    assert outcome(trusting, _operation({"find": "c"})) is None


def test_a_server_without_tls_is_told(mongo_url: str) -> None:
    assert "TLS" in (_refusal(f"{mongo_url}?tls=true").hint or "")


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refusal = _refusal(f"mongodb://127.0.0.1:{port}/db")
    assert isinstance(refusal, TargetError)
    assert f"127.0.0.1:{port}/db refuses the connection" in str(refusal)


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://",
        "mongodb://127.0.0.1:99999/db",
        "mongodb://127.0.0.1/db?nonsense=1",
        "mongodb://127.0.0.1/db?tls=true&tlsCAFile=/no/such/file",
        "mongodb://127.0.0.1/db?readPreference=sideways",
    ],
)
def test_a_url_with_something_wrong_in_it_is_a_usage_error(url: str) -> None:
    refusal = _refusal(url)
    assert isinstance(refusal, UsageError)
    assert refusal.hint


def test_a_read_preference_that_is_not_the_primary_is_refused(mongo_url: str) -> None:
    refusal = _refusal(f"{mongo_url}?readPreference=secondary")
    assert isinstance(refusal, UsageError)
    assert "directConnection" in (refusal.hint or "")


def test_the_database_is_test_where_the_url_names_none(mongo_url: str) -> None:
    bare = mongo_url.rpartition("/")[0]
    assert _outcome(bare, {"insert": "from_perfkit", "document": {"_id": 1}}) is None
    try:
        assert _documents(f"{bare}/test", "from_perfkit") == [{"_id": 1}]
    finally:
        with MongoClient[dict[str, Any]](bare) as client:
            client.drop_database("test")


def test_the_write_concern_of_the_url_is_that_of_the_load(private_mongo: StartServer) -> None:
    url = f"{private_mongo(replica_set=True).url}&w=3&wTimeoutMS=1"
    failure = _outcome(url, {"insert": "c", "document": {"_id": 1}})
    assert failure is not None
    assert failure.error_class == "UnsatisfiableWriteConcern"


STEP_DOWN = {"replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 0, "force": True}


@pytest.mark.parametrize(
    "command", [{"find": "c"}, {"insert": "c", "document": {"at": "now"}}], ids=["find", "insert"]
)
def test_a_primary_that_steps_down_is_lost_and_its_successor_found(
    private_mongo: StartServer, command: Command
) -> None:
    url = private_mongo(replica_set=True).url
    with session_of(open_target(url), bound(_operation(command))) as session:
        channel = session.open()
        session.poller.register(channel.key, 1)
        assert perform(session, channel, session.operations[0]) is None
        with MongoClient[dict[str, Any]](url) as client:
            client.admin.command(STEP_DOWN)
        with pytest.raises(ConnectionLostError, match=r"NotWritablePrimary|NotPrimary"):
            perform(session, channel, session.operations[0])
        session.poller.unregister(channel.key)
        channel.close()
        with _opened_in_the_end(session) as again:
            session.poller.register(again.key, 1)
            assert perform(session, again, session.operations[0]) is None
            session.poller.unregister(again.key)


def _opened_in_the_end(session: Session) -> closing[Channel]:
    """Tries again as the engine does: an election may take longer than a single look."""
    for _ in range(9):
        with suppress(TargetError):
            return closing(session.open())
    return closing(session.open())


def test_a_channel_is_opened_where_the_primary_is_now(private_mongo: StartServer) -> None:
    target = open_target(private_mongo(replica_set=True).url)
    with session_of(target, bound(_operation({"find": "c"}))) as session:
        assert isinstance(session, MongoSession)
        gone = replace(session._server, address=Address("127.0.0.1", 1))
        session._server = gone
        with channel_of(session) as channel:
            assert perform(session, channel, session.operations[0]) is None
        assert session._server.address != gone.address


def test_a_server_alone_is_not_looked_for_elsewhere(mongo_url: str) -> None:
    with session_of(open_target(mongo_url), bound(_operation({"find": "c"}))) as session:
        assert isinstance(session, MongoSession)
        session._server = replace(session._server, address=Address("127.0.0.1", 1))
        with pytest.raises(TargetError, match=r"127\.0\.0\.1:1 refuses the connection"):
            session.open()


def test_connections_of_the_load_carry_perfkits_name(mongo_url: str) -> None:
    find = bound(_operation({"find": "c"}))
    with (
        session_of(open_target(mongo_url), find) as session,
        channel_of(session),
        MongoClient[dict[str, Any]](mongo_url) as client,
    ):
        all_connections = client.admin.aggregate([{"$currentOp": {"idleConnections": True}}])
        assert "perfkit" in [each.get("appName") for each in all_connections]


def test_a_fork_waits_for_the_threads_of_closed_clients(mongo_url: str) -> None:
    with client_of(mongo_url) as client:
        client.admin.command("ping")
    assert threading.active_count() > 1
    child = os.fork()
    if child == 0:
        os._exit(0)
    left = [thread.name for thread in threading.enumerate() if "pymongo" in thread.name]
    assert os.waitpid(child, 0)[1] == 0
    assert left == []


# -- data -----------------------------------------------------------------------------------------


def test_orders_are_three_collections_that_fit_together(mongo_url: str) -> None:
    workload = workload_of(open_target(mongo_url))
    data = Data(use="orders", rows=100)
    assert workload.make_data(data)
    orders, items = _documents(mongo_url, "orders"), _documents(mongo_url, "items")
    customers = {customer["_id"] for customer in _documents(mongo_url, "customers")}
    assert len(orders) == 100
    assert {order["customer_id"] for order in orders} <= customers
    assert {item["order_id"] for item in items} == {order["_id"] for order in orders}
    workload.drop_data(data)
    with MongoClient[dict[str, Any]](mongo_url) as client:
        assert client.get_default_database().list_collection_names() == []


def test_documents_can_be_searched(mongo_url: str) -> None:
    target = open_target(mongo_url)
    workload_of(target).make_data(Data(use="documents", rows=200))
    search = {"find": "documents", "filter": {"$text": {"$search": "data"}}}
    assert _outcome(mongo_url, search, rows=">=1") is None


def test_a_load_that_was_cut_short_is_dropped_and_made_anew(mongo_url: str) -> None:
    workload = workload_of(open_target(mongo_url))
    data = Data(use="kv", rows=20, keep=True)
    workload.make_data(data)
    with MongoClient[dict[str, Any]](mongo_url) as client:
        database = client.get_default_database()
        (there,) = database.list_collections(filter={"name": "kv"})
        comment = there["options"]["validator"]["$comment"].replace('"kept": true', '"kept": false')
        unfinished = {"validator": {"$comment": comment}, "validationLevel": "off"}
        database.command({"collMod": "kv", **unfinished})
        database.kv.delete_one({"_id": 7})
    assert workload.make_data(data)
    assert len(_documents(mongo_url, "kv")) == 20


@pytest.mark.parametrize("command", [{"insert": "kv", "documents": [{"_id": 1}]}, {"create": "kv"}])
def test_a_collection_in_the_place_of_one_that_perfkit_made_is_the_users(
    mongo_url: str, command: Command
) -> None:
    workload = workload_of(open_target(mongo_url))
    data = Data(use="kv", rows=10)
    workload.make_data(data)
    with MongoClient[dict[str, Any]](mongo_url) as client:
        database = client.get_default_database()
        database.kv.drop()
        database.command(command)
        workload.drop_data(data)
        with pytest.raises(TargetError, match="'kv'"):
            workload.make_data(data)
        assert database.list_collection_names() == ["kv"]
        assert database.kv.count_documents({}) == len(command.get("documents", []))


def test_the_mark_of_a_collection_keeps_nothing_out_of_it(mongo_url: str) -> None:
    target = open_target(mongo_url)
    workload_of(target).make_data(Data(use="kv", rows=10))
    assert _outcome(mongo_url, {"insert": "kv", "document": {"_id": "x", "any": ["thing"]}}) is None


def test_a_view_that_has_the_name_is_left_alone(mongo_url: str) -> None:
    workload = workload_of(open_target(mongo_url))
    with MongoClient[dict[str, Any]](mongo_url) as client:
        database = client.get_default_database()
        database.create_collection("kv", viewOn="c")
        with pytest.raises(TargetError, match="'kv'"):
            workload.make_data(Data(use="kv", rows=10))
        workload.drop_data(Data(use="kv", rows=10))
        assert "kv" in database.list_collection_names()


def test_dropping_one_dataset_keeps_the_other(mongo_url: str) -> None:
    workload = workload_of(open_target(mongo_url))
    kv, documents = Data(use="kv", rows=10), Data(use="documents", rows=10, keep=True)
    workload.make_data(kv)
    workload.make_data(documents)
    workload.drop_data(kv)
    assert len(_documents(mongo_url, "documents")) == 10
    assert not workload.make_data(documents)


# -- statements and metrics -----------------------------------------------------------------------


def test_setup_statements_are_any_commands_in_order(mongo_url: str) -> None:
    index = {"key": {"v": 1}, "name": "v_1"}
    workload_of(open_target(mongo_url)).run_statements(
        [
            {"create": "c"},
            {"createIndexes": "c", "indexes": [index]},
            {"insert": "c", "documents": [{"_id": {"$oid": "65e0c2f4a1b2c3d4e5f60718"}}]},
        ]
    )
    assert _documents(mongo_url) == [{"_id": ObjectId("65e0c2f4a1b2c3d4e5f60718")}]


def test_a_setup_statement_that_fails_is_told_in_the_servers_words(mongo_url: str) -> None:
    with pytest.raises(TargetError, match=r"nonsense.*no such command"):
        workload_of(open_target(mongo_url)).run_statements([{"nonsense": 1}])


def test_a_setup_write_that_fails_is_an_error_although_its_reply_is_good(mongo_url: str) -> None:
    twice = {"insert": "c", "documents": [{"_id": 1}, {"_id": 1}]}
    with pytest.raises(TargetError, match="duplicate key"):
        workload_of(open_target(mongo_url)).run_statements([twice])


@pytest.mark.parametrize("statement", ["db.c.drop()", ["drop", "c"], {}, {"find": {"$oid": "x"}}])
def test_a_setup_statement_of_another_kind_is_a_usage_error(mongo_url: str, statement: Any) -> None:
    with pytest.raises(UsageError):
        workload_of(open_target(mongo_url)).run_statements([statement])


def test_the_servers_process_is_known_when_it_is_here(mongo: Server) -> None:
    assert need(open_target(mongo.url).metrics).server_pid == mongo.pid


def test_counters_grow_with_the_load(mongo_url: str) -> None:
    target = open_target(mongo_url)
    insert = _operation({"insert": "c", "document": {"_id": "{id}"}}, params={"id": Sequential()})
    with need(target.metrics).open() as source:
        before = {metric.name: metric.value or 0 for metric in source.sample()}
        for number in range(10):
            assert outcome(target, insert, number) is None
        after = {metric.name: metric.value or 0 for metric in source.sample()}
    name = "mongodb_ss_opcounters_insert"
    assert after[name] - before[name] == 10
    assert after["mongodb_ss_wt_cache_bytes"] > 0


def test_metrics_of_a_server_that_hangs_are_a_target_error_within_seconds(
    private_mongo: StartServer,
) -> None:
    server = private_mongo()
    with need(open_target(server.url).metrics).open() as source:
        source.sample()
        server.pause()
        try:
            with pytest.raises(TargetError, match="does not answer"):
                source.sample()
        finally:
            server.resume()
