"""`perfkit loadtest`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli import options as opt
from perfkit.errors import ExitStatus

EXAMPLE = "Example: perfkit loadtest checkout.yml --target $DATABASE_URL --json report.json"

_SCENARIO = "A YAML file, or the name of a scenario that ships, as in quickstart."
_TARGET = "Drive this target instead of the scenario's."
_BASELINE = "A JSON report to compare with, for checks that name `baseline`."
_TARGETS = "Check the limits that ship under a name, or a file."
_YES = "Agree to write to a host that is not this machine."
_SATURATED = "A generator that can't keep up is a caveat, not status 4."
_PROCESSES = "Worker processes; by default as cores are free."
_HDR_LOG = "Write the interval log that HdrHistogram tools read."

Scenario = Annotated[Path, typer.Argument(help=_SCENARIO, show_default=False)]
Target = Annotated[str | None, typer.Option("--target", "-t", metavar="URL", help=_TARGET)]
Baseline = Annotated[Path | None, typer.Option("--baseline", metavar="FILE", help=_BASELINE)]
Targets = Annotated[str | None, typer.Option("--targets", metavar="NAME", help=_TARGETS)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_YES)]
AllowSaturated = Annotated[bool, typer.Option("--allow-saturated", help=_SATURATED)]
Processes = Annotated[int | None, typer.Option("--processes", min=1, metavar="N", help=_PROCESSES)]
HdrLog = Annotated[
    Path | None,
    typer.Option("--hdr-log", metavar="FILE", help=_HDR_LOG, rich_help_panel=opt.REPORTS),
]


def command(
    scenario: Scenario,
    target: Target = None,
    overrides: opt.Set = None,
    baseline: Baseline = None,
    targets: Targets = None,
    yes: Yes = False,
    allow_saturated: AllowSaturated = False,
    processes: Processes = None,
    hdr_log: HdrLog = None,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    junit: opt.Junit = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Drive a scenario's load against a target and check its thresholds.

    The exit status is the verdict: 0 passed, 1 a check failed, 4 the measurement is not valid.
    """
    from perfkit import loadtest
    from perfkit.report.writing import Outputs
    from perfkit.shipped import scenario_file

    outputs = Outputs(json, opt.text(html), markdown, opt.text(junit), quiet, color=not no_color)
    outputs.check_writable({"--hdr-log": opt.text(hdr_log)})
    options = loadtest.Options(
        scenario=scenario_file(scenario),
        target=target,
        overrides=tuple(overrides or ()),
        targets=targets,
        baseline=opt.baseline(baseline),
        yes=yes,
        allow_saturated=allow_saturated,
        hdr_log=hdr_log,
        processes=processes,
        time_limit_ns=opt.time_limit_ns(timeout),
    )
    with opt.observer(quiet=quiet, color=not no_color) as observer:
        try:
            report = loadtest.run(options, observer)
        except KeyboardInterrupt:
            print("interrupted before the load began: nothing was measured", file=sys.stderr)
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
    outputs.write(report)
    raise typer.Exit(report.status)
