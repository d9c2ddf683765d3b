"""Redis: commands, pipelines, connections; what all backends share is in tests/contract."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from redis import Redis

from perfkit.backends import open_target
from perfkit.backends.base import Failure, need
from perfkit.errors import PerfkitError, TargetError, UsageError
from perfkit.scenario import Data, Expect, Operation, SetupStatement
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


def _operation(*commands: tuple[Any, ...], **more: Any) -> Operation:
    return Operation(name="o", redis=commands, **more)


def _outcome(url: str, *commands: tuple[Any, ...], **expect: Any) -> Failure | None:
    return outcome(open_target(url), _operation(*commands, expect=Expect(**expect)))


def _ask(url: str, *command: Any) -> Any:
    with Redis.from_url(url, decode_responses=True) as client:
        return client.execute_command(*command)


def _why(url: str, *commands: tuple[Any, ...]) -> str:
    ((_, why),) = workload_of(open_target(url)).check([_operation(*commands)])
    return why


# -- commands and pipelines -----------------------------------------------------------------------


def test_values_of_any_type_are_stored_as_text(redis_url: str) -> None:
    target = open_target(redis_url)
    written = _operation(("RPUSH", "l", "{a}", "{b}", "{c}", 7, 2.5, "100%d {{x}}"))
    assert outcome(target, written, 12, 0.5, "ü") is None
    assert _ask(redis_url, "LRANGE", "l", 0, -1) == ["12", "0.5", "ü", "7", "2.5", "100%d {x}"]


def test_an_operation_without_placeholders_is_sent_as_it_stands(redis_url: str) -> None:
    assert _outcome(redis_url, ("SET", "k", "{{v}}")) is None
    assert _ask(redis_url, "GET", "k") == "{v}"


def test_a_pipeline_is_answered_by_the_list_of_its_replies(redis_url: str) -> None:
    pipeline = _operation(("SET", "k:{id}", 1), ("INCR", "k:{id}"), ("GET", "k:{id}"))
    with (
        session_of(open_target(redis_url), bound(pipeline, 5)) as session,
        channel_of(session) as channel,
    ):
        for _ in range(3):
            assert answer(session, channel, session.operations[0].make()) == [b"OK", 2, b"2"]


def test_a_long_pipeline_goes_through_in_pieces(redis_url: str) -> None:
    commands = tuple(("SET", f"k{n}", "x" * 10_000) for n in range(500))
    assert _outcome(redis_url, *commands, rows=500) is None
    assert _outcome(redis_url, *(("GET", f"k{n}") for n in range(500)), rows=500) is None


def test_rows_of_a_pipeline_are_counted_together(redis_url: str) -> None:
    _ask(redis_url, "RPUSH", "l", 1, 2, 3)
    assert (
        _outcome(redis_url, ("LRANGE", "l", 0, -1), ("GET", "none"), ("LLEN", "l"), rows=4) is None
    )


@pytest.mark.parametrize(
    ("command", "rows"), [(("GET", "none"), 0), (("LLEN", "l"), 1), (("LRANGE", "l", 0, -1), 2)]
)
def test_rows_are_elements_none_for_nil_and_else_one(
    redis_url: str, command: tuple[Any, ...], rows: int
) -> None:
    _ask(redis_url, "RPUSH", "l", "a", "b")
    assert _outcome(redis_url, command, rows=rows) is None
    failure = _outcome(redis_url, command, rows=rows + 1)
    assert failure is not None
    assert failure.error_class == "unexpected"


def test_the_value_is_the_reply_or_its_first_element(redis_url: str) -> None:
    _ask(redis_url, "RPUSH", "l", "a", "b")
    assert _outcome(redis_url, ("LRANGE", "l", 0, -1), value="a") is None
    assert _outcome(redis_url, ("LLEN", "l"), value=2) is None
    failure = _outcome(redis_url, ("LLEN", "l"), value=3)
    assert failure == Failure("unexpected", "expected the value 3, got '2'")


def test_an_error_within_a_pipeline_fails_the_operation(redis_url: str) -> None:
    failure = _outcome(redis_url, ("SET", "k", "v"), ("LPUSH", "k", "x"), ("GET", "k"))
    assert failure is not None
    assert failure.error_class == "WRONGTYPE"


def test_an_error_within_a_transaction_fails_the_operation(redis_url: str) -> None:
    _ask(redis_url, "SET", "k", "v")
    failure = _outcome(redis_url, ("MULTI",), ("LPUSH", "k", "x"), ("EXEC",))
    assert failure is not None
    assert failure.error_class == "WRONGTYPE"


def test_an_error_that_is_all_right_does_not_hide_another(redis_url: str) -> None:
    _ask(redis_url, "SET", "k", "v")
    failure = _outcome(redis_url, ("LPUSH", "k", "x"), ("INCR", "k"), error=("WRONGTYPE",))
    assert failure is not None
    assert failure.error_class == "ERR"


def test_a_transaction_undone_by_a_watched_key_may_be_tried_again(redis_url: str) -> None:
    transaction = _operation(("WATCH", "k"), ("MULTI",), ("SET", "k", 1), ("EXEC",))
    with (
        session_of(open_target(redis_url), bound(transaction)) as session,
        channel_of(session) as channel,
    ):
        judge = session.operations[0].judge
        assert judge is not None
        assert perform(session, channel, session.operations[0]) is None
        failure = judge([b"OK", b"OK", b"QUEUED", None])
    assert failure is not None
    assert failure.retryable


def test_a_script_that_returns_an_error_fails_the_operation(redis_url: str) -> None:
    script = "return {1, redis.error_reply('MYERR no')}"
    failure = _outcome(redis_url, ("EVAL", script.replace("{", "{{").replace("}", "}}"), 0))
    assert failure == Failure("MYERR", "MYERR no")


def test_every_command_of_the_load_is_counted_by_the_server(redis_url: str) -> None:
    target = open_target(redis_url)
    operation = _operation(("INCR", "counter"), ("INCR", "counter"))
    with session_of(target, bound(operation)) as session, channel_of(session) as channel:
        for _ in range(100):
            assert perform(session, channel, session.operations[0]) is None
    assert _ask(redis_url, "GET", "counter") == "200"


# -- checks before the run ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([("GTE", "k")], "knows no command GTE"),
        ([("GET", "a", "b")], "takes 1 argument, not 2"),
        ([("SET", "a")], "takes at least 2 arguments, not 1"),
        ([("SUBSCRIBE", "c")], "only listens"),
        ([("monitor",)], "only listens"),
        ([("BLPOP", "l", 0)], "wait for ever"),
        ([("XREAD", "BLOCK", 0, "STREAMS", "s", "$")], "wait for ever"),
        ([("SELECT", 1)], "changes the connection"),
        ([("CLIENT", "REPLY", "OFF")], "changes the connection"),
        ([("FLUSHALL",)], "outside the load"),
        ([("SLOWLOG", "GET")], "outside the load"),
        ([("MULTI",), ("SET", "a", 1)], "MULTI without an EXEC"),
        ([("EXEC",)], "EXEC without a MULTI"),
        ([("WATCH", "k")], "WATCH without"),
        ([("SET", "k", None)], "no argument"),
        ([("SET", "k", True)], "no argument"),
        ([("SET", "k", "{")], "write {{"),
        ([("{command}", "k")], "can't be a param"),
        ([()], "empty command"),
    ],
)
def test_what_can_not_carry_load_is_refused_with_a_sentence(
    redis_url: str, commands: list[tuple[Any, ...]], words: str
) -> None:
    assert words in _why(redis_url, *commands)


@pytest.mark.parametrize(
    "commands",
    [
        [("get", "k")],
        [("BLPOP", "l", 0.1)],
        [("BLPOP", "l", "{wait}")],
        [("XREAD", "COUNT", 1, "STREAMS", "s", 0)],
        [("MULTI",), ("INCR", "k"), ("EXEC",)],
        [("OBJECT", "ENCODING", "k")],
    ],
)
def test_what_can_carry_load_passes(redis_url: str, commands: list[tuple[Any, ...]]) -> None:
    assert workload_of(open_target(redis_url)).check([_operation(*commands)]) == []


@pytest.mark.parametrize(
    ("commands", "writes"),
    [
        ([("GET", "k")], False),
        ([("GET", "k"), ("TTL", "k"), ("PING",)], False),
        ([("OBJECT", "ENCODING", "k")], False),
        ([("GET", "k"), ("DEL", "k")], True),
        ([("EVAL", "return 1", 0)], True),
        ([("NOSUCHCOMMAND",)], True),
    ],
)
def test_writing_is_what_the_server_says_of_its_commands(
    redis_url: str, commands: list[tuple[Any, ...]], *, writes: bool
) -> None:
    assert workload_of(open_target(redis_url)).writes(_operation(*commands)) == writes


# -- connections ----------------------------------------------------------------------------------


def _refusal(url: str) -> PerfkitError:
    with pytest.raises(PerfkitError) as refusal:
        open_target(url)
    return refusal.value


def test_a_load_runs_over_tls(private_redis: StartServer) -> None:
    server = private_redis(tls=True)
    big = "x" * 300_000  # many TLS records, some of which wait inside the TLS layer
    write, read = _operation(("SET", "k", big)), _operation(("GET", "k"), ("GET", "k"))
    target = open_target(server.url)
    with session_of(target, bound(write), bound(read)) as session, channel_of(session) as channel:
        assert perform(session, channel, session.operations[0]) is None
        for _ in range(3):
            reply = answer(session, channel, session.operations[1].make())
            assert reply == [big.encode()] * 2


def test_an_unknown_certificate_is_refused_unless_the_url_says_so(
    private_redis: StartServer,
) -> None:
    bare = private_redis(tls=True).url.partition("?")[0]
    refusal = _refusal(bare)
    assert "certificate" in str(refusal)
    assert isinstance(refusal, TargetError)
    assert open_target(f"{bare}?ssl_cert_reqs=none").info.server_version


def test_plain_and_tls_are_not_confused_silently(
    redis_server: Server, private_redis: StartServer
) -> None:
    assert "TLS" in str(_refusal(redis_server.url.replace("redis://", "rediss://")))
    plain = private_redis(tls=True).url.partition("?")[0].replace("rediss://", "redis://")
    assert "rediss://" in str(_refusal(plain).hint)


def test_a_password_that_is_missing_or_wrong_is_told_apart(private_redis: StartServer) -> None:
    url = private_redis(password="hush-hush").url
    missing, wrong = (
        _refusal(url.replace(":hush-hush@", "")),
        _refusal(url.replace("hush-", "hash-")),
    )
    assert "asks for a password" in str(missing)
    assert "refuses the user name or password" in str(wrong)
    assert missing.hint
    assert wrong.hint
    assert outcome(open_target(url), _operation(("SET", "k", 1))) is None


def test_a_user_of_the_access_list_logs_in(private_redis: StartServer) -> None:
    server = private_redis()
    _ask(server.url, "ACL", "SETUSER", "ann", "on", ">p@ss", "~*", "+@all")
    url = server.url.replace("redis://", "redis://ann:p%40ss@")
    assert "p%40ss" not in open_target(url).info.url
    whoami = bound(_operation(("ACL", "WHOAMI")))
    with session_of(open_target(url), whoami) as session, channel_of(session) as channel:
        assert answer(session, channel, session.operations[0].make()) == b"ann"


def test_a_password_for_a_server_without_one_is_told(redis_server: Server) -> None:
    refusal = _refusal(redis_server.url.replace("redis://", "redis://:sesame@"))
    assert "has no password set" in str(refusal)


def test_the_database_of_the_url_is_the_one_that_is_used(redis_url: str) -> None:
    other = f"{redis_url.removesuffix('/0')}/3"
    assert _outcome(other, ("SET", "k", "in 3")) is None
    assert _ask(redis_url, "GET", "k") is None
    assert _ask(other, "GET", "k") == "in 3"


def test_a_database_that_does_not_exist_is_told(redis_url: str) -> None:
    assert "no such database" in str(_refusal(f"{redis_url.removesuffix('/0')}/99"))


@pytest.mark.parametrize("tail", ["/x", "/0?nonsense=1", "/-1", "/0#frag", "/0?ssl_ca_certs=x"])
def test_a_url_with_something_wrong_in_it_is_a_usage_error(redis_url: str, tail: str) -> None:
    refusal = _refusal(f"{redis_url.removesuffix('/0')}{tail}")
    assert isinstance(refusal, UsageError)
    assert refusal.hint


def test_a_certificate_file_that_is_missing_is_a_usage_error() -> None:
    assert isinstance(_refusal("rediss://127.0.0.1/0?ssl_ca_certs=/no/such/file"), UsageError)


class _Page(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@contextmanager
def _web_server() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_another_kind_of_server_is_told() -> None:
    with _web_server() as port:
        refusal = _refusal(f"redis://127.0.0.1:{port}/0")
    assert "Redis protocol" in str(refusal)
    assert isinstance(refusal, TargetError)


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refusal = _refusal(f"redis://127.0.0.1:{port}/0")
    assert f"127.0.0.1:{port} refuses the connection" in str(refusal)
    assert refusal.hint


def test_a_host_that_does_not_exist_is_told() -> None:
    assert "no host 'nowhere.invalid'" in str(_refusal("redis://nowhere.invalid/0"))


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])
def test_a_name_that_no_host_can_have_is_told(host: str) -> None:
    refusal = _refusal(f"redis://{host}/0")
    assert isinstance(refusal, TargetError)
    assert f"no host {host!r}" in str(refusal)


def test_more_connections_than_the_server_takes_are_told(private_redis: StartServer) -> None:
    target = open_target(private_redis(settings={"maxclients": "10"}).url)
    with session_of(target, bound(_operation(("PING",)))) as session:
        channels = [session.open() for _ in range(10)]
        with pytest.raises(TargetError) as refusal:
            session.open()
        for channel in channels:
            channel.close()
    assert "maxclients" in (refusal.value.hint or "")


def test_a_cluster_is_refused(private_redis: StartServer) -> None:
    server = private_redis(settings={"cluster-enabled": "yes"})
    assert "Redis Cluster" in str(_refusal(server.url))


def test_a_replica_says_that_it_takes_no_writes(
    redis_server: Server, private_redis: StartServer
) -> None:
    replica = private_redis(settings={"replicaof": f"127.0.0.1 {redis_server.port}"})
    target = open_target(replica.url)
    assert target.info.settings["role"] == "slave"
    with pytest.raises(TargetError) as refusal:
        workload_of(target).make_data(Data(use="kv", rows=10))
    assert "is a replica" in str(refusal.value)


def test_connections_of_the_load_carry_perfkits_name(redis_url: str) -> None:
    ping = bound(_operation(("PING",)))
    with session_of(open_target(redis_url), ping) as session, channel_of(session):
        assert "name=perfkit" in str(_ask(redis_url, "CLIENT", "LIST"))


def test_settings_that_matter_are_reported(private_redis: StartServer) -> None:
    server = private_redis(settings={"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"})
    settings = open_target(server.url).info.settings
    assert settings["maxmemory"] == str(64 * 2**20)
    assert settings["maxmemory-policy"] == "allkeys-lru"


def test_a_user_without_config_and_command_can_still_be_driven(private_redis: StartServer) -> None:
    server = private_redis()
    _ask(server.url, "ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-config", "-command")
    target = open_target(server.url.replace("redis://", "redis://app:pw@"))
    assert "maxmemory" not in target.info.settings
    assert workload_of(target).check([_operation(("GET", "k"))]) == []
    assert outcome(target, _operation(("SET", "k", "v"))) is None


# -- data -----------------------------------------------------------------------------------------


def test_documents_are_hashes(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    data = Data(use="documents", rows=30)
    assert workload.make_data(data)
    assert set(_ask(redis_url, "HKEYS", "documents:30")) == {
        "category", "title", "body", "author", "updated_at",
    }  # fmt: skip
    workload.drop_data(data)
    assert _ask(redis_url, "DBSIZE") == 0


KV = Data(use="kv", rows=2_500, value_size=1)


def test_dropping_takes_keys_along_that_the_load_added(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    workload.make_data(KV)
    for number in (0, 2_501, 2_502, 9_999_999):
        _ask(redis_url, "SET", f"kv:{number}", "added")
    workload.drop_data(KV)
    assert _ask(redis_url, "DBSIZE") == 0


def test_dropping_takes_no_key_that_is_named_otherwise(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    workload.make_data(KV)
    others = {"other:1", "kv", "kv1", "kv:", "kv:1:tags", "kv:ann", "my:kv:1", "KV:1"}
    for name in others:
        _ask(redis_url, "SET", name, "precious")
    workload.drop_data(KV)
    assert set(_ask(redis_url, "KEYS", "*")) == others


@pytest.mark.parametrize("keep", [True, False])
def test_a_dataset_left_from_earlier_takes_no_key_along_that_it_did_not_make(
    redis_url: str, *, keep: bool
) -> None:
    workload = workload_of(open_target(redis_url))
    workload.make_data(KV.model_copy(update={"keep": keep}))
    _ask(redis_url, "SET", "kv:2501", "precious")
    with pytest.raises(TargetError, match="kv:2501") as refusal:
        workload.make_data(KV.model_copy(update={"rows": 100}))
    assert "delete them" in (refusal.value.hint or "")
    workload.drop_data(KV)
    assert _ask(redis_url, "KEYS", "*") == ["kv:2501"]


def test_a_key_is_found_among_any_number_of_others(redis_url: str) -> None:
    many = "for i = 1, 150000 do redis.call('SET', 'session:' .. i, 1) end"
    _ask(redis_url, "EVAL", many, 0)
    _ask(redis_url, "SET", "kv:60000", "precious")
    workload = workload_of(open_target(redis_url))
    with pytest.raises(TargetError, match="kv:60000"):
        workload.make_data(Data(use="kv", rows=100_000, value_size=1))
    assert _ask(redis_url, "GET", "kv:60000") == "precious"
    assert _ask(redis_url, "DBSIZE") == 150_001


def test_what_a_run_left_that_was_killed_is_made_anew_and_dropped(redis_url: str) -> None:
    workload_of(open_target(redis_url)).make_data(KV)
    again = workload_of(open_target(redis_url))
    assert again.make_data(KV)
    again.drop_data(KV)
    assert _ask(redis_url, "DBSIZE") == 0


def test_a_user_who_may_not_look_for_keys_is_refused(private_redis: StartServer) -> None:
    server = private_redis()
    _ask(server.url, "ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-scan")
    workload = workload_of(open_target(server.url.replace("redis://", "redis://app:pw@")))
    with pytest.raises(TargetError, match=r"looking for kv:\*.*does not allow this user"):
        workload.make_data(KV)
    assert _ask(server.url, "DBSIZE") == 0


def test_the_description_names_the_first_and_the_last_key(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    assert workload.describe_data(Data(use="kv", rows=100_000)) == (
        "make 100,000 keys, kv:1 to kv:100000, about 13.4 MiB in all, dropped afterwards"
    )
    assert workload.describe_data(Data(use="kv", rows=1)).startswith("make the key kv:1, about")


def test_orders_are_refused_with_what_would_do(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    with pytest.raises(UsageError) as refusal:
        workload.make_data(Data(use="orders", rows=10))
    assert refusal.value.hint == "use kv, documents, ycsb or redis-benchmark"
    assert _ask(redis_url, "DBSIZE") == 0


def test_a_load_that_was_cut_short_is_dropped_and_made_anew(redis_url: str) -> None:
    workload = workload_of(open_target(redis_url))
    data = Data(use="kv", rows=20, keep=True)
    workload.make_data(data)
    marker = _ask(redis_url, "GET", "perfkit:dataset:kv")
    _ask(redis_url, "SET", "perfkit:dataset:kv", marker.replace("true", "false"))
    _ask(redis_url, "DEL", "kv:7")
    assert workload.make_data(data)
    assert _ask(redis_url, "EXISTS", "kv:7") == 1


def test_a_key_far_from_the_first_names_makes_the_name_taken(redis_url: str) -> None:
    _ask(redis_url, "SET", "kv:users:ann", "precious")
    with pytest.raises(TargetError) as refusal:
        workload_of(open_target(redis_url)).make_data(Data(use="kv", rows=10))
    assert "kv:users:ann" in str(refusal.value)


def test_a_marker_that_perfkit_did_not_write_is_left_alone(redis_url: str) -> None:
    _ask(redis_url, "SET", "perfkit:dataset:kv", "precious")
    with pytest.raises(TargetError):
        workload_of(open_target(redis_url)).drop_data(Data(use="kv", rows=10))
    assert _ask(redis_url, "GET", "perfkit:dataset:kv") == "precious"


# -- statements and metrics -----------------------------------------------------------------------


def test_setup_statements_are_run_in_order(redis_url: str) -> None:
    statements: list[SetupStatement] = [["SET", "k", "{not filled in}"], ["APPEND", "k", 1]]
    workload_of(open_target(redis_url)).run_statements(statements)
    assert _ask(redis_url, "GET", "k") == "{not filled in}1"


def test_a_setup_statement_that_fails_is_told_in_the_servers_words(redis_url: str) -> None:
    with pytest.raises(TargetError, match=r"INCRBY.*not an integer"):
        workload_of(open_target(redis_url)).run_statements([["INCRBY", "k", "x"]])


@pytest.mark.parametrize("statement", ["SET k v", {"find": "kv"}, [], ["SUBSCRIBE", "c"]])
def test_a_setup_statement_of_another_kind_is_a_usage_error(redis_url: str, statement: Any) -> None:
    with pytest.raises(UsageError):
        workload_of(open_target(redis_url)).run_statements([statement])


def test_the_servers_process_is_known_when_it_is_here(redis_server: Server) -> None:
    assert need(open_target(redis_server.url).metrics).server_pid == redis_server.pid


def test_counters_grow_with_the_load(redis_url: str) -> None:
    target = open_target(redis_url)
    with need(target.metrics).open() as source:
        before = {metric.name: metric.value or 0 for metric in source.sample()}
        assert outcome(target, _operation(*[("GET", "none")] * 10)) is None
        after = {metric.name: metric.value or 0 for metric in source.sample()}
    name = "redis_keyspace_misses_total"
    assert after[name] - before[name] == 10


def test_statements_are_the_calls_of_each_command(redis_url: str) -> None:
    target = open_target(redis_url)
    with need(target.metrics).open() as source:
        _ask(redis_url, "CONFIG", "RESETSTAT")
        assert outcome(target, _operation(*[("HGET", "h", "f")] * 10)) is None
        source.sample()
        assert "INFO" not in source.statements()
        statistics = source.statements()["HGET"]
    assert statistics.calls == 10
    assert statistics.total_ms == pytest.approx(10 * statistics.mean_ms)


def test_metrics_of_a_server_that_hangs_are_a_target_error_within_seconds(
    private_redis: StartServer,
) -> None:
    server = private_redis()
    with need(open_target(server.url).metrics).open() as source:
        server.pause()
        try:
            with pytest.raises(TargetError, match="does not answer in time"):
                source.sample()
        finally:
            server.resume()


def test_a_session_works_in_a_forked_process(redis_url: str) -> None:
    target = open_target(redis_url)
    child = os.fork()
    if child == 0:
        failure: Any = "not run"
        try:
            failure = outcome(target, _operation(("SET", "k", "from the child")))
        finally:
            os._exit(0 if failure is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _ask(redis_url, "GET", "k") == "from the child"
