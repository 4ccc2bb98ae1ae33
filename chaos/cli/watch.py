"""chaos watch: a run, live or again, in this terminal."""

from __future__ import annotations

from typing import Annotated

import typer


def watch(
    run: Annotated[str, typer.Argument(help="Run (a prefix, or 'last'), or the path of a journal.")] = "last",
    replay: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="SPEED", help="Show a finished run again, that many times as fast."),
    ] = None,
) -> None:
    """Watch a run from its journal: services, objectives, faults, load, guardrails. `a` then `y` aborts it, `q` leaves.

    In a pipe it prints one picture. Exit code: 0; after an abort with `a` 6 when something was still open on leaving.
    """
    from chaos.cli.watched_run import watch_run
    from chaos.journal.runs import find

    raise typer.Exit(watch_run(find(run).journal, replay))
