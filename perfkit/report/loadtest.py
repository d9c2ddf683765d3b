"""What is told of a load test."""

from typing import Literal

from perfkit.report.blocks import Cell, Column, Facts, Figure, Note, Row, Table
from perfkit.report.cells import (
    Telling,
    count_cell,
    counted,
    machine,
    measured,
    ms_cell,
    numeric_columns,
    percentiles,
    ratio_cell,
    seconds_cell,
    server_name,
    setting,
    share,
    tone_of,
)
from perfkit.report.charts import resource_charts, run_charts
from perfkit.report.wording import NOTHING, show_quantity, show_rate, show_span
from perfkit.results import LoadtestResult, OperationResult, Report, Resources, Series, StageResult
from perfkit.units import show_count, show_ms, show_ratio

# From here on, waiting for a connection is worth a column of its own.
_LAG_THAT_MATTERS = 0.1  # of the response time's p99


def tell(report: Report[LoadtestResult]) -> Telling:
    """The operations first, then what explains them."""
    result = report.result
    return Telling(
        subject=result.scenario,
        context=_context(report),
        figures=_figures(result),
        conclusion=("no thresholds were set, so nothing was checked",),
        blocks=(
            _operations(result),
            _where_time_went(result),
            *run_charts(result),
            statements_table(result.resources),
            errors_table(result),
            _stages(result),
            _workers(result),
            *resource_charts(result.resources),
            resources_table(result.resources),
            environment_facts(report),
        ),
    )


def _operations(result: LoadtestResult) -> Table:
    with_lag = any(_lag_matters(each) for each in (*result.operations, result.total))
    with_retries = any(each.tries > each.count for each in result.operations)
    columns = [Column("operation", literal=True), *numeric_columns("count", "rate", "errors")]
    columns += numeric_columns("p50", "p95", "p99", "max", *(["lag p99"] if with_lag else []))
    columns += numeric_columns(*(["retries"] if with_retries else []))

    def row(operation: OperationResult) -> Row:
        lag = (ms_cell(operation.lag.p99_ms),) if with_lag else ()
        retries = (count_cell(operation.tries - operation.count),) if with_retries else ()
        return (*measured(operation.name, operation), *percentiles(operation), *lag, *retries)

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
    apart = counted(result.warmup.total.count, "operation")
    return f"{caption} A warm-up of {apart} is not in them."


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
        sentence += f" It was the limit in {counted(generator.saturated_seconds, 'second')}."
    return sentence.strip()


def _processors(resources: Resources) -> str:
    parts = []
    for name, group in (("this machine", resources.host), ("the server", resources.server)):
        cpu = next((series for series in group if series.name == "cpu"), None)
        if cpu is not None and cpu.mean is not None:
            mean, most = show_quantity(cpu.mean, cpu.unit), show_quantity(cpu.maximum, cpu.unit)
            parts.append(f"{name} {mean} (at most {most})")
    return f"CPU use meanwhile: {', '.join(parts)}." if parts else ""


def statements_table(resources: Resources) -> Table | None:
    if not resources.statements:
        return None
    return Table(
        title="Statements by time in the server",
        columns=(
            Column("statement", literal=True),
            *numeric_columns("calls", "total", "mean", "rows"),
        ),
        rows=tuple(
            (
                Cell(each.statement),
                count_cell(each.calls),
                ms_cell(each.total_ms),
                ms_cell(each.mean_ms),
                count_cell(each.rows),
            )
            for each in resources.statements
        ),
    )


def errors_table(result: LoadtestResult) -> Table | None:
    if not result.errors:
        return None
    return Table(
        title="Errors by class",
        columns=(
            Column("class", literal=True),
            Column("operation", literal=True),
            *numeric_columns("count", "first at"),
            Column("first message", literal=True),
        ),
        rows=tuple(
            (
                Cell(each.error_class),
                Cell(each.operation or NOTHING),
                count_cell(each.count),
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
        name, *cells = measured(stage.name, stage.total)
        time = (seconds_cell(stage.start_s), seconds_cell(stage.duration_s))
        dropped = (Cell(show_count(stage.dropped), stage.dropped, tone_of(stage.dropped, "bad")),)
        end = dropped if with_dropped else ()
        return (name, *time, *cells, *percentiles(stage.total), *end)

    return Table(
        title="Stages",
        columns=(
            Column("stage", literal=True),
            *numeric_columns("start", "duration", *titles, *(["dropped"] if with_dropped else [])),
        ),
        rows=tuple(map(row, result.stages)),
    )


def _workers(result: LoadtestResult) -> Table | None:
    if len(result.workers) < 2:
        return None
    return Table(
        title="Worker processes",
        columns=tuple(numeric_columns("number", "pid", "operations", "CPU", "memory at most")),
        rows=tuple(
            (
                count_cell(each.number),
                Cell(str(each.pid), each.pid),
                count_cell(each.count),
                ratio_cell(each.cpu_ratio),
                Cell(show_quantity(each.rss_max_bytes, "bytes"), each.rss_max_bytes),
            )
            for each in result.workers
        ),
    )


def resources_table(resources: Resources) -> Table | None:
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
            *numeric_columns("mean", "least", "most", "last"),
        ),
        rows=tuple(rows),
        place="appendix",
    )


def _series(of: Literal["machine", "server"], series: Series) -> Row:
    numbers = (series.mean, series.minimum, series.maximum, series.last)
    cells = (Cell(show_quantity(value, series.unit), value) for value in numbers)
    return (Cell(of), Cell(series.name), *cells)


def environment_facts(report: Report[LoadtestResult]) -> Facts:
    result, target, here = report.result, report.target, report.environment
    assert target is not None
    rows = [
        ("started", report.started_at),
        ("perfkit", report.perfkit_version),
        ("scenario", result.scenario),
        ("load", f"{result.model}, seed {result.seed}"),
        ("target", target.url),
        ("server", " ".join(filter(None, (target.backend, target.server_version)))),
        *((f"server: {name}", setting(value)) for name, value in target.settings.items()),
        ("machine", machine(here)),
        ("Python", here.python),
        *((f"perfkit: {name}", setting(value)) for name, value in here.settings.items()),
    ]
    return Facts("Environment", tuple(rows))


def _context(report: Report[LoadtestResult]) -> str:
    assert report.target is not None
    kind = f"{report.result.model} load on {server_name(report.target)}"
    url = report.target.url
    return f"{report.result.scenario}: {kind}, {url}, {show_span(report.duration_s)}"


def _figures(result: LoadtestResult) -> tuple[Figure, ...]:
    total, generator = result.total, result.generator
    achieved = generator.achieved_ratio
    asked = "" if achieved is None else f"{show_ratio(achieved)} of what was asked"
    figures = [
        Figure("rate", show_rate(total.rate_per_s), asked),
        Figure("p50", show_quantity(total.response.p50_ms, "ms"), "response time"),
        Figure("p99", show_quantity(total.response.p99_ms, "ms"), "response time"),
        Figure("errors", show_count(total.errors), share(total), tone_of(total.errors, "bad")),
    ]
    if generator.dropped:
        figures.append(Figure("dropped", show_count(generator.dropped), "never sent", "bad"))
    return tuple(figures)
