"""The options that every command has, declared once."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit import units
from perfkit.errors import UsageError

if TYPE_CHECKING:  # these know drivers, rich or numpy, which --help does without
    from perfkit.report.live import LiveView
    from perfkit.results import LoadtestResult, Progress

REPORTS = "Reports"

Json = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE|-", help="Write the report as JSON.", rich_help_panel=REPORTS
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write one self-contained HTML page.",
        rich_help_panel=REPORTS,
    ),
]
Markdown = Annotated[
    str | None,
    typer.Option(
        "--markdown",
        metavar="FILE|-",
        help="Write Markdown, as for a pull request.",
        rich_help_panel=REPORTS,
    ),
]
Junit = Annotated[
    Path | None,
    typer.Option(
        "--junit",
        metavar="FILE",
        help="Write JUnit XML, a case for each check.",
        rich_help_panel=REPORTS,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and no table.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (NO_COLOR does the same).")]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="DURATION", help="Time limit of the whole command, as in 90s."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value of the scenario by its path; may be repeated.",
    ),
]


def text(path: Path | None) -> str | None:
    """The path as text, None stays None."""
    return None if path is None else str(path)


def time_limit_ns(timeout: str | None) -> int | None:
    """The --timeout in ns. UsageError when it is no duration, or none at all."""
    if timeout is None:
        return None
    try:
        limit_ns = units.duration_ns(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error
    if limit_ns <= 0:
        raise UsageError(
            "--timeout: a time limit of nothing", hint="write for example --timeout 90s"
        )
    return limit_ns


def baseline(path: Path | None) -> "LoadtestResult | None":
    """The result in a JSON report. UsageError when the file is none that can be compared with."""
    if path is None:
        return None
    from perfkit.report import jsonfile
    from perfkit.results import LoadtestResult

    try:
        result = jsonfile.from_json(path.read_text(encoding="utf-8")).result
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"--baseline {path}: can't be read: {why}") from error
    except UsageError as error:
        raise UsageError(f"--baseline {path}: {error}", hint=error.hint) from error
    if not isinstance(result, LoadtestResult):
        raise UsageError(f"--baseline {path}: it is no report of a load test")
    return result


class Watcher:
    """Shows a run on standard error, and asks there when something needs a yes."""

    def __init__(self, view: "LiveView") -> None:
        self._view = view

    def note(self, text: str) -> None:
        """Something is being done besides the load."""
        self._view.note(text)

    def warn(self, text: str) -> None:
        """Something that must be seen, also with --quiet."""
        print(f"caution: {text}", file=sys.stderr)

    def update(self, progress: "Progress") -> None:
        """How the load is going."""
        self._view.update(progress)

    def confirm(self, question: str) -> bool:
        """Asks on a terminal; False where there is nobody to ask."""
        try:
            return sys.stdin.isatty() and typer.confirm(question, err=True)
        except typer.Abort:  # Ctrl-C at the question
            raise KeyboardInterrupt from None


@contextlib.contextmanager
def observer(*, quiet: bool, color: bool) -> Iterator[Watcher]:
    """The live view for as long as the block runs."""
    from perfkit.report.live import LiveView
    from perfkit.report.text import open_console

    with LiveView(open_console(sys.stderr, color=color), quiet=quiet) as view:
        yield Watcher(view)
