"""`perfkit compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli import options as opt
from perfkit.errors import UsageError

if TYPE_CHECKING:
    from perfkit.results import Report, Result

EXAMPLE = "Example: perfkit compare main.json branch.json --tolerance 5% --junit compare.xml"

_OLD = "The JSON report of a benchmark: the baseline."
_NEW = "The JSON report to hold against it."
_FORCE = "Compare also what was not measured alike, and say so."

Old = Annotated[Path, typer.Argument(help=_OLD, show_default=False)]
New = Annotated[Path, typer.Argument(help=_NEW, show_default=False)]
Force = Annotated[bool, typer.Option("--force", help=_FORCE)]


def command(
    old: Old,
    new: New,
    tolerance: opt.Tolerance = "5%",
    confidence: opt.Confidence = "99%",
    force: Force = False,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    junit: opt.Junit = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Compare two benchmarks, operation by operation, by their runs.

    The exit status is a gate: 0 nothing became slower, 1 something did, 4 a report is not valid. What
    was not measured alike is refused with 2.
    """
    from perfkit.comparison import compare_reports
    from perfkit.report.writing import Outputs

    outputs = Outputs(json, opt.text(html), markdown, opt.text(junit), quiet, color=not no_color)
    outputs.check_writable()
    share, level = opt.share("--tolerance", tolerance), opt.confidence_level(confidence)
    with opt.within(timeout):
        report = compare_reports(
            _read(old),
            _read(new),
            files=(str(old), str(new)),
            tolerance=share,
            confidence=level,
            force=force,
        )
    outputs.write(report)
    raise typer.Exit(report.status)


def _read(path: Path) -> "Report[Result]":
    from perfkit.report import jsonfile

    try:
        report: Report[Result] = jsonfile.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: can't be read: it is not UTF-8 text") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}", hint=error.hint) from error
    return report
