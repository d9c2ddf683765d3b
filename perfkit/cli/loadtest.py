"""`perfkit loadtest`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli import options as opt
from perfkit.errors import ExitStatus

EXAMPLE = "Example: perfkit loadtest checkout.yml --target $DATABASE_URL --json report.json"


def command(
    scenario: Annotated[
        Path,
        typer.Argument(
            help="A YAML file, or the name of a scenario that ships, as in quickstart.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", metavar="URL", help="Drive this target instead of the scenario's."
        ),
    ] = None,
    overrides: opt.Set = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="A JSON report to compare with, for checks that name `baseline`.",
        ),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            "--targets", metavar="NAME", help="Check the limits that ship under a name, or a file."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Agree to write to a host that is not this machine.")
    ] = False,
    allow_saturated: Annotated[
        bool,
        typer.Option(
            "--allow-saturated", help="A generator that can't keep up is a caveat, not status 4."
        ),
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            min=1,
            metavar="N",
            help="Worker processes; by default as cores are free.",
        ),
    ] = None,
    hdr_log: Annotated[
        Path | None,
        typer.Option(
            "--hdr-log",
            metavar="FILE",
            help="Write the interval log that HdrHistogram tools read.",
            rich_help_panel=opt.REPORTS,
        ),
    ] = None,
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
