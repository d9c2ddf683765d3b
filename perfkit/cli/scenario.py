"""`perfkit scenario`: checks scenario files, and starts new ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.errors import UsageError

if TYPE_CHECKING:
    from perfkit.scenario import Scenario

app = typer.Typer(no_args_is_help=True)


@app.command("check", epilog="Example: perfkit scenario check checkout.yml --set load.warmup=0")
def check(
    file: Annotated[Path, typer.Argument(help="The scenario file.", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the scenario."),
    ] = None,
) -> None:
    """Tell every mistake in a scenario file, without a database."""
    from perfkit.scenario import load_scenario

    print(f"{file}: {_summary(load_scenario(file, overrides=overrides or ()))}")


@app.command("new", epilog="Example: perfkit scenario new postgresql -o checkout.yml")
def new(
    backend: Annotated[
        str, typer.Argument(help="sqlite, postgresql, mongodb or redis.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented scenario to start from, which runs as it is."""
    from perfkit.scenario.template import starter

    text = starter(backend)
    if output is None:
        print(text, end="")
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{output} exists already", hint="--force overwrites it") from None
    except OSError as error:
        raise UsageError(f"{output}: can't be written: {error.strerror}") from None
    typer.echo(f"wrote {output}: perfkit loadtest {output}", err=True)


def _summary(scenario: "Scenario") -> str:
    from perfkit.units import show_duration

    load = scenario.load
    length_ns = load.warmup_ns + sum(stage.duration_ns or 0 for stage in load.stages)
    iterations = load.stages[-1].iterations
    parts = [
        _count(len(scenario.operations), "operation"),
        f"{load.model} load",
        _count(len(load.stages), "stage"),
        show_duration(length_ns) if length_ns or not iterations else "",
        f"{iterations:,} iterations" if iterations else "",
        _count(len(scenario.thresholds), "threshold"),
    ]
    return "ok: " + ", ".join(filter(None, parts))


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
