"""The smallest engine there is: one operation at a time on one channel, as base.py describes it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from perfkit.backends.base import (
    PENDING,
    Bound,
    Channel,
    Compiled,
    Failure,
    Session,
    Target,
    Workload,
    need,
)
from perfkit.backends.waiting import READ, WRITE
from perfkit.scenario import Operation
from perfkit.scenario.placeholders import sql_choices, sql_names, template_names
from perfkit.units import NS_PER_S

PATIENCE_S = 15


def names_of(operation: Operation) -> tuple[str, ...]:
    """The params that an operation uses, in the order in which they are drawn."""
    statements = operation.transaction or operation.statements or ()
    texts = [operation.sql or "", *(each.sql for each in statements)]
    found = [name for text in texts for name in sql_names(text)]
    found += [name for text in texts for name in sql_choices(text, operation.params)]
    found += template_names(operation.mongo or {})
    found += template_names(operation.redis or ())
    return tuple(dict.fromkeys(found))


def bound(operation: Operation, *values: Any) -> Bound:
    return Bound(operation, names_of(operation), lambda: values)


def workload_of(target: Target) -> Workload:
    return need(target.workload)


@contextmanager
def session_of(target: Target, *operations: Bound) -> Iterator[Session]:
    session = workload_of(target).session(operations)
    try:
        yield session
    finally:
        session.close()
        session.poller.close()


@contextmanager
def channel_of(session: Session) -> Iterator[Channel]:
    channel = session.open()
    session.poller.register(channel.key, READ)
    try:
        yield channel
    finally:
        session.poller.unregister(channel.key)
        channel.close()


def start(session: Session, channel: Channel, request: Any) -> None:
    """Sends a request, also one that does not fit into the socket's buffer at once."""
    left = channel.send(request)
    while left:
        session.poller.modify(channel.key, READ | WRITE)
        session.poller.wait(NS_PER_S)
        left = channel.flush()
    session.poller.modify(channel.key, READ)


def answer(session: Session, channel: Channel, request: Any) -> Any:
    """The reply to a request."""
    start(session, channel, request)
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        ready = session.poller.wait(NS_PER_S)
        if any(key == channel.key for key, _ in ready):
            reply = channel.receive()
            if reply is not PENDING:
                return reply
    raise AssertionError("no reply")


def perform(session: Session, channel: Channel, operation: Compiled) -> Failure | None:
    """Makes an operation, does it and judges it."""
    request = operation.make()
    if operation.judge is not None:
        return operation.judge(answer(session, channel, request))
    for turn, judge in zip(request, operation.judges, strict=True):
        failure = judge(answer(session, channel, turn))
        if failure is not None:
            if operation.undo is not None:
                answer(session, channel, operation.undo)
            return failure
    return None


def outcome(target: Target, operation: Operation, *values: Any) -> Failure | None:
    """What becomes of an operation on a connection of its own."""
    with session_of(target, bound(operation, *values)) as session, channel_of(session) as channel:
        return perform(session, channel, session.operations[0])
