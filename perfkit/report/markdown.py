"""The report in Markdown, made for a comment on a pull request (GitHub's and GitLab's flavour)."""

import html
import re
from collections.abc import Iterable

from perfkit.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Note,
    Remarks,
    Row,
    Table,
    Verdict,
)
from perfkit.report.document import describe
from perfkit.report.wording import printable
from perfkit.results import Report, Result

_MARKS = {"passed": "✅", "done": "☑️", "failed": "❌", "invalid": "⛔", "interrupted": "⚠️"}
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")


def render(report: Report[Result]) -> str:
    """Verdict and main tables in sight, the rest folded; charts are left to HTML."""
    blocks = [block for block in describe(report) if not isinstance(block, Chart)]
    lead = [block for block in blocks if isinstance(block, Verdict) or block.place == "lead"]
    folded = [block for block in blocks if block not in lead]
    parts = [_block(block, f"**{_title(block)}**") for block in lead]
    if folded:
        parts += [
            f"<details>\n<summary>{', '.join(map(_title, folded))}</summary>",
            *(_block(block, f"#### {_title(block)}") for block in folded),
            "</details>",
        ]
    return "\n\n".join(parts) + "\n"


def _title(block: Block) -> str:
    return "" if isinstance(block, Verdict) else block.title


def _block(block: Block, heading: str) -> str:
    match block:
        case Verdict():
            return _verdict(block)
        case Table():
            caption = f"\n\n<sub>{_prose(block.caption)}</sub>" if block.caption else ""
            return f"{heading}\n\n{_table(block)}{caption}"
        case Remarks():
            lines = [f"- {_code(each.kind)} {_prose(each.text)}" for each in block.remarks]
            return f"{heading}\n\n" + "\n".join(lines)
        case Note():
            return f"{heading}\n\n" + "\n\n".join(map(_prose, block.paragraphs))
        case Facts():
            columns = (Column(""), Column("", literal=True))
            rows = tuple((Cell(name), Cell(value)) for name, value in block.rows)
            return f"{heading}\n\n{_table(Table('', columns, rows))}"
        case Chart():
            return ""


def _verdict(verdict: Verdict) -> str:
    figures = " · ".join(f"{each.name} {each.value}" for each in verdict.figures)
    reasons = list(map(_prose, verdict.reasons))
    first = f"### {_MARKS[verdict.status]} {verdict.status.upper()}"
    lines = [f"{first}: {reasons[0]}" if len(reasons) == 1 else first]
    if len(reasons) > 1:
        lines.append("\n".join(f"- {reason}" for reason in reasons))
    lines += [f"⚠️ {_prose(warning)}" for warning in verdict.warnings]
    return "\n\n".join([*lines, f"{_prose(figures)}<br>{_code(verdict.context)}"])


def _table(table: Table) -> str:
    head = _row(column.title for column in table.columns)
    rule = _row("--:" if column.numeric else ":--" for column in table.columns)
    rows = [_row(_cells(table.columns, row)) for row in table.rows]
    if table.footer is not None:
        rows.append(_row(map(_bold, _cells(table.columns, table.footer))))
    return "\n".join([head, rule, *rows])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(columns: tuple[Column, ...], row: Row) -> list[str]:
    cells = []
    for column, cell in zip(columns, row, strict=True):
        text = _code(cell.text) if column.literal else _prose(cell.text)
        cells.append(_bold(text) if cell.tone == "bad" else text)
    return cells


def _bold(text: str) -> str:
    return text if text.startswith("**") or not text else f"**{text}**"


def _prose(text: str) -> str:
    """The comment after an @ keeps a name in a message from calling people."""
    escaped = _SPECIAL.sub(r"\\\1", html.escape(printable(text), quote=False))
    return escaped.replace("@", "@<!-- -->")


def _code(text: str) -> str:
    """Word for word. A code span can hold neither a pipe (in a table) nor safely a backtick."""
    text = printable(text)
    if not text.strip():
        return ""
    if "|" not in text and "`" not in text:
        return f"`{text}`"
    marked = "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text)
    return f"<code>{marked}</code>"
