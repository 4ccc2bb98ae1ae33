"""`chaos gameday`: experiments with people in the room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Run experiments with people in the room, and compare with what they predicted.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Keeps `run` a command of its own while it is the only one."""


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="Game day file, or the name of a shipped one.")],
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Environment file, or the name of a shipped one.")
    ] = "local",
    seed: Annotated[int | None, typer.Option(help="Seed of all runs.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before each run, and wait for nobody's Enter.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the page and the reports of the runs here.")] = None,
    weaken: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take a protection away from the bundled platform during the day."),
    ] = None,
) -> None:
    """Show each plan, ask, run it, pause for notes; at the end one page has predictions beside what happened.

    Exit code: the worst of its runs, as `chaos run`; a run that somebody said no to counts as refused (4), Ctrl-C in a
    pause as interrupted (130).
    """
    from chaos.cli import suite
    from chaos.cli.gameday_room import hold_in_terminal

    options = suite.Options(environment=environment, seed=seed, weakened=tuple(weaken or ()), out=out)
    with suite.weakened(weaken or [], environment):
        code = hold_in_terminal(file, options, asks=not yes)
    raise typer.Exit(code)
