"""`perfkit profile`: list, show, diff and apply."""

import contextlib
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import FrameType
from typing import TypeVar

from perfkit import __version__
from perfkit.backends import backend_name, look_at
from perfkit.backends.base import Target, need
from perfkit.errors import TargetError
from perfkit.machine import environment
from perfkit.results import (
    SCHEMA_VERSION,
    Caveat,
    ProfileList,
    ProfileResult,
    Report,
    Result,
    SettingRow,
    TargetInfo,
)
from perfkit.tuning.applying import Applying, chosen, write_undo_file
from perfkit.tuning.comparing import Compared, compared, plain_row
from perfkit.tuning.config import config_text
from perfkit.tuning.facts import Fact, facts_for, machine_of
from perfkit.tuning.options import Options
from perfkit.tuning.profile import Profile, load_profile, profiles, refuse_other_backend
from perfkit.tuning.wanted import Wanted, worked_out
from perfkit.units import NS_PER_S, show_duration

R = TypeVar("R", bound=Result)


def list_profiles(time_limit_ns: int | None = None) -> Report[ProfileList]:
    """Every profile that ships. ScenarioError where one of them is broken."""
    started_at = datetime.now(UTC)
    with _time_limit(time_limit_ns):
        rows = tuple(each.row for each in profiles())
    return _report("perfkit.profile-list", ProfileList(rows), started_at)


def run(options: Options) -> Report[ProfileResult]:
    """Shows the profile, holds it against the target, or applies it there.

    Applying without `yes` changes nothing: the result then tells what is due. UsageError,
    ScenarioError or TargetError when it can't be done; an error in the middle of applying says what
    was set before it.
    """
    started_at = datetime.now(UTC)
    with _time_limit(options.time_limit_ns):
        work = _prepared(options)
        result, caveats = _result(options, work)
    info = None if work.target is None else work.target.info
    return _report("perfkit.profile", result, started_at, info, caveats)


def config(options: Options) -> str:
    """The profile as the text of a configuration file."""
    with _time_limit(options.time_limit_ns):
        work = _prepared(options)
    return config_text(work.profile, work.wanted, work.facts)


@dataclass(frozen=True, slots=True)
class _Work:
    """A profile worked out for a machine."""

    profile: Profile
    target: Target | None
    facts: Mapping[str, Fact]
    wanted: tuple[Wanted, ...]

    def result(
        self, options: Options, rows: Sequence[SettingRow], due: Iterable[str] = ()
    ) -> ProfileResult:
        machine = tuple(fact.row(name) for name, fact in self.facts.items())
        return ProfileResult(options.action, self.profile.row, machine, tuple(rows), tuple(due))


def _prepared(options: Options) -> _Work:
    """Everything that can be wrong is found here, before anything is changed."""
    profile = load_profile(options.profile)
    given = machine_of(options.machine)
    if options.target is not None:
        refuse_other_backend(profile, backend_name(options.target))
    target = None if options.target is None else look_at(options.target)
    facts = facts_for(profile, target, given)
    return _Work(profile, target, facts, worked_out(profile, facts))


def _result(options: Options, work: _Work) -> tuple[ProfileResult, tuple[Caveat, ...]]:
    if options.action == "show" or work.target is None:
        return work.result(options, tuple(map(plain_row, work.wanted))), ()
    before = compared(work.wanted, need(work.target.settings))
    if options.action == "diff":
        return work.result(options, before.rows, before.due), before.caveats
    due = chosen(before, work.wanted, options.only)
    if not due or not options.yes:
        return work.result(options, before.rows, due), before.caveats
    return _applied(options, work, work.target, before, due)


def _applied(
    options: Options, work: _Work, target: Target, before: Compared, due: Mapping[str, str]
) -> tuple[ProfileResult, tuple[Caveat, ...]]:
    settings = need(target.settings)
    undo_file = write_undo_file(options, work.profile, target.info, before, settings, due)
    applying = Applying(settings, undo_file)
    applying.set_all(due)
    after = applying.read_back(work.wanted)
    result = replace(
        work.result(options, after.rows, due),
        applied=tuple(applying.applied),
        undo_file=undo_file,
        interrupted=applying.interrupted,
    )
    return result, after.caveats


@contextlib.contextmanager
def _time_limit(limit_ns: int | None) -> Iterator[None]:
    """TargetError in the block when the command has taken longer."""
    if limit_ns is None:
        yield
        return

    def over(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  what signal calls
        raise TargetError(
            f"the time limit of {show_duration(limit_ns)} is over", hint="raise --timeout"
        )

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit_ns / NS_PER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _report(
    schema: str,
    result: R,
    started_at: datetime,
    target: TargetInfo | None = None,
    caveats: tuple[Caveat, ...] = (),
) -> Report[R]:
    return Report(
        schema=schema,
        schema_version=SCHEMA_VERSION,
        perfkit_version=__version__,
        started_at=started_at.isoformat(timespec="milliseconds"),
        duration_s=(datetime.now(UTC) - started_at).total_seconds(),
        environment=environment({}),
        target=target,
        result=result,
        caveats=caveats,
    )
