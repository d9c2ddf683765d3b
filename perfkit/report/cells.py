"""Cells and sentences that the reports of all commands share."""

from collections.abc import Iterable
from dataclasses import dataclass

from perfkit.report.blocks import Block, Cell, Column, Figure, Remark, Remarks, Row, Table, Tone
from perfkit.report.wording import NOTHING, show_quantity, show_rate, show_span
from perfkit.results import Caveat, Check, Environment, Finding, OperationResult, TargetInfo
from perfkit.units import show_count, show_ratio, show_size

_BACKENDS = {
    "sqlite": "SQLite", "postgresql": "PostgreSQL", "mongodb": "MongoDB", "redis": "Redis",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Telling:
    """What a command's report tells, but for its verdict, checks, caveats and findings.

    `subject` is a name for titles, `context` a line on what was done with what, `conclusion` what
    there is to say where no check decides. Of `blocks`, the verdict goes before all, checks, caveats
    and findings after the first. `shows_checks`: the first block shows them already, and where none
    failed the conclusion says more than their number.
    """

    subject: str
    context: str
    figures: tuple[Figure, ...]
    conclusion: tuple[str, ...]
    blocks: tuple[Block | None, ...]
    shows_checks: bool = False


def share(operation: OperationResult) -> str:
    if operation.error_ratio is None:
        return "nothing was sent"
    return f"{show_ratio(operation.error_ratio)} of {show_count(operation.count)}"


def tone_of(count: int, tone: Tone) -> Tone:
    return tone if count else "plain"


def numeric_columns(*titles: str) -> list[Column]:
    return [Column(title, numeric=True) for title in titles]


def measured(name: str, operation: OperationResult) -> Row:
    errors = show_count(operation.errors)
    if operation.errors and operation.error_ratio is not None:
        errors += f" ({show_ratio(operation.error_ratio)})"
    return (
        Cell(name),
        count_cell(operation.count),
        Cell(show_rate(operation.rate_per_s), operation.rate_per_s),
        Cell(errors, operation.errors, tone_of(operation.errors, "bad")),
    )


def percentiles(operation: OperationResult) -> Row:
    response = operation.response
    return tuple(map(ms_cell, (response.p50_ms, response.p95_ms, response.p99_ms, response.max_ms)))


def ms_cell(value_ms: float | None) -> Cell:
    return Cell(show_quantity(value_ms, "ms"), value_ms)


def count_cell(count: int | None) -> Cell:
    return Cell(NOTHING) if count is None else Cell(show_count(count), count)


def ratio_cell(value: float | None) -> Cell:
    return Cell(show_quantity(value, "ratio"), value)


def counted(count: int, noun: str) -> str:
    return f"{show_count(count)} {noun}{'' if count == 1 else 's'}"


def checks_table(checks: tuple[Check, ...]) -> Table | None:
    if not checks:
        return None
    columns = [Column(""), Column("check", literal=True), Column("observed", literal=True)]
    by_stage = any(check.stage is not None for check in checks)
    by_variant = any(check.variant is not None for check in checks)
    rows = []
    for check in checks:
        variant = (Cell(check.variant or "all"),) if by_variant else ()
        stage = (Cell(check.stage or "whole run"),) if by_stage else ()
        rows.append((_result(check), Cell(check.check), Cell(check.observed), *variant, *stage))
    places = [name for name, asked in (("variant", by_variant), ("stage", by_stage)) if asked]
    return Table(
        title="Checks",
        columns=(*columns, *(Column(name, literal=True) for name in places)),
        rows=tuple(rows),
        place="lead",
    )


def _result(check: Check) -> Cell:
    if check.passed:
        return Cell("pass", 0, "good")
    return Cell("FAIL", 2, "bad") if check.failed else Cell("warn", 1, "warn")


def caveat_remarks(caveats: Iterable[Caveat]) -> Remarks | None:
    remarks = tuple(
        Remark("bad" if caveat.invalidates else "warn", caveat.code, caveat.message)
        for caveat in caveats
    )
    return Remarks("Caveats", remarks) if remarks else None


def finding_remarks(findings: Iterable[Finding]) -> Remarks | None:
    tones: dict[str, Tone] = {"info": "plain", "warning": "warn", "high": "bad", "critical": "bad"}
    remarks = tuple(
        Remark(
            tones[finding.severity],
            finding.severity,
            ". ".join(filter(None, (f"{finding.where}: {finding.message}", finding.fix))),
        )
        for finding in findings
    )
    return Remarks("Findings", remarks) if remarks else None


def seconds_cell(seconds: float) -> Cell:
    return Cell(show_span(seconds), seconds)


def machine(here: Environment) -> str:
    memory = show_size(here.memory_bytes)
    return f"{here.host}, {here.os}, {here.cpu_count} × {here.cpu}, {memory}"


def setting(value: object) -> str:
    return NOTHING if value is None else str(value)


def missed(check: Check) -> str:
    where = f" of {check.variant}" if check.variant is not None else ""
    where += f" in stage {check.stage}" if check.stage is not None else ""
    seen = check.observed if check.observed.startswith("no ") else f"was {check.observed}"
    return f"{check.check}{where}: {seen}"


def server_name(target: TargetInfo) -> str:
    """The server by name and version."""
    server = _BACKENDS.get(target.backend, target.backend)
    return server if target.server_version is None else f"{server} {target.server_version}"
