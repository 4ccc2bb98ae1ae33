"""Where runs are kept: STEADFAST_HOME/runs/RUN/, with the journal and whatever reports are made of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.journal.read import read_open_injections
from chaos.journal.write import sync_directory
from chaos.model.errors import BadInput, ChaosError
from chaos.model.events import Injecting
from chaos.model.home import steadfast_home

_LONGEST_SLUG = 40


@dataclass(frozen=True, order=True)
class RunDirectory:
    """One run's folder. Its name is the run's id, which sorts by the time it began."""

    path: Path

    @property
    def run(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"


def create(
    experiment: str, now: float, home: Path | None = None, draw: Callable[[int], str] = secrets.token_hex
) -> RunDirectory:
    """Make the folder of a new run, and put its name on disk. `now` is epoch seconds.

    Raises ChaosError when that cannot be done.
    """
    directory = RunDirectory(runs_folder(home) / run_id(experiment, now, draw))
    try:
        directory.path.mkdir(parents=True)
        sync_directory(directory.path.parent)
    except OSError as error:
        raise ChaosError(
            f"cannot make the folder of the run, {directory.path}: {error.strerror}",
            "nothing was injected; free some space, or set STEADFAST_HOME to a folder you can write to",
        ) from error
    return directory


def run_id(experiment: str, now: float, draw: Callable[[int], str] = secrets.token_hex) -> str:
    """UTC time to the millisecond, four random digits, and the experiment's name as far as a file name takes it."""
    moment = datetime.fromtimestamp(now, UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", experiment.lower()).strip("-")[:_LONGEST_SLUG].rstrip("-")
    return f"{moment:%Y%m%d-%H%M%S}{moment.microsecond // 1000:03d}-{draw(2)}-{slug or 'run'}"


def runs_folder(home: Path | None = None) -> Path:
    return (home or steadfast_home()) / "runs"


def all_runs(home: Path | None = None) -> tuple[RunDirectory, ...]:
    """Every run that has a journal, oldest first."""
    found = (RunDirectory(path.parent) for path in runs_folder(home).glob("*/journal.jsonl"))
    return tuple(sorted(found))


def find(text: str, home: Path | None = None) -> RunDirectory:
    """The run whose id begins with `text`, or the newest one for "last" ("last~1" is the one before); also a path to a
    run or its journal.

    Raises BadInput when none or several match.
    """
    as_path = Path(text)
    if as_path.name == "journal.jsonl" and as_path.is_file():
        return RunDirectory(as_path.parent)
    if (as_path / "journal.jsonl").is_file():
        return RunDirectory(as_path)
    runs = all_runs(home)
    if not runs:
        raise BadInput(f"there are no runs in {runs_folder(home)}", "start one with `chaos run EXPERIMENT`")
    back = re.fullmatch(r"last(?:~(\d{1,6}))?", text)
    if back:
        if int(back[1] or 0) >= len(runs):
            raise BadInput(f"there is no run {text}: there are {len(runs)}", "`chaos runs list` shows them")
        return runs[-1 - int(back[1] or 0)]
    return _only(text, [item for item in runs if item.run.startswith(text)], runs)


def with_open_injections(home: Path | None = None) -> tuple[tuple[RunDirectory, tuple[Injecting, ...]], ...]:
    """Runs that have something to roll back, newest first, with what."""
    pairs = ((item, read_open_injections(item.journal)) for item in reversed(all_runs(home)))
    return tuple((item, injections) for item, injections in pairs if injections)


def _only(text: str, matching: list[RunDirectory], runs: tuple[RunDirectory, ...]) -> RunDirectory:
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(item.run for item in matching[-5:])
        raise BadInput(f"{len(matching)} runs begin with {text!r}: {names}", "give more of the name")
    names = ", ".join(item.run for item in runs[-3:])
    raise BadInput(f"no run begins with {text!r}", f'the newest are {names}; "last" is the newest')
