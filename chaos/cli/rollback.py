"""chaos rollback: revert what runs have left open."""

from __future__ import annotations

from typing import Annotated

import typer


def rollback(
    run: Annotated[
        str | None, typer.Argument(help="Run (a prefix, or 'last'); all runs with open faults without it.")
    ] = None,
) -> None:
    """Revert every fault that a run has injected and not seen gone, from its journal alone. Safe to repeat.

    Exit code: 0 nothing is left, 4 a run is still under way, 6 something is still broken.
    """
    from chaos.engine.reopen import reopen
    from chaos.engine.run_process import is_alive
    from chaos.journal.runs import find, with_open_injections
    from chaos.model.errors import ExitCode, Refused

    directories = [find(run)] if run else [directory for directory, _ in with_open_injections()]
    left = False
    for directory in directories:
        if is_alive(directory.journal):
            raise Refused(f"run {directory.run} is still under way", "end it with `chaos abort`: it reverts by itself")
        reopened = reopen(directory.journal, by="rollback")
        found = reopened.open_injections()
        broken = reopened.revert_all()
        left = left or bool(broken)
        for injection in found:
            state = "STILL BROKEN" if injection in broken else "reverted"
            print(f"{directory.run}: {state}: {injection.fault.kind} on {injection.undo.target}")
        if not found:
            print(f"{directory.run}: nothing is open")
    if not directories:
        print("no run has anything open")
    raise typer.Exit(ExitCode.STILL_BROKEN if left else ExitCode.HELD)
