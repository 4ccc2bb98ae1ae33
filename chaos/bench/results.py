"""What each run said, kept as one line a run, so that a measurement that was killed goes on where it was."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.bench.cases import Case
from chaos.model.errors import BadInput

NOT_POSSIBLE = "not possible"
"""The outcome of a run that its plan refused: this machine lacks what the experiment needs."""


class Result(Struct, frozen=True, kw_only=True):
    """`outcome` is the verdict's, or NOT_POSSIBLE; `seconds` is from the start of the run to its verdict.

    `off` names the objectives that did not hold, `sentence` is the verdict's.
    """

    case: Case
    outcome: str
    exit_code: int
    seconds: float
    off: tuple[str, ...] = ()
    sentence: str = ""
    at: float = 0.0


class Results:
    """The results of one folder. A last line that was torn by a kill counts as never written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "results.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = {result.case.key: result for result in self._read()}

    def of(self, case: Case) -> Result | None:
        return self._kept.get(case.key)

    def all(self) -> tuple[Result, ...]:
        return tuple(self._kept.values())

    def add(self, result: Result) -> None:
        """On disk when this returns."""
        with self._path.open("ab") as file:
            if file.tell() and not self._path.read_bytes().endswith(b"\n"):
                file.write(b"\n")
            file.write(msgspec.json.encode(result) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._kept[result.case.key] = result

    def _read(self) -> list[Result]:
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        found: list[Result] = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(msgspec.json.decode(line, type=Result))
            except msgspec.ValidationError as error:
                raise BadInput(f"{self._path}, line {number}: {error}", "name another folder by --out") from error
            except msgspec.DecodeError:
                continue  # torn: that run is made again
        return found
