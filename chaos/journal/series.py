"""Runs of one experiment with one seed after the other, so that whoever was interrupted can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.journal.runs import RunDirectory, runs_folder
from chaos.model.errors import BadInput, ChaosError
from chaos.model.home import steadfast_home


class Done(Struct, frozen=True):
    """One run of a series: with which seed, and which run it was."""

    seed: int
    run: str


@dataclass(frozen=True)
class RunSeries:
    """The runs of one series that have ended, one JSON line each, below STEADFAST_HOME/series."""

    path: Path

    def done(self) -> dict[int, RunDirectory]:
        """The last run of each seed whose journal still exists. Raises BadInput for a file that cannot be read."""
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
            *whole, _ = lines or [b""]  # what follows the last newline was cut short
            entries = [msgspec.json.decode(line, type=Done) for line in whole if line]
        except (OSError, msgspec.DecodeError) as error:
            raise BadInput(f"cannot read the series {self.path}: {error}", "delete it to begin anew") from error
        runs = {each.seed: RunDirectory(runs_folder() / each.run) for each in entries}
        return {seed: run for seed, run in runs.items() if run.journal.exists()}

    def add(self, done: Done) -> None:
        """Note a run that has ended. Raises ChaosError when that cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(done) + b"\n")
        except OSError as error:
            raise ChaosError(
                f"cannot note run {done.run} in {self.path}: {error.strerror}",
                "the run itself is whole; free some space and go on with the same command",
            ) from error

    def forget(self) -> None:
        """Begin anew: the runs themselves stay."""
        self.path.unlink(missing_ok=True)


def series(experiment: str, means: Sequence[str]) -> RunSeries:
    """The series of an experiment (its name) and everything else that makes its runs alike, such as its file's text."""
    key = hashlib.sha256("\0".join(means).encode()).hexdigest()[:12]
    return RunSeries(steadfast_home() / "series" / f"{experiment}-{key}.jsonl")
