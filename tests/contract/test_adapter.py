"""What every adapter promises in `perfkit.backends.base`, on a real server of each."""

import os
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

import pytest

from perfkit.backends import open_target
from perfkit.backends.base import (
    PENDING,
    ConnectionLostError,
    Failure,
    Missing,
    Target,
    Workload,
    need,
)
from perfkit.errors import PerfkitError, TargetError
from perfkit.scenario import Data, Operation
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
from tests.contract.examples import EXAMPLES, Example, expecting
from tests.servers.process import Server

KV = Data(use="kv", rows=50, value_size=20)
SERVERS = ["postgres", "redis", "mongo"]
PATIENCE_S = 10


@dataclass
class Backend:
    """An empty database of a backend, with its examples."""

    name: str
    url: str
    target: Target
    example: Example

    @property
    def workload(self) -> Workload:
        return workload_of(self.target)


def _backend(name: str, url: str) -> Backend:
    return Backend(name, url, open_target(url), EXAMPLES[name])


@pytest.fixture(params=list(EXAMPLES))
def empty(request: pytest.FixtureRequest) -> Backend:
    return _backend(request.param, request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def backend(empty: Backend) -> Backend:
    """One that holds KV."""
    assert empty.workload.make_data(KV)
    return empty


# -- the target -----------------------------------------------------------------------------------


def test_a_target_tells_its_facts(empty: Backend) -> None:
    info = empty.target.info
    assert info.server_version
    assert empty.target.local
    assert empty.target.host
    assert info.url.partition("://")[0] == empty.url.partition("://")[0]


def test_an_open_target_can_be_forked(backend: Backend) -> None:
    """Workers are forks: threads of the parent would not come along, its connections would."""
    before = set(threading.enumerate())
    backend.workload.check([backend.example.read])
    deadline_s = time.monotonic() + PATIENCE_S
    while set(threading.enumerate()) - before:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    child = os.fork()
    if child == 0:
        failure = None
        try:
            failure = outcome(backend.target, backend.example.read, 1)
        finally:
            os._exit(0 if failure is None else 1)
    assert os.waitpid(child, 0)[1] == 0


# -- datasets -------------------------------------------------------------------------------------


def test_a_dataset_is_made_and_dropped(backend: Backend) -> None:
    assert outcome(backend.target, expecting(backend.example.read, rows=1), 50) is None
    assert outcome(backend.target, expecting(backend.example.read, rows=0), 51) is None
    assert len(backend.example.stored(backend.url)) == KV.value_size
    backend.workload.drop_data(KV)
    backend.example.occupy(backend.url)  # its name is free again


def test_a_dataset_has_the_same_values_on_every_backend(backend: Backend) -> None:
    assert backend.example.stored(backend.url) == "cWZBhTvj30ADL3WsJ1uz"


def test_a_dataset_that_was_kept_is_used_again(empty: Backend) -> None:
    kept = KV.model_copy(update={"keep": True})
    assert empty.workload.make_data(kept)
    assert outcome(empty.target, empty.example.write, "changed") is None
    assert not empty.workload.make_data(kept)
    assert empty.example.stored(empty.url) == "changed"


def test_a_dataset_with_other_parameters_is_made_anew(backend: Backend) -> None:
    assert backend.workload.make_data(KV.model_copy(update={"rows": 60}))
    assert outcome(backend.target, expecting(backend.example.read, rows=1), 60) is None


def test_a_name_that_the_user_has_taken_is_refused_and_left_alone(empty: Backend) -> None:
    empty.example.occupy(empty.url)
    with pytest.raises(TargetError) as refusal:
        empty.workload.make_data(KV)
    assert "kv" in str(refusal.value)
    assert refusal.value.hint
    with pytest.raises(Exception, match=r"(?i)exist|duplicate|precious"):
        _occupy_again(empty)


def _occupy_again(empty: Backend) -> None:
    """Fails because what the user has is still there."""
    if empty.name == "redis":
        assert empty.example.stored(empty.url) != "precious", "precious is still there"
    empty.example.occupy(empty.url)


def test_dropping_spares_what_perfkit_did_not_make(empty: Backend) -> None:
    empty.example.occupy(empty.url)
    empty.workload.drop_data(KV)
    with pytest.raises(Exception, match=r"(?i)exist|duplicate|precious"):
        _occupy_again(empty)


def test_describing_data_names_it_and_its_size(empty: Backend) -> None:
    sentence = empty.workload.describe_data(KV)
    assert "kv" in sentence
    assert "50" in sentence


# -- operations -----------------------------------------------------------------------------------


def test_values_reach_the_server(backend: Backend) -> None:
    assert outcome(backend.target, backend.example.write, "it's “new”") is None
    assert backend.example.stored(backend.url) == "it's “new”"


def test_one_channel_carries_one_operation_after_the_other(backend: Backend) -> None:
    read = expecting(backend.example.read, rows=1)
    with (
        session_of(backend.target, bound(read, 7), bound(backend.example.write, "w")) as session,
        channel_of(session) as channel,
    ):
        for number in (0, 1, 0, 0, 1):
            assert perform(session, channel, session.operations[number]) is None


@pytest.mark.parametrize("rows", [2, "2", ">=2", "2..5", 0])
def test_another_number_of_rows_is_unexpected(backend: Backend, rows: int | str) -> None:
    failure = outcome(backend.target, expecting(backend.example.read, rows=rows), 1)
    assert failure is not None
    assert failure.error_class == "unexpected"
    assert str(rows) in failure.message
    assert "1" in failure.message


@pytest.mark.parametrize("rows", [1, "1", ">=1", "1..5"])
def test_the_expected_number_of_rows_is_right(backend: Backend, rows: int | str) -> None:
    assert outcome(backend.target, expecting(backend.example.read, rows=rows), 1) is None


def test_an_error_has_the_class_that_the_servers_users_know(backend: Backend) -> None:
    failure = outcome(backend.target, backend.example.failing)
    assert failure is not None
    assert failure.error_class == backend.example.error_class
    assert failure.message
    assert not failure.retryable


def test_an_error_class_may_be_all_right(backend: Backend) -> None:
    allowed = expecting(backend.example.failing, error=(backend.example.error_class,))
    assert outcome(backend.target, allowed) is None


def test_an_error_leaves_the_channel_usable(backend: Backend) -> None:
    operations = bound(backend.example.failing), bound(expecting(backend.example.read, rows=1), 1)
    with session_of(backend.target, *operations) as session, channel_of(session) as channel:
        assert perform(session, channel, session.operations[0]) is not None
        assert perform(session, channel, session.operations[1]) is None


def test_a_value_of_a_mebibyte_goes_through(backend: Backend) -> None:
    text = "0123456789abcdef" * 65_536
    assert outcome(backend.target, backend.example.write, text) is None
    assert outcome(backend.target, expecting(backend.example.read, rows=1), 1) is None
    assert backend.example.stored(backend.url) == text


def test_a_channel_at_rest_has_nothing_to_receive(backend: Backend) -> None:
    with (
        session_of(backend.target, bound(backend.example.read, 1)) as session,
        channel_of(session) as channel,
    ):
        assert channel.receive() is PENDING
        assert perform(session, channel, session.operations[0]) is None
        assert channel.receive() is PENDING


# -- checks before the run ------------------------------------------------------------------------


def test_a_sound_operation_passes_the_check(backend: Backend) -> None:
    example = backend.example
    assert backend.workload.check([example.read, example.write, example.failing]) == []


def test_a_wrong_operation_is_found_by_the_check(backend: Backend) -> None:
    ((operation, words),) = backend.workload.check([backend.example.read, backend.example.refused])
    assert operation is backend.example.refused
    assert words


def test_an_operation_of_another_backend_is_found_by_the_check(backend: Backend) -> None:
    ((operation, words),) = backend.workload.check([backend.example.foreign])
    assert operation is backend.example.foreign
    assert words


def test_checking_executes_nothing(backend: Backend) -> None:
    before = backend.example.stored(backend.url)
    backend.workload.check([backend.example.write, backend.example.failing])
    assert backend.example.stored(backend.url) == before


def test_reads_and_writes_are_told_apart(backend: Backend) -> None:
    assert not backend.workload.writes(backend.example.read)
    assert backend.workload.writes(backend.example.write)


# -- what goes wrong ------------------------------------------------------------------------------


def test_abandoning_leaves_nothing_running_on_the_server(backend: Backend) -> None:
    with session_of(backend.target, bound(backend.example.slow)) as session:
        channel = session.open()
        session.poller.register(channel.key, 1)
        start(session, channel, session.operations[0].make())
        if backend.name != "sqlite":
            _wait_for(backend, running=1)
        session.poller.unregister(channel.key)
        channel.abandon()
    _wait_for(backend, running=0)


def _wait_for(backend: Backend, running: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while (now := backend.example.running(backend.url)) != running:
        assert time.monotonic() < deadline_s, f"{now} running"
        time.sleep(0.02)


@pytest.fixture(params=SERVERS)
def own(request: pytest.FixtureRequest) -> tuple[Backend, Server]:
    """A server that a test may restart."""
    server: Server = request.getfixturevalue(f"private_{request.param}")()
    url = server.url if request.param != "mongo" else _with_database(server.url)
    return _backend(request.param, url), server


def _with_database(url: str) -> str:
    return url if url.rpartition("/")[2] else f"{url}test"


def test_a_lost_connection_is_told_and_a_new_one_works(own: tuple[Backend, Server]) -> None:
    backend, server = own
    backend.workload.make_data(KV)
    with session_of(backend.target, bound(backend.example.read, 1)) as session:
        channel = session.open()
        session.poller.register(channel.key, 1)
        assert perform(session, channel, session.operations[0]) is None
        server.restart()
        with pytest.raises(ConnectionLostError) as lost:
            perform(session, channel, session.operations[0])
        assert str(lost.value)
        session.poller.unregister(channel.key)
        channel.close()
        with channel_of(session) as again:
            assert perform(session, again, session.operations[0]) is None


def test_a_connection_lost_at_rest_is_told_by_receive(own: tuple[Backend, Server]) -> None:
    backend, server = own
    backend.workload.make_data(KV)
    with session_of(backend.target, bound(backend.example.read, 1)) as session:
        channel = session.open()
        session.poller.register(channel.key, 1)
        server.kill()
        with pytest.raises(ConnectionLostError):
            _receive_until_lost(session, channel)
        session.poller.unregister(channel.key)
        channel.close()


def _receive_until_lost(session: Any, channel: Any) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        session.poller.wait(100_000_000)
        channel.receive()


def test_a_server_that_is_gone_is_a_target_error(own: tuple[Backend, Server]) -> None:
    backend, server = own
    assert str(server.port) in backend.url
    with session_of(backend.target, bound(backend.example.read, 1)) as session:
        server.stop()
        with pytest.raises(TargetError) as from_session:
            session.open()
    with pytest.raises(TargetError) as from_target:
        open_target(backend.url)
    assert str(server.port) in str(from_session.value)
    assert str(server.port) in str(from_target.value)


def _with_password(name: str, request: pytest.FixtureRequest) -> Server:
    options: dict[str, dict[str, Any]] = {
        "postgres": {},
        "redis": {"password": "hush-hush"},
        "mongo": {"auth": True},
    }
    server: Server = request.getfixturevalue(f"private_{name}")(**options[name])
    return server


@pytest.mark.parametrize("name", SERVERS)
def test_no_password_is_in_any_text(name: str, request: pytest.FixtureRequest) -> None:
    server = _with_password(name, request)
    password = server.url.partition("@")[0].rpartition(":")[2]
    url = server.url
    wrong, odd = url.replace(password, "sesame"), url.replace(password, "ses%40me")
    target = open_target(url)
    texts = [repr(target), str(target.info)]
    for bad in (
        wrong,
        odd,
        url.replace(str(server.port), "1"),
        wrong.replace(str(server.port), "x1"),
    ):
        with pytest.raises(PerfkitError) as refusal:
            open_target(bad)
        texts.append("".join(traceback.format_exception_only(refusal.value)))
        texts.append(refusal.value.hint or "")
    server.stop()
    with pytest.raises(PerfkitError) as gone:
        open_target(url)
    texts.append(str(gone.value))
    for secret in (password, "sesame", "ses%40me", "ses@me"):
        assert not [text for text in texts if secret in text]


# -- metrics --------------------------------------------------------------------------------------


def test_metrics_are_numbers_under_different_names(backend: Backend) -> None:
    with need(backend.target.metrics).open() as source:
        metrics = list(source.sample())
        source.statements()
    assert metrics
    assert len({metric.name for metric in metrics}) == len(metrics)
    assert any(metric.value is not None for metric in metrics)


# -- the fake server ------------------------------------------------------------------------------

ANY = Operation(name="any", sql="SELECT :id")


def test_the_fake_server_answers_after_its_latency() -> None:
    target = open_target("fake://?latency=3ms")
    with session_of(target, bound(ANY, 1)) as session, channel_of(session) as channel:
        before_ns = session.clock()
        assert perform(session, channel, session.operations[0]) is None
        assert session.clock() - before_ns == 3_000_000


def test_the_fake_server_loses_connections_as_told() -> None:
    target = open_target("fake://?lose=100%")
    with (
        session_of(target, bound(ANY, 1)) as session,
        channel_of(session) as channel,
        pytest.raises(ConnectionLostError),
    ):
        answer(session, channel, session.operations[0].make())


def test_the_fake_server_fails_as_told() -> None:
    failure = outcome(open_target("fake://?error=100%"), ANY, 1)
    assert failure == Failure("fake_error", "the script says so")


def test_the_fake_server_has_no_metrics() -> None:
    assert isinstance(open_target("fake://").metrics, Missing)
