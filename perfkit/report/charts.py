"""The charts of a load test: rate, latency over time, percentile spectrum, errors, resources."""

from collections.abc import Callable, Iterable
from typing import Literal

from perfkit.load.histogram import Histogram
from perfkit.report.blocks import Band, Chart, Line
from perfkit.results import Latency, LoadtestResult, Resources, Series, TimelineRow
from perfkit.units import NS_PER_MS

_MOST_OPERATIONS = 6  # more lines than this can't be told apart by colour

Points = tuple[tuple[float, float | None], ...]


def run_charts(result: LoadtestResult) -> list[Chart]:
    """Charts of what the load was and how it was answered."""
    charts = [_rate(result), _latency(result), _by_operation(result), _by_part(result)]
    charts += [_errors(result), _users(result)]
    return [chart for chart in charts if chart is not None]


def resource_charts(resources: Resources) -> list[Chart]:
    """A small chart for each metric of the machine and the server that was sampled over time."""
    groups = (("Machine", resources.host), ("Server", resources.server))
    return [
        Chart(
            title=f"{name}: {series.name}",
            x="time",
            y="linear",
            unit=series.unit,
            lines=(Line(series.name, series.points, "area"),),
            size="small",
        )
        for name, group in groups
        for series in group
        if _moves(series)
    ]


def _moves(series: Series) -> bool:
    """Of a line that is flat all the time a table says everything."""
    return len({value for _, value in series.points if value is not None}) > 1


def _over_time(rows: Iterable[TimelineRow], value: Callable[[TimelineRow], float | None]) -> Points:
    return tuple((row.t_s, value(row)) for row in rows)


def _bands(result: LoadtestResult) -> tuple[Band, ...]:
    if len(result.stages) < 2:
        return ()
    return tuple(
        Band(stage.name, stage.start_s, stage.start_s + stage.duration_s) for stage in result.stages
    )


def _rate(result: LoadtestResult) -> Chart | None:
    rows = result.timeline
    if len(rows) < 2:
        return None
    lines = [Line("achieved", _over_time(rows, lambda row: row.rate_per_s))]
    if any(row.target_rate_per_s is not None for row in rows):
        lines.insert(
            0, Line("asked", _over_time(rows, lambda row: row.target_rate_per_s), "target")
        )
    return Chart(
        title="Rate",
        x="second",
        y="linear",
        unit="per_s",
        lines=tuple(lines),
        bands=_bands(result),
        caption="Operations completed each second.",
    )


def _latency(result: LoadtestResult) -> Chart | None:
    rows = result.timeline
    if sum(row.p50_ms is not None for row in rows) < 2:
        return None
    return Chart(
        title="Response time",
        x="second",
        y="log",
        unit="ms",
        lines=(
            Line("p50", _over_time(rows, lambda row: row.p50_ms)),
            Line("p99", _over_time(rows, lambda row: row.p99_ms)),
        ),
        bands=_bands(result),
        caption="Of the operations completed in each second.",
    )


def _by_operation(result: LoadtestResult) -> Chart | None:
    busiest = sorted(result.operations, key=lambda each: -each.count)[:_MOST_OPERATIONS]
    lines = [
        _spectrum_line(each.name, each.response) for each in result.operations if each in busiest
    ]
    if len(result.operations) != 1:
        lines.append(_spectrum_line("total", result.total.response, "sum"))
    return _spectrum(
        "Response time by percentile",
        lines,
        "Each mark to the right leaves a tenth of the operations.",
    )


def _by_part(result: LoadtestResult) -> Chart | None:
    """Closed load has no due times of its own, so nothing can be apart."""
    total = result.total
    if result.model == "closed":
        return None
    return _spectrum(
        "Response time against service time",
        [
            _spectrum_line("response", total.response),
            _spectrum_line("service", total.service),
            _spectrum_line("lag", total.lag),
        ],
        "The gap between the two is time spent waiting to be sent.",
    )


def _spectrum(title: str, lines: Iterable[Line], caption: str) -> Chart | None:
    with_points = tuple(line for line in lines if line.points)
    if not with_points:
        return None
    return Chart(
        title=title,
        x="percentile",
        y="log",
        unit="ms",
        lines=with_points,
        caption=caption,
        size="half",
    )


def _spectrum_line(name: str, latency: Latency, style: Literal["line", "sum"] = "line") -> Line:
    """Without points where nothing was recorded."""
    return Line(name, _points(Histogram.decode(latency.hdr)) if latency.hdr else (), style)


def _points(histogram: Histogram) -> Points:
    """100 % has no place on a scale of 1 / (1 - p): the maximum stands where one value is left."""
    most = float(max(histogram.count, 2))
    return tuple(
        (min(100 / (100 - level), most) if level < 100 else most, ns / NS_PER_MS)
        for level, ns in histogram.spectrum()
    )


def _errors(result: LoadtestResult) -> Chart | None:
    errors = _over_time(result.timeline, lambda row: row.errors)
    dropped = _over_time(result.timeline, lambda row: row.dropped)
    both = (Line("errors", errors, "area", "bad"), Line("dropped", dropped, "area", "warn"))
    lines = tuple(line for line in both if any(y for _, y in line.points))
    if not lines:
        return None
    return Chart(
        title=" and ".join(line.name for line in lines).capitalize(),
        x="second",
        y="linear",
        unit="per_s",
        lines=lines,
        bands=_bands(result),
    )


def _users(result: LoadtestResult) -> Chart | None:
    points = _over_time(result.timeline, lambda row: row.users)
    if len({y for _, y in points}) < 2:
        return None
    closed = result.model == "closed"
    return Chart(
        title="Users" if closed else "Operations in flight",
        x="second",
        y="linear",
        unit="count",
        lines=(Line("users" if closed else "in flight", points),),
        bands=_bands(result),
    )
