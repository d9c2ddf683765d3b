"""`perfkit profile`: tuning profiles, held against a live server and applied to it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli import options as opt
from perfkit.errors import UsageError

if TYPE_CHECKING:
    from perfkit.results import ProfileResult, Report
    from perfkit.tuning import Options

app = typer.Typer(no_args_is_help=True)

_NAME = "A profile that ships (perfkit profile list), or a YAML file."
_TARGET = "URL of the database."
_WHERE = "Work it out for this database's machine instead of this one."
_MACHINE = "Facts for the formulas: ram=64GiB,cores=16,disk=ssd,connections=200."
_CONFIG = "Print the text of a configuration file, ready to paste, and nothing else."
_YES = "Apply it. Without, nothing is changed."
_UNDO = "Where to write what takes it back; perfkit-undo-… in the current folder unless said."
_ONLY = "Apply only these settings."

Name = Annotated[str, typer.Argument(metavar="PROFILE", help=_NAME, show_default=False)]
Target = Annotated[str, typer.Argument(help=_TARGET, show_default=False)]
Where = Annotated[str | None, typer.Argument(metavar="[TARGET]", help=_WHERE, show_default=False)]
Machine = Annotated[list[str] | None, typer.Option("--machine", metavar="FACTS", help=_MACHINE)]
Config = Annotated[bool, typer.Option("--config", help=_CONFIG)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_YES)]
Undo = Annotated[Path | None, typer.Option("--undo", metavar="FILE", help=_UNDO)]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="NAME,…", help=_ONLY)]


@app.command("list", epilog="Example: perfkit profile list")
def list_(
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """List the profiles that ship."""
    from perfkit import tuning
    from perfkit.report.writing import Outputs

    outputs = Outputs(json, opt.text(html), markdown, None, quiet, color=not no_color)
    outputs.check_writable()
    outputs.write(tuning.list_profiles(opt.time_limit_ns(timeout)))


@app.command(
    "show",
    epilog="Example: perfkit profile show pgbouncer --machine cores=16,connections=200 --config",
)
def show(
    profile: Name,
    target: Where = None,
    machine: Machine = None,
    config: Config = False,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Show a profile's settings, worked out for a machine, with reasons, risks and sources."""
    from perfkit import tuning
    from perfkit.report.writing import Outputs

    options = tuning.Options(
        "show",
        profile,
        target,
        machine=tuple(machine or ()),
        time_limit_ns=opt.time_limit_ns(timeout),
    )
    outputs = Outputs(json, opt.text(html), markdown, None, quiet, color=not no_color)
    if config and (json or html or markdown):
        raise UsageError(
            "--config prints a configuration and no report", hint="leave one of them out"
        )
    if config:
        print(tuning.config(options), end="")
        return
    outputs.check_writable()
    outputs.write(tuning.run(options))


@app.command("diff", epilog='Example: perfkit profile diff postgres-oltp "$DATABASE_URL"')
def diff(
    profile: Name,
    target: Target,
    machine: Machine = None,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Tell what differs from a live server, why it matters, and what to run. Changes nothing."""
    from perfkit import tuning
    from perfkit.report.writing import Outputs

    outputs = Outputs(json, opt.text(html), markdown, None, quiet, color=not no_color)
    outputs.check_writable()
    options = tuning.Options(
        "diff",
        profile,
        target,
        machine=tuple(machine or ()),
        time_limit_ns=opt.time_limit_ns(timeout),
    )
    outputs.write(tuning.run(options))


@app.command("apply", epilog='Example: perfkit profile apply redis-cache "$REDIS_URL" --yes')
def apply(
    profile: Name,
    target: Target,
    machine: Machine = None,
    yes: Yes = False,
    undo: Undo = None,
    only: Only = None,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Set on a live server what differs, with --yes; writes the undo file first, restarts nothing."""
    from perfkit import tuning
    from perfkit.report.writing import Outputs

    outputs = Outputs(json, opt.text(html), markdown, None, quiet, color=not no_color)
    outputs.check_writable({"--undo": opt.text(undo)})
    options = tuning.Options(
        "apply",
        profile,
        target,
        machine=tuple(machine or ()),
        only=tuple(name.strip() for text in only or () for name in text.split(",")),
        yes=yes,
        undo=undo,
        time_limit_ns=opt.time_limit_ns(timeout),
    )
    report = tuning.run(options)
    outputs.write(report)
    _refuse_without_yes(report, options)
    raise typer.Exit(report.status)


def _refuse_without_yes(report: "Report[ProfileResult]", options: "Options") -> None:
    due = report.result.due
    if due and not options.yes:
        raise UsageError(
            f"nothing was changed: applying would set {', '.join(due)}", hint="--yes agrees to it"
        )
