"""Setting what a profile wants: the undo file first, then one by one, and never a restart."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from perfkit.backends.base import Settings
from perfkit.errors import PerfkitError, TargetError, UsageError
from perfkit.results import Caveat, TargetInfo
from perfkit.scenario.fields import nearest
from perfkit.tuning.comparing import Compared, compared
from perfkit.tuning.options import Options
from perfkit.tuning.profile import Profile
from perfkit.tuning.undo import undo_path, undo_text, write_undo
from perfkit.tuning.wanted import Wanted

_IN_EFFECT_WITHIN_S = 2.0
"""A reload is a signal: sessions see it a moment later."""


def chosen(before: Compared, wanted: Sequence[Wanted], only: Sequence[str]) -> Mapping[str, str]:
    """What is due, of the settings asked for. UsageError for a name that is not in the profile."""
    known = [each.name for each in wanted]
    for name in only:
        if name not in known:
            raise UsageError(
                f"--only {name}: the profile has no such setting", hint=nearest(name, known)
            )
    return {name: value for name, value in before.due.items() if not only or name in only}


def write_undo_file(
    options: Options,
    profile: Profile,
    target: TargetInfo,
    before: Compared,
    settings: Settings,
    due: Iterable[str],
) -> str:
    """The path of the file that takes all of it back. Nothing is set when this fails."""
    path = options.undo or undo_path(profile.name, target.backend, datetime.now().astimezone())
    live = {row.name: row.live or "" for row in before.rows}
    try:
        undone = [(name, live[name], settings.undo(name)) for name in due]
    except TargetError as error:
        raise TargetError(f"nothing was changed: {error}", hint=error.hint) from error
    write_undo(path, undo_text(profile.name, target, str(path), undone))
    return str(path)


class Applying:
    """Sets values one after the other; `applied` are those that were set, also after an error."""

    def __init__(self, settings: Settings, undo_file: str) -> None:
        self.applied: list[str] = []
        self.interrupted = False
        self._settings = settings
        self._undo_file = undo_file

    def set_all(self, due: Mapping[str, str]) -> None:
        """TargetError at the first that the server refuses, which says what was set before it."""
        try:
            for name, value in due.items():
                self._set(name, value)
        except KeyboardInterrupt:
            self.interrupted = True

    def _set(self, name: str, value: str) -> None:
        try:
            self._settings.apply(name, value)
        except PerfkitError as error:
            done = (
                f"{', '.join(self.applied)} had been set"
                if self.applied
                else "nothing had been set"
            )
            raise TargetError(
                f"{name} could not be set to {value}: {error}; before it {done}",
                hint=f"{self._undo_file} takes back what was set",
            ) from error
        self.applied.append(name)

    def read_back(self, wanted: Sequence[Wanted]) -> Compared:
        """The rows as they are now, with a caveat for what was set and has no effect. TargetError."""
        try:
            return self._read_back(wanted, _IN_EFFECT_WITHIN_S)
        except KeyboardInterrupt:  # all is set: what remains is to tell
            self.interrupted = True
            return self._read_back(wanted, 0)
        except PerfkitError as error:
            raise TargetError(
                f"{', '.join(self.applied)} had been set, but can't be read back: {error}",
                hint=f"{self._undo_file} takes back what was set",
            ) from error

    def _read_back(self, wanted: Sequence[Wanted], wait_s: float) -> Compared:
        ends_at_s = time.monotonic() + wait_s
        after = compared(wanted, self._settings)
        while self._idle(after) and time.monotonic() < ends_at_s:
            time.sleep(0.05)
            after = compared(wanted, self._settings)
        caveats = tuple(
            Caveat("no_effect", f"{name} was set, and a session of this URL still has {live}")
            for name, live in self._idle(after)
        )
        return replace(after, caveats=(*after.caveats, *caveats))

    def _idle(self, after: Compared) -> list[tuple[str, str | None]]:
        """What was set, needs no restart, and is still as it was."""
        return [
            (row.name, row.live)
            for row in after.rows
            if row.name in self.applied and row.differs and not row.restart
        ]
