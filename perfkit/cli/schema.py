"""`perfkit schema`: JSON Schemas of the files that users write and of the reports."""

import json
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True)


@app.command("scenario", epilog="Example: perfkit schema scenario > perfkit-scenario.json")
def scenario() -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    from perfkit.scenario.schema import scenario_schema

    _print(scenario_schema())


@app.command("profile", epilog="Example: perfkit schema profile > perfkit-profile.json")
def profile() -> None:
    """Print the JSON Schema of a tuning profile, for editors."""
    from perfkit.tuning.schema import profile_schema

    _print(profile_schema())


@app.command("report", epilog="Example: perfkit schema report loadtest")
def report(
    name: Annotated[
        str, typer.Argument(help="The command whose report it is.", show_default=False)
    ],
) -> None:
    """Print the JSON Schema of a command's report."""
    from perfkit.report.jsonfile import report_schema

    _print(report_schema(name))


def _print(schema: dict[str, Any]) -> None:
    print(json.dumps(schema, indent=2, ensure_ascii=False))
