"""The report for a terminal, a pipe or a CI log."""

import io
import os
from typing import IO

from rich.console import Console, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.segment import Segments
from rich.table import Table as Grid
from rich.text import Text

from perfkit.report.blocks import Block, Cell, Chart, Facts, Note, Remarks, Table, Tone, Verdict
from perfkit.report.document import describe, verdict
from perfkit.report.stream import abandon
from perfkit.report.wording import printable
from perfkit.results import Report, Result

_STYLES: dict[Tone, str] = {"plain": "", "good": "green", "warn": "yellow", "bad": "red"}
_BADGES: dict[Tone, str] = {
    "plain": "bold",
    "good": "bold black on green",
    "warn": "bold black on yellow",
    "bad": "bold white on red",
}
_WIDTH_OF_A_LOG = 100
_INDENT = 2
_LEAST_LITERAL_WIDTH = 12
_MOST_CHARACTERS = 200  # of a message or statement; files have the whole of it


class _PipeConsole(Console):
    """A reader that went away (`perfkit … | head`) is no reason to fail: the verdict stands."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        abandon(self.file)


def open_console(stream: IO[str], *, color: bool = True) -> Console:
    """A console on a stream: no control codes unless it is a terminal, no colours if not wanted.

    The environment's NO_COLOR and COLUMNS are heeded.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    is_terminal = stream.isatty()
    has_width = is_terminal or "COLUMNS" in os.environ
    return _PipeConsole(
        file=stream,
        force_terminal=is_terminal,
        color_system="auto" if color and not os.environ.get("NO_COLOR") else None,
        width=None if has_width else _WIDTH_OF_A_LOG,
        highlight=False,
    )


def render(report: Report[Result], console: Console) -> None:
    """Prints the report; charts and what only files have room for are left out."""
    with console.capture() as page:
        for block in describe(report):
            if isinstance(block, Verdict):
                _print_verdict(block, console)
            elif block.place != "appendix":
                _print_block(block, console)
    _print_page(page.get(), console)


def render_trouble(report: Report[Result], console: Console) -> None:
    """Prints how the run ended when it did not end well, else nothing."""
    outcome = verdict(report)
    if outcome.tone != "good":
        with console.capture() as page:
            _print_verdict(outcome, console)
        _print_page(page.get(), console)


def _print_page(page: str, console: Console) -> None:
    """Tables fill their last column up with spaces, which nobody wants in a log."""
    console.out("\n".join(line.rstrip() for line in page.split("\n")), end="")


def _print_verdict(verdict: Verdict, console: Console) -> None:
    lines = Grid.grid(padding=(0, 1))
    badge = Text(f" {verdict.status.upper()} ", style=_BADGES[verdict.tone])
    for number, reason in enumerate(verdict.reasons):
        lines.add_row("" if number else badge, _text(reason, "bold"))
    for number, warning in enumerate(verdict.warnings):
        badge = Text(" WARNING ", style=_BADGES["warn"])
        lines.add_row("" if number else badge, _text(warning))
    console.print(lines)
    console.print(_text(verdict.context, "dim"))


def _print_block(block: Block, console: Console) -> None:
    match block:
        case Table():
            _print_title(block.title, console)
            _print_table(block, console)
            if block.caption:
                console.print(_indented(_text(block.caption, "dim")))
        case Remarks():
            _print_title(block.title, console)
            lines = Grid.grid(padding=(0, 2, 0, 0))
            for remark in block.remarks:
                lines.add_row(_text(remark.kind, _STYLES[remark.tone]), _text(remark.text))
            console.print(_indented(lines))
        case Note():
            _print_title(block.title, console)
            for paragraph in block.paragraphs:
                console.print(_indented(_text(paragraph)))
        case Verdict() | Facts() | Chart():
            pass


def _print_title(title: str, console: Console) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _print_table(table: Table, console: Console) -> None:
    """Names wrap; a number is never cut: a terminal too narrow for the numbers wraps whole lines."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in table.columns:
        justify: JustifyMethod = "right" if column.numeric else "left"
        grid.add_column(column.title, justify=justify, no_wrap=not column.literal, overflow="fold")
    for row in table.rows:
        grid.add_row(*map(_cell, row))
    if table.footer is not None:
        grid.add_row(*map(_cell, table.footer), style="bold")
    options = console.options.update_width(max(console.width, _least_width(table)))
    console.print(Segments(console.render(_indented(grid), options)), soft_wrap=True, end="")


def _least_width(table: Table) -> int:
    rows = [*table.rows, *([] if table.footer is None else [table.footer])]
    widths = []
    for number, column in enumerate(table.columns):
        width = max(len(text) for text in (column.title, *(row[number].text for row in rows)))
        widths.append(min(width, _LEAST_LITERAL_WIDTH) if column.literal else width)
    return _INDENT + sum(widths) + 2 * len(widths)


def _cell(cell: Cell) -> Text:
    text = printable(cell.text)
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
    return Text(shown, style=_STYLES[cell.tone])


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, _INDENT))


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)
