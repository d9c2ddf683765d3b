"""What is told of a benchmark."""

from collections.abc import Iterable

from perfkit.comparison import show_change
from perfkit.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Figure,
    Line,
    Note,
    Row,
    Table,
)
from perfkit.report.cells import (
    Telling,
    count_cell,
    counted,
    ms_cell,
    numeric_columns,
    ratio_cell,
    server_name,
    share,
    tone_of,
)
from perfkit.report.charts import resource_charts, run_charts
from perfkit.report.comparisons import change_text, comparisons_table
from perfkit.report.loadtest import (
    environment_facts,
    errors_table,
    resources_table,
    statements_table,
)
from perfkit.report.wording import NOTHING, show_quantity, show_rate, show_span
from perfkit.results import (
    BenchResult,
    Comparison,
    OperationResult,
    Report,
    RunResult,
    Sweep,
    VariantResult,
)
from perfkit.units import show_count, show_ratio

_BAR_CHARACTERS = 24


def tell(report: Report[BenchResult]) -> Telling:
    """What was compared, or the operations where nothing was; then what lies behind it."""
    result = report.result
    first: Block
    if result.sweep is not None:
        first = _sweep_table(result.sweep)
    elif len(result.variants) > 1:
        first = _variants_table(result)
    else:
        first = _operations_table(result)
    return Telling(
        subject=result.subject.name,
        context=_context(report),
        figures=_figures(result),
        conclusion=_conclusion(result),
        blocks=(
            first,
            comparisons_table(result.comparisons),
            _not_measured(result),
            _scaling_law(result.sweep),
            *_sweep_charts(result.sweep),
            _runs_chart(result),
            _operations_table(result) if len(result.variants) > 1 else None,
            _settings(result.variants),
            _runs_table(result),
            errors_table(result),
            statements_table(result.resources),
            *(run_charts(result) if len(result.runs) == 1 else ()),
            *resource_charts(result.resources),
            resources_table(result.resources),
            environment_facts(report),
        ),
    )


# -- the head -------------------------------------------------------------------------------------


def _context(report: Report[BenchResult]) -> str:
    assert report.target is not None
    subject = report.result.subject
    swept = report.result.sweep is not None and report.result.sweep.name == "clients"
    clients = f", {counted(subject.clients, 'client')}" if subject.clients and not swept else ""
    dataset = f" on {subject.dataset}" if subject.dataset else ""
    runs = counted(len(report.result.runs), "run")
    if subject.duration_s is not None:
        runs += f" of {show_span(subject.duration_s)}"
    elif subject.iterations is not None:
        runs += f" of {counted(subject.iterations, 'operation')}"
    where = f"{server_name(report.target)}, {report.target.url}"
    return f"{subject.name}{dataset}{clients}: {runs} on {where}, {show_span(report.duration_s)}"


def _figures(result: BenchResult) -> tuple[Figure, ...]:
    if result.sweep is not None or len(result.variants) > 1:
        return ()
    total, variant = result.total, result.variants[0]
    figures = [
        Figure("rate", show_rate(total.rate_per_s), _interval(variant)),
        Figure("p50", show_quantity(total.response.p50_ms, "ms"), "response time"),
        Figure("p99", show_quantity(total.response.p99_ms, "ms"), "response time"),
        Figure("errors", show_count(total.errors), share(total), tone_of(total.errors, "bad")),
    ]
    if total.items_per_s is not None:
        figures.insert(
            1, Figure("items", show_rate(total.items_per_s), "rows, documents or commands")
        )
    return tuple(figures)


def _interval(variant: VariantResult) -> str:
    if variant.rate_low is None or variant.rate_high is None:
        return "one run: no interval"
    low, high = show_count(max(0.0, variant.rate_low)), show_count(variant.rate_high)
    return f"{low} to {high} at {show_ratio(variant.confidence)}, {counted(variant.runs, 'run')}"


def _conclusion(result: BenchResult) -> tuple[str, ...]:
    if result.sweep is not None:
        return (result.sweep.advice,)
    rates = [each for each in result.comparisons if _is_rate(each)]
    if rates:
        alone = {each.name for each in result.variants if " = " in each.name}
        return tuple(_rate_sentence(each) for each in rates if each.candidate not in alone)
    if len(result.variants) > 1:
        return ("nothing could be compared",)
    rate = show_rate(result.total.rate_per_s)
    return (f"{rate} in {counted(len(result.runs), 'run')}",)


def _is_rate(comparison: Comparison) -> bool:
    return comparison.operation == "total" and comparison.metric in {"rate_per_s", "items_per_s"}


def _rate_sentence(rate: Comparison) -> str:
    told = {
        "faster": "is faster than",
        "slower": "is slower than",
        "same": "makes no difference that matters to",
        "unknown": "can't be told from",
    }[rate.verdict]
    more = ""
    if rate.verdict == "unknown":
        needed = rate.runs_needed
        more = (
            "; more runs would not tell"
            if needed is None
            else f"; about {needed} runs of each would tell"
        )
    return f"{rate.candidate} {told} {rate.baseline}: rate {change_text(rate)}{more}"


# -- tables ---------------------------------------------------------------------------------------


def _operations_table(result: BenchResult) -> Table:
    columns = [Column("operation", literal=True)]
    columns += numeric_columns(
        "count", "rate", "errors", "min", "mean", "p50", "p95", "p99", "max", "stddev"
    )
    several = len(result.variants) > 1
    title = f"Operations of {result.variants[0].name}" if several else "Operations"
    return Table(
        title=title,
        columns=tuple(columns),
        rows=tuple(map(_operation_row, result.operations)),
        footer=_operation_row(result.total) if len(result.operations) != 1 else None,
        caption=f"{_together(result.variants[0].runs)}imes are response times.",
        place="appendix" if several else "lead",
    )


def _together(runs: int) -> str:
    return "T" if runs == 1 else f"All {counted(runs, 'run')} together; t"


def _operation_row(operation: OperationResult) -> Row:
    times = operation.response
    return (
        Cell(operation.name),
        count_cell(operation.count),
        _rate_cell(operation.rate_per_s),
        _errors_cell(operation),
        *map(ms_cell, (times.min_ms, times.mean_ms, times.p50_ms, times.p95_ms, times.p99_ms)),
        ms_cell(times.max_ms),
        ms_cell(times.stddev_ms),
    )


def _rate_cell(rate_per_s: float) -> Cell:
    return Cell(show_rate(rate_per_s), rate_per_s)


def _errors_cell(operation: OperationResult) -> Cell:
    return Cell(show_count(operation.errors), operation.errors, tone_of(operation.errors, "bad"))


def _variants_table(result: BenchResult) -> Table:
    against = {each.candidate: each for each in result.comparisons if _is_rate(each)}
    items = any(each.total.items_per_s is not None for each in result.variants)
    baseline = result.variants[0].name

    def row(variant: VariantResult) -> Row:
        total, rate = variant.total, against.get(variant.name)
        held = (_items_cell(total),) if items else ()
        return (
            Cell(variant.name),
            count_cell(variant.runs),
            _rate_cell(total.rate_per_s),
            *held,
            Cell(NOTHING) if rate is None else _verdict_cell(rate),
            ms_cell(total.response.p50_ms),
            ms_cell(total.response.p95_ms),
            ms_cell(total.response.p99_ms),
            _errors_cell(total),
        )

    return Table(
        title="Variants",
        columns=(
            Column("variant", literal=True),
            *numeric_columns("runs", "rate", *(["items"] if items else [])),
            Column(f"against {baseline}"),
            *numeric_columns("p50", "p95", "p99", "errors"),
        ),
        rows=tuple(map(row, result.variants)),
        caption=(
            "Run in turn, in an order drawn by lot. A change counts when it is both certain at "
            f"{show_ratio(result.variants[0].confidence)} and larger than {show_ratio(result.tolerance)}."
        ),
        place="lead",
    )


def _items_cell(total: OperationResult) -> Cell:
    return Cell(show_quantity(total.items_per_s, "per_s"), total.items_per_s)


def _verdict_cell(rate: Comparison) -> Cell:
    tones = {"faster": "good", "slower": "bad", "same": "plain", "unknown": "warn"}
    words = {"same": "no difference", "unknown": "can't tell"}
    told = words.get(rate.verdict, rate.verdict)
    return Cell(f"{show_change(rate.change_ratio)}, {told}", rate.change_ratio, tones[rate.verdict])  # type: ignore[arg-type]  # the four tones


def _not_measured(result: BenchResult) -> Table | None:
    if not result.not_measured:
        return None
    return Table(
        title="Not measured",
        columns=tuple(
            Column(name, literal=True) for name in ("profile", "setting", "value", "why")
        ),
        rows=tuple(
            (Cell(each.variant), Cell(each.setting), Cell(each.value), Cell(each.why))
            for each in result.not_measured
        ),
        caption="Settings of the profiles that a session or a client can't have by itself.",
        place="lead",
    )


def _settings(variants: Iterable[VariantResult]) -> Facts | None:
    rows = [
        (variant.name, ", ".join(f"{name} = {value}" for name, value in variant.settings.items()))
        for variant in variants
        if variant.settings
    ]
    return Facts("Settings", tuple(rows), place="body") if rows else None


def _runs_table(result: BenchResult) -> Table | None:
    if len(result.runs) < 2:
        return None
    by_variant = len(result.variants) > 1

    def row(run: RunResult) -> Row:
        return (
            count_cell(run.run),
            *((Cell(run.variant),) if by_variant else ()),
            _rate_cell(run.total.rate_per_s),
            ms_cell(run.total.response.p50_ms),
            ms_cell(run.total.response.p99_ms),
            _errors_cell(run.total),
            ratio_cell(run.cpu_ratio),
            ratio_cell(run.server_cpu_ratio),
        )

    return Table(
        title="Runs",
        columns=(
            *numeric_columns("run"),
            *((Column("variant", literal=True),) if by_variant else ()),
            *numeric_columns("rate", "p50", "p99", "errors", "client CPU", "server CPU"),
        ),
        rows=tuple(map(row, result.runs)),
        place="appendix" if by_variant or len(result.runs) > 10 else "body",
    )


def _runs_chart(result: BenchResult) -> Chart | None:
    if len(result.runs) < 3 or result.sweep is not None:
        return None
    lines = tuple(
        Line(
            variant.name,
            tuple(
                (run.run, run.total.rate_per_s)
                for run in result.runs
                if run.variant == variant.name
            ),
        )
        for variant in result.variants
    )
    return Chart(
        "Rate of each run",
        "number",
        "linear",
        "per_s",
        lines,
        caption="By its number.",
        size="half",
    )


# -- sweeps ---------------------------------------------------------------------------------------


def _sweep_table(sweep: Sweep) -> Table:
    items = any(point.total.items_per_s is not None for point in sweep.points)
    most = max((_throughput(point.total) for point in sweep.points), default=0.0)
    rows = []
    for point in sweep.points:
        total = point.total
        filled = round(_BAR_CHARACTERS * _throughput(total) / most) if most else 0
        rows.append(
            (
                Cell(point.value, tone="good" if point.value == sweep.knee else "plain"),
                _rate_cell(total.rate_per_s),
                *((_throughput_cell(total),) if items else ()),
                Cell("█" * filled),
                ms_cell(total.response.p50_ms),
                ms_cell(total.response.p95_ms),
                ms_cell(total.response.p99_ms),
                _errors_cell(total),
                ratio_cell(point.cpu_ratio),
                ratio_cell(point.server_cpu_ratio),
            )
        )
    return Table(
        title=f"Sweep of {sweep.name}",
        columns=(
            Column(sweep.name, numeric=True),
            *numeric_columns("rate", *(["items"] if items else [])),
            Column(""),
            *numeric_columns("p50", "p95", "p99", "errors", "client CPU", "server CPU"),
        ),
        rows=tuple(rows),
        caption="Times are response times; CPU of the busiest generator process and of the server, 100 % being a core.",
        place="lead",
    )


def _throughput(total: OperationResult) -> float:
    """Items a second that succeeded; an operation of no batch is one item."""
    if total.items_per_s is not None:
        return total.items_per_s
    return total.rate_per_s * (1 - (total.error_ratio or 0.0))


def _throughput_cell(total: OperationResult) -> Cell:
    return Cell(show_quantity(_throughput(total), "per_s"), _throughput(total))


def _scaling_law(sweep: Sweep | None) -> Note | None:
    if sweep is None:
        return None
    if sweep.usl is None:
        return Note("Scaling law", (sweep.usl_why_not,)) if sweep.usl_why_not else None
    law = sweep.usl
    peak = (
        "nothing bends the curve down within what was measured"
        if law.peak_value is None or law.peak_rate_per_s is None
        else f"its peak is {show_rate(law.peak_rate_per_s)} at {law.peak_value:.0f}"
    )
    text = (
        f"The Universal Scalability Law fits (R² {law.r_squared:.3f}): contention "
        f"{show_ratio(law.contention)}, coherency {law.coherency:.2g}; {peak}."
    )
    return Note("Scaling law", (text,))


def _sweep_charts(sweep: Sweep | None) -> list[Chart]:
    if sweep is None or not all(point.value.isdecimal() for point in sweep.points):
        return []
    points = sorted(sweep.points, key=lambda point: int(point.value))
    x = [float(point.value) for point in points]
    rate = tuple((at, _throughput(point.total)) for at, point in zip(x, points, strict=True))
    lines = tuple(
        Line(
            name,
            tuple(
                (at, getattr(point.total.response, f"{name}_ms"))
                for at, point in zip(x, points, strict=True)
            ),
        )
        for name in ("p50", "p95", "p99")
    )
    return [
        Chart(
            f"Rate by {sweep.name}", "number", "linear", "per_s", (Line("rate", rate),), size="half"
        ),
        Chart(f"Response time by {sweep.name}", "number", "log", "ms", lines, size="half"),
    ]
