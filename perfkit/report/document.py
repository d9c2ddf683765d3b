"""A report as blocks: what a person is told, in the order in which it is read.

describe(report) decides what is said, in words and scaled numbers; the formats only lay it out.
"""

from collections.abc import Iterable
from typing import Literal

from perfkit.report.blocks import (
    Block,
    Cell,
    Column,
    Facts,
    Figure,
    Note,
    Remark,
    Remarks,
    Row,
    Status,
    Table,
    Tone,
    Verdict,
)
from perfkit.report.charts import resource_charts, run_charts
from perfkit.report.wording import NOTHING, show_quantity, show_rate, show_span
from perfkit.results import (
    Caveat,
    Check,
    Environment,
    Finding,
    LoadtestResult,
    OperationResult,
    Report,
    Resources,
    Series,
    StageResult,
)
from perfkit.units import show_count, show_ms, show_ratio, show_size

# From here on, waiting for a connection is worth a column of its own.
_LAG_THAT_MATTERS = 0.1  # of the response time's p99

_BACKENDS = {
    "sqlite": "SQLite", "postgresql": "PostgreSQL", "mongodb": "MongoDB", "redis": "Redis",
}  # fmt: skip


def describe(report: Report) -> tuple[Block, ...]:
    """What to tell about a load test: the verdict first, then what explains it."""
    result = report.result
    blocks: list[Block | None] = [
        verdict(report),
        _operations(result),
        _checks(report.checks),
        _caveats(report.caveats),
        _findings(report.findings),
        _where_time_went(result),
        *run_charts(result),
        _statements(result.resources),
        _errors(result),
        _stages(result),
        _workers(result),
        *resource_charts(result.resources),
        _resources(result.resources),
        _environment(report),
    ]
    return tuple(block for block in blocks if block is not None)


def verdict(report: Report) -> Verdict:
    """How the run ended. Interrupted goes before invalid, and invalid before failed."""
    status, reasons = _outcome(report)
    return Verdict(
        status=status,
        reasons=reasons,
        warnings=tuple(
            _missed(check) for check in report.checks if not (check.passed or check.failed)
        ),
        context=_context(report),
        figures=_figures(report.result),
    )


def _outcome(report: Report) -> tuple[Status, tuple[str, ...]]:
    failed = tuple(_missed(check) for check in report.checks if check.failed)
    if report.result.interrupted:
        first = f"after {show_span(report.duration_s)}; this is what was measured up to then"
        return "interrupted", (first, *failed)
    if not report.result.valid:
        return "invalid", _why_invalid(report)
    if failed:
        return "failed", failed
    if not report.checks:
        return "done", ("no thresholds were set, so nothing was checked",)
    passed = sum(check.passed for check in report.checks)
    return "passed", (f"{passed} of {_counted(len(report.checks), 'check')} passed",)


def _missed(check: Check) -> str:
    where = f" in stage {check.stage}" if check.stage is not None else ""
    return f"{check.check}{where}: was {check.observed}"


def _why_invalid(report: Report) -> tuple[str, ...]:
    total = report.result.total
    known = tuple(caveat.message for caveat in report.caveats if caveat.invalidates)
    if known:
        return known
    if not total.count:
        return ("no operation was sent",)
    if total.errors == total.count:
        return ("every operation failed",)
    return tuple(caveat.message for caveat in report.caveats) or ("the measurement is not valid",)


def _context(report: Report) -> str:
    target = report.target
    server = _BACKENDS.get(target.backend, target.backend)
    if target.server_version is not None:
        server += f" {target.server_version}"
    kind = f"{report.result.model} load on {server}"
    return f"{report.result.scenario}: {kind}, {target.url}, {show_span(report.duration_s)}"


def _figures(result: LoadtestResult) -> tuple[Figure, ...]:
    total, generator = result.total, result.generator
    achieved = generator.achieved_ratio
    asked = "" if achieved is None else f"{show_ratio(achieved)} of what was asked"
    figures = [
        Figure("rate", show_rate(total.rate_per_s), asked),
        Figure("p50", show_quantity(total.response.p50_ms, "ms"), "response time"),
        Figure("p99", show_quantity(total.response.p99_ms, "ms"), "response time"),
        Figure("errors", show_count(total.errors), _share(total), _tone(total.errors, "bad")),
    ]
    if generator.dropped:
        figures.append(Figure("dropped", show_count(generator.dropped), "never sent", "bad"))
    return tuple(figures)


def _share(operation: OperationResult) -> str:
    if operation.error_ratio is None:
        return "nothing was sent"
    return f"{show_ratio(operation.error_ratio)} of {show_count(operation.count)}"


def _tone(count: int, tone: Tone) -> Tone:
    return tone if count else "plain"


def _operations(result: LoadtestResult) -> Table:
    with_lag = any(_lag_matters(each) for each in (*result.operations, result.total))
    with_retries = any(each.tries > each.count for each in result.operations)
    columns = [Column("operation", literal=True), *_columns("count", "rate", "errors")]
    columns += _columns("p50", "p95", "p99", "max", *(["lag p99"] if with_lag else []))
    columns += _columns(*(["retries"] if with_retries else []))

    def row(operation: OperationResult) -> Row:
        lag = (_ms(operation.lag.p99_ms),) if with_lag else ()
        retries = (_count(operation.tries - operation.count),) if with_retries else ()
        return (*_measured(operation.name, operation), *_percentiles(operation), *lag, *retries)

    return Table(
        title="Operations",
        columns=tuple(columns),
        rows=tuple(map(row, result.operations)),
        footer=row(result.total) if len(result.operations) != 1 else None,
        caption=_caption(result),
        place="lead",
    )


def _lag_matters(operation: OperationResult) -> bool:
    lag_ms, response_ms = operation.lag.p99_ms, operation.response.p99_ms
    return bool(lag_ms and response_ms and lag_ms > _LAG_THAT_MATTERS * response_ms)


def _caption(result: LoadtestResult) -> str:
    caption = "Percentiles are of the response time, from when an operation was due to its reply."
    if result.warmup is None:
        return caption
    apart = _counted(result.warmup.total.count, "operation")
    return f"{caption} A warm-up of {apart} is not in them."


def _columns(*titles: str) -> list[Column]:
    return [Column(title, numeric=True) for title in titles]


def _measured(name: str, operation: OperationResult) -> Row:
    errors = show_count(operation.errors)
    if operation.errors and operation.error_ratio is not None:
        errors += f" ({show_ratio(operation.error_ratio)})"
    return (
        Cell(name),
        _count(operation.count),
        Cell(show_rate(operation.rate_per_s), operation.rate_per_s),
        Cell(errors, operation.errors, _tone(operation.errors, "bad")),
    )


def _percentiles(operation: OperationResult) -> Row:
    response = operation.response
    return tuple(map(_ms, (response.p50_ms, response.p95_ms, response.p99_ms, response.max_ms)))


def _ms(value_ms: float | None) -> Cell:
    return Cell(show_quantity(value_ms, "ms"), value_ms)


def _count(count: int | None) -> Cell:
    return Cell(NOTHING) if count is None else Cell(show_count(count), count)


def _ratio(value: float | None) -> Cell:
    return Cell(show_quantity(value, "ratio"), value)


def _counted(count: int, noun: str) -> str:
    return f"{show_count(count)} {noun}{'' if count == 1 else 's'}"


def _checks(checks: tuple[Check, ...]) -> Table | None:
    if not checks:
        return None
    columns = [Column(""), Column("check", literal=True), Column("observed", literal=True)]
    by_stage = any(check.stage is not None for check in checks)
    rows = []
    for check in checks:
        stage = (Cell(check.stage or "whole run"),) if by_stage else ()
        rows.append((_result(check), Cell(check.check), Cell(check.observed), *stage))
    return Table(
        title="Checks",
        columns=(*columns, *([Column("stage", literal=True)] if by_stage else [])),
        rows=tuple(rows),
        place="lead",
    )


def _result(check: Check) -> Cell:
    if check.passed:
        return Cell("pass", 0, "good")
    return Cell("FAIL", 2, "bad") if check.failed else Cell("warn", 1, "warn")


def _caveats(caveats: Iterable[Caveat]) -> Remarks | None:
    remarks = tuple(
        Remark("bad" if caveat.invalidates else "warn", caveat.code, caveat.message)
        for caveat in caveats
    )
    return Remarks("Caveats", remarks) if remarks else None


def _findings(findings: Iterable[Finding]) -> Remarks | None:
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


def _where_time_went(result: LoadtestResult) -> Note | None:
    sentences = (
        _service_against_lag(result),
        _generator(result),
        _processors(result.resources),
    )
    text = " ".join(filter(None, sentences))
    return Note("Where time went", (text,)) if text else None


def _service_against_lag(result: LoadtestResult) -> str:
    total = result.total
    response_ms, service_ms = total.response.mean_ms, total.service.mean_ms
    lag_ms = total.lag.mean_ms
    if not response_ms or service_ms is None or lag_ms is None:
        return ""
    if lag_ms < 0.001 * response_ms:
        return (
            f"Of a mean response time of {show_ms(response_ms)} all was spent in the database and "
            "on the way to it."
        )
    return (
        f"Of a mean response time of {show_ms(response_ms)}, {show_ms(service_ms)} "
        f"({show_ratio(service_ms / response_ms)}) was spent in the database and on the way to it, "
        f"{show_ms(lag_ms)} ({show_ratio(lag_ms / response_ms)}) waiting {_waiting_for(result)}."
    )


def _waiting_for(result: LoadtestResult) -> str:
    """Delay is the part of the lag that the generator caused; the rest had no connection to use."""
    delay_ms, lag_ms = result.generator.delay_p99_ms, result.total.lag.p99_ms
    if delay_ms is None or lag_ms is None:
        return "to be sent"
    return "for a free connection" if delay_ms < lag_ms / 2 else "for the generator to send it"


def _generator(result: LoadtestResult) -> str:
    generator = result.generator
    parts = []
    if generator.delay_p99_ms is not None:
        parts.append(f"sent 99 % within {show_ms(generator.delay_p99_ms)} of when it could have")
    if generator.cpu_ratio is not None:
        parts.append(f"used {show_ratio(generator.cpu_ratio)} of a core in its busiest process")
    sentence = f"The generator {' and '.join(parts)}." if parts else ""
    if generator.saturated_seconds:
        sentence += f" It was the limit in {_counted(generator.saturated_seconds, 'second')}."
    return sentence.strip()


def _processors(resources: Resources) -> str:
    parts = []
    for name, group in (("this machine", resources.host), ("the server", resources.server)):
        cpu = next((series for series in group if series.name == "cpu"), None)
        if cpu is not None and cpu.mean is not None:
            mean, most = show_quantity(cpu.mean, cpu.unit), show_quantity(cpu.maximum, cpu.unit)
            parts.append(f"{name} {mean} (at most {most})")
    return f"CPU use meanwhile: {', '.join(parts)}." if parts else ""


def _statements(resources: Resources) -> Table | None:
    if not resources.statements:
        return None
    return Table(
        title="Statements by time in the server",
        columns=(
            Column("statement", literal=True),
            *_columns("calls", "total", "mean", "rows"),
        ),
        rows=tuple(
            (
                Cell(each.statement),
                _count(each.calls),
                _ms(each.total_ms),
                _ms(each.mean_ms),
                _count(each.rows),
            )
            for each in resources.statements
        ),
    )


def _errors(result: LoadtestResult) -> Table | None:
    if not result.errors:
        return None
    return Table(
        title="Errors by class",
        columns=(
            Column("class", literal=True),
            Column("operation", literal=True),
            *_columns("count", "first at"),
            Column("first message", literal=True),
        ),
        rows=tuple(
            (
                Cell(each.error_class),
                Cell(each.operation or NOTHING),
                _count(each.count),
                Cell(show_span(each.first_seen_s), each.first_seen_s),
                Cell(each.message),
            )
            for each in result.errors
        ),
    )


def _stages(result: LoadtestResult) -> Table | None:
    if len(result.stages) < 2:
        return None
    with_dropped = any(stage.dropped for stage in result.stages)
    titles = ["count", "rate", "errors", "p50", "p95", "p99", "max"]

    def row(stage: StageResult) -> Row:
        name, *measured = _measured(stage.name, stage.total)
        time = (_seconds(stage.start_s), _seconds(stage.duration_s))
        dropped = (Cell(show_count(stage.dropped), stage.dropped, _tone(stage.dropped, "bad")),)
        end = dropped if with_dropped else ()
        return (name, *time, *measured, *_percentiles(stage.total), *end)

    return Table(
        title="Stages",
        columns=(
            Column("stage", literal=True),
            *_columns("start", "duration", *titles, *(["dropped"] if with_dropped else [])),
        ),
        rows=tuple(map(row, result.stages)),
    )


def _seconds(seconds: float) -> Cell:
    return Cell(show_span(seconds), seconds)


def _workers(result: LoadtestResult) -> Table | None:
    if len(result.workers) < 2:
        return None
    return Table(
        title="Worker processes",
        columns=tuple(_columns("number", "pid", "operations", "CPU", "memory at most")),
        rows=tuple(
            (
                _count(each.number),
                Cell(str(each.pid), each.pid),
                _count(each.count),
                _ratio(each.cpu_ratio),
                Cell(show_quantity(each.rss_max_bytes, "bytes"), each.rss_max_bytes),
            )
            for each in result.workers
        ),
    )


def _resources(resources: Resources) -> Table | None:
    rows = [
        *(_series("machine", series) for series in resources.host),
        *(_series("server", series) for series in resources.server),
    ]
    if not rows:
        return None
    return Table(
        title="Machine and server",
        columns=(
            Column("of"),
            Column("metric", literal=True),
            *_columns("mean", "least", "most", "last"),
        ),
        rows=tuple(rows),
        place="appendix",
    )


def _series(of: Literal["machine", "server"], series: Series) -> Row:
    numbers = (series.mean, series.minimum, series.maximum, series.last)
    cells = (Cell(show_quantity(value, series.unit), value) for value in numbers)
    return (Cell(of), Cell(series.name), *cells)


def _environment(report: Report) -> Facts:
    result, target, here = report.result, report.target, report.environment
    rows = [
        ("started", report.started_at),
        ("perfkit", report.perfkit_version),
        ("scenario", result.scenario),
        ("load", f"{result.model}, seed {result.seed}"),
        ("target", target.url),
        ("server", " ".join(filter(None, (target.backend, target.server_version)))),
        *((f"server: {name}", _setting(value)) for name, value in target.settings.items()),
        ("machine", _machine(here)),
        ("Python", here.python),
        *((f"perfkit: {name}", _setting(value)) for name, value in here.settings.items()),
    ]
    return Facts("Environment", tuple(rows))


def _machine(here: Environment) -> str:
    memory = show_size(here.memory_bytes)
    return f"{here.host}, {here.os}, {here.cpu_count} × {here.cpu}, {memory}"


def _setting(value: object) -> str:
    return NOTHING if value is None else str(value)
