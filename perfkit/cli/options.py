"""The options that every command has, declared once."""

import contextlib
import signal
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
Tolerance = Annotated[
    str, typer.Option("--tolerance", metavar="SHARE", help="A smaller change does not matter.")
]
Confidence = Annotated[
    str,
    typer.Option(
        "--confidence", metavar="SHARE", help="Of all intervals of a comparison together."
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


@contextlib.contextmanager
def within(timeout: str | None) -> Iterator[None]:
    """The --timeout of a command that drives no load. UsageError when the block takes longer."""
    limit_ns = time_limit_ns(timeout)

    def give_up(*_: object) -> None:
        raise UsageError(f"--timeout {timeout}: not done within it, and nothing was written")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, (limit_ns or 0) / units.NS_PER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def duration(option: str, given: str | None, *, least_ns: int = 1) -> int | None:
    """A duration in ns, None where none is given. UsageError names the option."""
    if given is None:
        return None
    try:
        asked_ns = units.duration_ns(given)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if asked_ns < least_ns:
        raise UsageError(f"{option} {given}: too short", hint=f"write for example {option} 5s")
    return asked_ns


def share(option: str, given: str) -> float:
    """A share from 0 up to, but not including, 1. UsageError names the option."""
    try:
        value = units.ratio(given)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if not 0 <= value < 1:
        raise UsageError(f"{option} {given}: write a share from 0 to below 100 %, as in 5%")
    return value


def confidence_level(given: str) -> float:
    """The --confidence. UsageError where it says next to nothing, or can't be reached."""
    try:
        value = units.ratio(given)
    except ValueError as error:
        raise UsageError(f"--confidence: {error}") from error
    if not 0.5 <= value <= 0.9999:
        raise UsageError(f"--confidence {given}: write a share from 50% to 99.99%")
    return value


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
