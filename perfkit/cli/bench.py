"""`perfkit bench`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli import options as opt
from perfkit.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from perfkit.bench import Options

EXAMPLE = "Example: perfkit bench sqlite:///app.db --workload ycsb-b"

_WHAT = "What to measure"
_HOW = "How long and how often"
_COMPARED = "What to compare"

_TARGET = "URL of the database."
_WORKLOAD = "A standard workload; --list names them."
_QUERY = "SQL, a MongoDB command as JSON, or a Redis command."
_SCENARIO = "A scenario file, or the name of one that ships."
_PARAM = "A value of the query: id=1..100000, id=zipfian:1..1000, word=choice:a,b; may be repeated."
_SCALE = "Size of the workload's data, in its author's units."
_CLIENTS = "Users at the same time, each with a connection."
_PIPELINE = "Redis commands sent together."
_BATCH = "Rows or documents of one insert."
_DURATION = "Length of a run; 5s unless said."
_ITERATIONS = "Operations of a run, in place of a duration."
_WARMUP = "Before each run, not counted; 1s unless said."
_COOLDOWN = "Pause between two runs."
_RUNS = "Runs of each variant: 3, or 10 where profiles are compared, unless said."
_KEEP = "Leave the workload's data for the next time."
_LIST = "List the workloads."
_PRINT = "Print the scenario instead of running it."
_TRUE_ZIPFIAN = "Zipf's law itself in place of YCSB's scrambled one."
_PROFILE = "Measure a tuning profile, against the default or another; may be repeated."
_EACH = "Measure each setting of the profiles alone, too."
_MACHINE = "Facts for the profiles' formulas: ram=64GiB,cores=16."
_SWEEP = "Measure several values of clients, batch, pool, pipeline or a session's setting."
_TOLERANCE = "A smaller change does not matter."
_CONFIDENCE = "Of all intervals together."
_TARGETS = "Check the limits that ship under a name, or a file."
_YES = "Agree to write to a host that is not this machine."
_SATURATED = "A generator that can't keep up is a caveat, not status 4."
_PROCESSES = "Worker processes; by default as cores are free."

Target = Annotated[str | None, typer.Argument(help=_TARGET, show_default=False)]
Workload = Annotated[
    str | None,
    typer.Option("--workload", "-w", metavar="NAME", help=_WORKLOAD, rich_help_panel=_WHAT),
]
Query = Annotated[
    str | None, typer.Option("--query", metavar="TEXT", help=_QUERY, rich_help_panel=_WHAT)
]
Scenario = Annotated[
    Path | None,
    typer.Option("--scenario", "-s", metavar="FILE", help=_SCENARIO, rich_help_panel=_WHAT),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUES", help=_PARAM, rich_help_panel=_WHAT),
]
Scale = Annotated[
    int | None, typer.Option("--scale", min=1, metavar="N", help=_SCALE, rich_help_panel=_WHAT)
]
Clients = Annotated[
    int | None,
    typer.Option("--clients", "-c", min=1, metavar="N", help=_CLIENTS, rich_help_panel=_WHAT),
]
Pipeline = Annotated[
    int | None,
    typer.Option("--pipeline", "-P", min=1, metavar="N", help=_PIPELINE, rich_help_panel=_WHAT),
]
Batch = Annotated[
    int | None, typer.Option("--batch", min=1, metavar="N", help=_BATCH, rich_help_panel=_WHAT)
]
Keep = Annotated[bool, typer.Option("--keep", help=_KEEP, rich_help_panel=_WHAT)]
List = Annotated[bool, typer.Option("--list", help=_LIST, rich_help_panel=_WHAT)]
Print = Annotated[bool, typer.Option("--print", help=_PRINT, rich_help_panel=_WHAT)]
TrueZipfian = Annotated[
    bool, typer.Option("--true-zipfian", help=_TRUE_ZIPFIAN, rich_help_panel=_WHAT)
]
Duration = Annotated[
    str | None,
    typer.Option("--duration", "-d", metavar="DURATION", help=_DURATION, rich_help_panel=_HOW),
]
Iterations = Annotated[
    int | None,
    typer.Option("--iterations", "-n", min=1, metavar="N", help=_ITERATIONS, rich_help_panel=_HOW),
]
Warmup = Annotated[
    str | None, typer.Option("--warmup", metavar="DURATION", help=_WARMUP, rich_help_panel=_HOW)
]
Cooldown = Annotated[
    str, typer.Option("--cooldown", metavar="DURATION", help=_COOLDOWN, rich_help_panel=_HOW)
]
Runs = Annotated[
    int | None,
    typer.Option("--runs", "-r", min=1, max=1000, metavar="N", help=_RUNS, rich_help_panel=_HOW),
]
Processes = Annotated[
    int | None,
    typer.Option("--processes", min=1, metavar="N", help=_PROCESSES, rich_help_panel=_HOW),
]
Profile = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="NAME", help=_PROFILE, rich_help_panel=_COMPARED),
]
Each = Annotated[bool, typer.Option("--each-setting", help=_EACH, rich_help_panel=_COMPARED)]
Machine = Annotated[
    list[str] | None,
    typer.Option("--machine", metavar="FACTS", help=_MACHINE, rich_help_panel=_COMPARED),
]
Sweep = Annotated[
    str | None,
    typer.Option("--sweep", metavar="NAME=V1,V2,…", help=_SWEEP, rich_help_panel=_COMPARED),
]
Targets = Annotated[
    str | None, typer.Option("--targets", metavar="NAME", help=_TARGETS, rich_help_panel=_COMPARED)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_YES)]
AllowSaturated = Annotated[bool, typer.Option("--allow-saturated", help=_SATURATED)]


def command(
    target: Target = None,
    workload: Workload = None,
    query: Query = None,
    scenario: Scenario = None,
    param: Param = None,
    overrides: opt.Set = None,
    scale: Scale = None,
    clients: Clients = None,
    pipeline: Pipeline = None,
    batch: Batch = None,
    keep: Keep = False,
    true_zipfian: TrueZipfian = False,
    list_: List = False,
    print_: Print = False,
    duration: Duration = None,
    iterations: Iterations = None,
    warmup: Warmup = None,
    cooldown: Cooldown = "500ms",
    runs: Runs = None,
    processes: Processes = None,
    profile: Profile = None,
    each_setting: Each = False,
    machine: Machine = None,
    sweep: Sweep = None,
    tolerance: opt.Tolerance = "5%",
    confidence: opt.Confidence = "99%",
    targets: Targets = None,
    yes: Yes = False,
    allow_saturated: AllowSaturated = False,
    json: opt.Json = None,
    html: opt.Html = None,
    markdown: opt.Markdown = None,
    junit: opt.Junit = None,
    quiet: opt.Quiet = False,
    no_color: opt.NoColor = False,
    timeout: opt.Timeout = None,
) -> None:
    """Measure a standard workload or a query of your own; profiles, settings and sizes against each other.

    Runs are made in turn, in an order drawn by lot. The exit status is 0, 1 where a check of
    --targets or of the scenario failed, 4 where the measurement is not valid.
    """
    from perfkit import bench
    from perfkit.report.writing import Outputs

    if pipeline is not None and batch is not None:
        raise UsageError("--pipeline and --batch mean the same: one of them")
    options = bench.Options(
        target=target or "",
        workload=workload,
        query=query,
        scenario=scenario,
        params=tuple(param or ()),
        overrides=tuple(overrides or ()),
        scale=scale,
        clients=clients,
        batch=pipeline if batch is None else batch,
        duration_ns=opt.duration("--duration", duration),
        iterations=iterations,
        warmup_ns=opt.duration("--warmup", warmup, least_ns=0),
        cooldown_ns=opt.duration("--cooldown", cooldown, least_ns=0) or 0,
        runs=runs,
        keep=keep,
        true_zipfian=true_zipfian,
        profiles=tuple(profile or ()),
        each_setting=each_setting,
        machine=tuple(machine or ()),
        sweep=sweep,
        tolerance=opt.share("--tolerance", tolerance),
        confidence=opt.confidence_level(confidence),
        targets=targets,
        yes=yes,
        allow_saturated=allow_saturated,
        processes=processes,
        time_limit_ns=opt.time_limit_ns(timeout),
    )
    if list_ or print_:
        print(_listed() if list_ else _printed(options, target), end="")
        return
    if target is None:
        raise UsageError("no target", hint="perfkit bench sqlite:///app.db --workload ycsb-b")
    outputs = Outputs(json, opt.text(html), markdown, opt.text(junit), quiet, color=not no_color)
    outputs.check_writable()
    with opt.observer(quiet=quiet, color=not no_color) as observer:
        try:
            report = bench.run(options, observer)
        except KeyboardInterrupt:
            print("interrupted before the first run: nothing was measured", file=sys.stderr)
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
    outputs.write(report)
    raise typer.Exit(report.status)


def _printed(options: "Options", target: str | None) -> str:
    from perfkit import bench
    from perfkit.backends import backend_name

    return bench.printed(options, None if target is None else backend_name(target))


def _listed() -> str:
    from perfkit.shipped import workloads

    width = max(len(each.name) for each in workloads())
    return "".join(
        f"{each.name:<{width}}  {each.purpose} ({', '.join(each.backends)})\n"
        for each in workloads()
    )
