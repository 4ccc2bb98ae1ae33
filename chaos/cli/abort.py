"""chaos abort: end a run now, with everything reverted."""

from __future__ import annotations

from typing import Annotated

import typer


def abort(
    run: Annotated[str, typer.Argument(help="Run (a prefix, or 'last').")] = "last",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the run to have reverted everything.")] = 30.0,
) -> None:
    """End a run that is under way: it reverts everything at once, and this waits until it has.

    Exit code: 0 reverted, 4 that run is not under way, 6 something is still broken (or not yet, after the timeout).
    """
    from chaos.engine.run_process import is_alive, terminate
    from chaos.journal.read import read_open_injections
    from chaos.journal.runs import find
    from chaos.model.errors import ExitCode, Refused

    directory = find(run)
    if not is_alive(directory.journal):
        raise Refused(f"run {directory.run} is not under way", "`chaos rollback` reverts what a dead run left open")
    ended = terminate(directory.journal, timeout)
    left = read_open_injections(directory.journal)
    for injection in left:
        print(f"still open: {injection.fault.kind} on {injection.target}")
    print(f"{directory.run}: {'ended, nothing is left broken' if ended and not left else 'not ended in time'}")
    raise typer.Exit(ExitCode.HELD if ended and not left else ExitCode.STILL_BROKEN)
