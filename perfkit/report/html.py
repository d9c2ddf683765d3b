"""The report as one HTML file that needs nothing else: no network, no fonts, no libraries."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby, pairwise
from string import Template

from perfkit.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Figure,
    Line,
    Note,
    Remarks,
    Row,
    Table,
    Verdict,
)
from perfkit.report.document import describe, subject
from perfkit.report.wording import printable
from perfkit.results import Report, Result

_KINDS = {
    "perfkit.loadtest": "perfkit load test",
    "perfkit.bench": "perfkit benchmark",
    "perfkit.compare": "perfkit compare",
}
_MOST_POINTS = 2000  # of a line: more than a screen has columns

Point = tuple[float, float | None]


def render(report: Report[Result]) -> str:
    """The page: every table in plain HTML, the charts drawn by its own script.

    Its Content-Security-Policy lets only that script run and lets nothing be loaded, so that no
    text of a report can do either.
    """
    assets = files("perfkit.report") / "assets"
    script = (assets / "report.js").read_text(encoding="utf-8")
    blocks = describe(report)
    charts = [block for block in blocks if isinstance(block, Chart)]
    return Template((assets / "page.html").read_text(encoding="utf-8")).substitute(
        title=_text(f"{subject(report)}: {_KINDS.get(report.schema, report.schema)}"),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=(assets / "report.css").read_text(encoding="utf-8"),
        command=_text(report.schema.replace(".", " ").partition("-")[0]),
        started_at=_text(report.started_at),
        version=_text(report.perfkit_version),
        body="\n".join(_sections(blocks)),
        charts=_json(charts),
        script=script,
    )


def _sections(blocks: Iterable[Block]) -> Iterable[str]:
    """Neighbouring charts share a grid."""
    for is_chart, group in groupby(blocks, lambda block: isinstance(block, Chart)):
        sections = "\n".join(map(_section, group))
        yield f'<section class="charts">\n{sections}\n</section>' if is_chart else sections


def _section(block: Block) -> str:
    match block:
        case Verdict():
            return _verdict(block)
        case Chart():
            caption = f"<p>{_text(block.caption)}</p>" if block.caption else ""
            head = f"<figcaption><h2>{_text(block.title)}</h2>{caption}</figcaption>"
            return f'<figure class="chart {block.size}">{head}</figure>'
        case Table():
            return _titled(block.title, _table(block))
        case Facts():
            pairs = (f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in block.rows)
            return _titled(block.title, f'<dl class="facts">{"".join(pairs)}</dl>')
        case Remarks():
            items = (
                f'<li class="{each.tone}"><code>{_text(each.kind)}</code> {_text(each.text)}</li>'
                for each in block.remarks
            )
            return _titled(block.title, f'<ul class="remarks">{"".join(items)}</ul>')
        case Note():
            return _titled(
                block.title, "".join(f"<p>{_text(each)}</p>" for each in block.paragraphs)
            )


def _titled(title: str, content: str) -> str:
    return f"<section><h2>{_text(title)}</h2>\n{content}</section>"


def _verdict(verdict: Verdict) -> str:
    reasons = "".join(f"<p>{_text(each)}</p>" for each in verdict.reasons)
    warnings = "".join(f'<p class="warn">warning: {_text(each)}</p>' for each in verdict.warnings)
    return (
        f'<header class="verdict {verdict.tone}"><h1>{verdict.status}</h1>'
        f'<div class="reasons">{reasons}{warnings}</div></header>'
        f'<p class="context">{_text(verdict.context)}</p>'
        f'<dl class="figures">{"".join(map(_figure, verdict.figures))}</dl>'
    )


def _figure(figure: Figure) -> str:
    return (
        f'<div class="{figure.tone}"><dt>{_text(figure.name)}</dt>'
        f"<dd>{_text(figure.value)}<small>{_text(figure.note)}</small></dd></div>"
    )


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col"{_align(column)}>{_text(column.title)}</th>' for column in table.columns
    )
    rows = "\n".join(_row(table.columns, row) for row in table.rows)
    foot = f"<tfoot>{_row(table.columns, table.footer)}</tfoot>" if table.footer else ""
    caption = f'<p class="caption">{_text(table.caption)}</p>' if table.caption else ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody>{foot}</table></div>{caption}"
    )


def _align(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def _row(columns: tuple[Column, ...], row: Row) -> str:
    cells = "".join(_cell(column, cell) for column, cell in zip(columns, row, strict=True))
    return f"<tr>{cells}</tr>"


def _cell(column: Column, cell: Cell) -> str:
    kinds = [kind for kind, has in (("number", column.numeric), ("literal", column.literal)) if has]
    kinds += [cell.tone] if cell.tone != "plain" else []
    attributes = f' class="{" ".join(kinds)}"' if kinds else ""
    if cell.value is not None:
        attributes += f' data-value="{cell.value!r}"'
    return f"<td{attributes}>{_text(cell.text)}</td>"


def _text(text: str) -> str:
    return escape(printable(text))


def _json(charts: Sequence[Chart]) -> str:
    """The charts for the script; no character in it can end the element that holds it."""
    text = json.dumps([_chart(chart) for chart in charts], allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _chart(chart: Chart) -> dict[str, object]:
    return {
        "title": printable(chart.title),
        "x": chart.x,
        "y": chart.y,
        "unit": chart.unit,
        "size": chart.size,
        "lines": [_line(line) for line in chart.lines],
        "bands": [[printable(each.name), each.start_s, each.end_s] for each in chart.bands],
    }


def _line(line: Line) -> dict[str, object]:
    points = thinned(line.points, _MOST_POINTS)
    return {
        "name": printable(line.name),
        "style": line.style,
        "tone": line.tone,
        "x": [round(x, 6) for x, _ in points],
        "y": [None if y is None else float(f"{y:.5g}") for _, y in points],
    }


def thinned(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """At most that many points that look the same: of each stretch its extremes, and a gap if any.

    The first and the last point are always among them. `most` is at least 8.
    """
    if len(points) <= most:
        return points
    inner = points[1:-1]
    stretches = (most - 2) // 3
    bounds = [len(inner) * number // stretches for number in range(stretches + 1)]
    kept = [
        index for start, end in pairwise(bounds) for index in _telling(inner, range(start, end))
    ]
    return (points[0], *(inner[index] for index in kept), points[-1])


def _telling(points: tuple[Point, ...], stretch: range) -> list[int]:
    known = [(y, index) for index in stretch if (y := points[index][1]) is not None]
    gap = next((index for index in stretch if points[index][1] is None), None)
    kept = {min(known)[1], max(known)[1]} if known else set()
    return sorted(kept | ({gap} if gap is not None else set()))
