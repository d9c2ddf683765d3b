"""The command line: a file for each command, which parses, calls `run` and renders.

Nothing heavy is imported before a command runs, so that `--help` is quick.
"""

from typing import Annotated

import typer

from perfkit import __version__
from perfkit.cli import bench, compare, loadtest, profile, scenario, schema

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Profile, tune and load test SQLite, PostgreSQL, MongoDB and Redis.\n\n"
    "Example: perfkit loadtest scenarios/quickstart.yml",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"perfkit {__version__}")
        raise typer.Exit


@app.callback()
def _perfkit(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


app.command("bench", epilog=bench.EXAMPLE)(bench.command)
app.command("compare", epilog=compare.EXAMPLE)(compare.command)
app.command("loadtest", epilog=loadtest.EXAMPLE)(loadtest.command)
app.add_typer(profile.app, name="profile", help="Tuning profiles: list, show, diff and apply them.")
app.add_typer(scenario.app, name="scenario", help="Check scenario files, or start one.")
app.add_typer(schema.app, name="schema", help="Print the JSON Schema of a file or report.")
