"""What is told of tuning profiles."""

from collections.abc import Sequence
from itertools import groupby

from perfkit.report.blocks import Block, Cell, Column, Facts, Note, Remark, Remarks, Row, Table
from perfkit.report.cells import Telling, counted, server_name
from perfkit.report.wording import NOTHING, show_quantity, show_span
from perfkit.results import MachineFact, ProfileList, ProfileResult, Report, SettingRow

_RESTART = "in effect only after a restart of the server, which is left to its operator"


def tell_list(report: Report[ProfileList]) -> Telling:
    """The profiles by name."""
    rows = report.result.profiles
    return Telling(
        subject="profiles",
        context="perfkit profile show NAME tells what is in one",
        figures=(),
        conclusion=(counted(len(rows), "profile"),),
        blocks=(
            Table(
                title="Profiles",
                columns=_columns("profile", "backend", "purpose"),
                rows=tuple(_row(row.name, row.backend, row.purpose) for row in rows),
                place="lead",
            ),
        ),
    )


def tell(report: Report[ProfileResult]) -> Telling:
    """What differs and what to run, or what the profile says, with the reasons after it."""
    result = report.result
    blocks = _of_show(result) if result.action == "show" else _of_target(result)
    return Telling(
        subject=result.profile.name,
        context=_context(report),
        figures=(),
        conclusion=_conclusion(result),
        blocks=(*blocks, _machine(result)),
    )


def _context(report: Report[ProfileResult]) -> str:
    profile = report.result.profile
    named = f"{profile.name}: {profile.purpose}"
    if report.target is None:
        return named
    span = show_span(report.duration_s)
    return f"{named}; {server_name(report.target)}, {report.target.url}, {span}"


# -- the head -------------------------------------------------------------------------------------


def _conclusion(result: ProfileResult) -> tuple[str, ...]:
    total = counted(len(result.settings), "setting")
    differ = [row for row in result.settings if row.differs]
    difference = _difference(result, len(differ))
    if not result.settings:
        return ("it sets nothing",)
    if result.action == "show":
        return (total,)
    if result.action == "diff":
        return (difference, *_restarts(differ))
    if result.undo_file is not None:
        applied = [row for row in differ if row.name in result.applied]
        done = f"{len(result.applied)} of {counted(len(result.due), 'setting')} set"
        return (done, *_restarts(applied), f"undo: {result.undo_file}")
    if not result.due:
        return (f"nothing to set from here: {difference}",)
    return (f"nothing was changed yet: {counted(len(result.due), 'setting')} would be set",)


def _difference(result: ProfileResult, differ: int) -> str:
    """Of the settings that can be compared."""
    seen = sum(row.differs is not None for row in result.settings)
    rest = len(result.settings) - seen
    if not seen:
        return f"none of {counted(rest, 'setting')} can be seen from the server"
    of = f"of {counted(seen, 'setting')}"
    told = (
        f"{differ} {of} {'differs' if differ == 1 else 'differ'}"
        if differ
        else f"nothing differs {of}"
    )
    return f"{told}; {rest} more can't be compared" if rest else told


def _restarts(rows: Sequence[SettingRow]) -> tuple[str, ...]:
    names = ", ".join(row.name for row in rows if row.restart)
    return (f"{_RESTART}: {names}",) if names else ()


# -- tables ---------------------------------------------------------------------------------------


def _of_show(result: ProfileResult) -> tuple[Block | None, ...]:
    rows = result.settings
    if not rows:
        return (None,)
    return (
        Table(
            title="Settings",
            columns=_columns("setting", "value", "takes effect"),
            rows=tuple(_row(each.name, each.wanted, _effect(each)) for each in rows),
            place="lead",
        ),
        _reasons(rows),
        _source_lines(rows),
    )


def _of_target(result: ProfileResult) -> tuple[Block | None, ...]:
    """What the server does not take is told by the caveats, and nowhere else."""
    others = [
        each for each in result.settings if each.name not in result.applied and not each.problem
    ]
    differ = [row for row in others if row.differs]
    unseen = [row for row in others if row.differs is None]
    blocks = (
        _applied_table(result),
        _differences(differ),
        _statements(differ),
        _places("To set by hand", [row for row in differ if row.statement is None]),
        _places("Not visible from the server", unseen),
        _as_wanted([row for row in others if row.differs is False]),
        _notes([row for row in differ if row.statement is not None]),
        _reasons([*differ, *unseen]),
        _sources(result.settings),
    )
    return tuple(block for block in blocks if block is not None)


def _applied_table(result: ProfileResult) -> Table | None:
    rows = [row for row in result.settings if row.name in result.applied]
    if not rows:
        return None
    return Table(
        title="Set",
        columns=_columns("setting", "now", "wanted", "in effect"),
        rows=tuple(_row(each.name, each.live, each.wanted, _in_effect(each)) for each in rows),
        place="lead",
    )


def _in_effect(row: SettingRow) -> str:
    if not row.differs:
        return "yes"
    return "after a restart" if row.restart else "no"


def _differences(rows: Sequence[SettingRow]) -> Table | None:
    if not rows:
        return None
    return Table(
        title="Differ",
        columns=_columns("setting", "now", "wanted", "takes effect"),
        rows=tuple(_row(each.name, each.live, each.wanted, _effect(each)) for each in rows),
        place="lead",
    )


def _effect(row: SettingRow) -> str:
    if row.restart:
        return "after a restart"
    return {
        "session": "in each session",
        "database": "in the database",
        "reload": "without a restart",
        "restart": "after a restart",
        "client": "in the client",
    }[row.scope]


def _statements(rows: Sequence[SettingRow]) -> Table | None:
    """Nothing stands beside a statement, so that all of them can be copied at once."""
    told = [row for row in rows if row.statement is not None]
    if not told:
        return None
    return Table(
        title="To run",
        columns=_columns("statement"),
        rows=tuple(_row(each.statement) for each in told),
        place="lead",
    )


def _places(title: str, rows: Sequence[SettingRow]) -> Table | None:
    if not rows:
        return None
    return Table(
        title=title,
        columns=_columns("setting", "wanted", "where"),
        rows=tuple(_row(each.name, each.wanted, each.note or "") for each in rows),
        place="lead",
    )


# -- sentences ------------------------------------------------------------------------------------


def _as_wanted(rows: Sequence[SettingRow]) -> Note | None:
    if not rows:
        return None
    names = ", ".join(row.name for row in rows)
    have = "has" if len(rows) == 1 else "have"
    return Note(
        "As wanted", (f"{counted(len(rows), 'setting')} {have} the value already: {names}.",)
    )


def _notes(rows: Sequence[SettingRow]) -> Note | None:
    """What is said of several settings is said once."""
    noted = sorted((row for row in rows if row.note), key=lambda row: row.note or "")
    paragraphs = tuple(
        f"{', '.join(row.name for row in group)}: {note}"
        for note, group in groupby(noted, key=lambda row: row.note)
    )
    return Note("Mind", paragraphs) if paragraphs else None


def _reasons(rows: Sequence[SettingRow]) -> Remarks | None:
    remarks: list[Remark] = []
    for row in rows:
        formula = f" [{row.formula}]" if row.formula else ""
        remarks.append(Remark("plain", row.name, row.reason + formula))
        if row.risk:
            remarks.append(Remark("warn", "risk", row.risk))
    return Remarks("Why", tuple(remarks), place="body") if remarks else None


def _sources(rows: Sequence[SettingRow]) -> Facts | None:
    known = tuple((row.name, row.source) for row in rows if row.source)
    return Facts("Sources", known) if known else None


def _source_lines(rows: Sequence[SettingRow]) -> Note | None:
    """Long addresses stay whole on a line of their own, as far as there is room."""
    known = tuple(f"{row.name}: {row.source}" for row in rows if row.source)
    return Note("Sources", known) if known else None


def _machine(result: ProfileResult) -> Note | None:
    if not result.machine:
        return None
    return Note("Machine", tuple(map(_fact, result.machine)))


def _fact(fact: MachineFact) -> str:
    value = fact.value if isinstance(fact.value, str) else show_quantity(fact.value, fact.unit)
    return f"{fact.name}: {value} ({fact.origin})"


def _columns(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, literal=True) for title in titles)


def _row(*texts: str | None) -> Row:
    return tuple(Cell(NOTHING if text is None else text) for text in texts)
