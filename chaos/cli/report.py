"""chaos report: the reports of a run again, from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[str, typer.Argument(help="Run (a prefix, or 'last'), or the path of a journal.")] = "last",
    out: Annotated[Path | None, typer.Option(help="Folder for the reports; the run's own without it.")] = None,
) -> None:
    """Judge a journal and write its page, JSON and JUnit XML. Exit code: the run's own."""
    import sys

    from chaos.journal.read import read
    from chaos.journal.runs import find
    from chaos.judge.verdict import judge
    from chaos.reports import write_all
    from chaos.reports.terminal import render

    journal = find(run).journal
    events = tuple(read(journal))
    verdict = judge(events)
    print(render(events, verdict, colour=sys.stdout.isatty()))
    for written in write_all(events, verdict, out or journal.parent):
        print(f"wrote {written}")
    raise typer.Exit(verdict.exit_code)
