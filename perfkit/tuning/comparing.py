"""A profile held against a live server, setting by setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perfkit.backends.base import Change, Settings
from perfkit.results import Caveat, SettingRow
from perfkit.tuning.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Compared:
    """A row for each setting, what differs first; `due` are the values that can be set from here."""

    rows: tuple[SettingRow, ...]
    due: Mapping[str, str]
    caveats: tuple[Caveat, ...]


def compared(wanted: Sequence[Wanted], settings: Settings) -> Compared:
    """The profile's settings beside the live ones; a caveat for each that the server does not take."""
    live = settings.live([each.name for each in wanted])
    rows: list[SettingRow] = []
    due: dict[str, str] = {}
    caveats: list[Caveat] = []
    for each in wanted:
        now = live.get(each.name)
        seen = replace(plain_row(each), live=now, restart=False)
        if now is not None and settings.same(each.name, now, each.value):
            rows.append(replace(seen, differs=False))
        elif why := settings.problem(each.name, each.value):
            code = "setting_refused" if each.name in live else "setting_unknown"
            caveats.append(Caveat(code, f"{each.name} is left out: {why}"))
            rows.append(replace(seen, differs=_differs(now), problem=why))
        else:
            change = settings.change(each.name, each.value)
            rows.append(_changed(seen, change))
            if now is not None and change.statement is not None and change.lasting:
                due[each.name] = each.value
    caveats += _unseen(rows)
    return Compared(tuple(sorted(rows, key=_rank)), due, tuple(caveats))


def plain_row(each: Wanted) -> SettingRow:
    """A setting for the report, held against nothing."""
    return SettingRow(
        name=each.name,
        live=None,
        wanted=each.value,
        formula=each.formula,
        differs=None,
        scope=each.scope,
        reason=each.reason,
        risk=each.risk,
        source=each.source,
        statement=None,
        restart=each.scope == "restart",
    )


def _changed(seen: SettingRow, change: Change) -> SettingRow:
    return replace(
        seen,
        differs=_differs(seen.live),
        statement=change.statement,
        restart=change.restart,
        note=change.note,
    )


def _unseen(rows: Sequence[SettingRow]) -> list[Caveat]:
    names = ", ".join(row.name for row in rows if row.live is None and not row.problem)
    message = f"what these are now can't be seen from the server: {names}"
    return [Caveat("not_visible", message)] if names else []


def _differs(now: str | None) -> bool | None:
    """Of what is not the same: None where nobody can see."""
    return None if now is None else True


def _rank(each: SettingRow) -> int:
    """What differs, then what can't be told, then what is as it should be."""
    return {True: 0, None: 1, False: 2}[each.differs]
