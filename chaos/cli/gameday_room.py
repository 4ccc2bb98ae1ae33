"""A game day in this terminal: brings file, runs, people and page together."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.catalog import Catalog
from chaos.cli import suite
from chaos.gameday import folder
from chaos.gameday.console import Console
from chaos.gameday.session import Around, exit_code, hold
from chaos.journal.runs import runs_folder
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ExitCode
from chaos.model.gameday import Session, Trial
from chaos.reports.gameday import write
from chaos.shipped import find, find_environment, find_gameday
from chaos.spec import load_environment, load_gameday


def hold_in_terminal(file: str, options: suite.Options, asks: bool) -> ExitCode:
    """Hold the game day in a file, print as it goes, leave the page, and return the exit code."""
    catalog = Catalog()
    ref = load_environment(find_environment(options.environment), catalog)
    day = load_gameday(find_gameday(file), catalog, find)
    pages = _Pages(folder.create(day.name, time.time()), options.out)
    console = Console(sys.stdin.fileno(), sys.stdout, asks)
    around = Around(room=console, plan=lambda trial: _plan(trial, ref, options), now=time.time, save=pages.save)
    session = hold(day, ref.name, around)
    pages.save(session)
    console.say(f"\ngame day: {pages.shown}")
    return exit_code(session)


@dataclass(frozen=True)
class _Pages:
    """Written into the session's own folder, and into the one that was asked for."""

    own: Path
    out: Path | None

    @property
    def shown(self) -> Path:
        return (self.out or self.own) / "gameday.html"

    def save(self, session: Session) -> None:
        runs = [item.run for item in session.tried if item.run]
        code = exit_code(session)
        beside = {run: os.path.relpath(runs_folder() / run / "report.html", self.own) for run in runs}
        write(session, code, self.own, beside)
        if self.out is not None:
            write(session, code, self.out, {run: f"{run}/report.html" for run in runs})


def _plan(trial: Trial, ref: EnvironmentRef, options: suite.Options) -> suite.Planned:
    return suite.planned(trial.source, trial.experiment, ref, replace(options, variables=trial.variables))
