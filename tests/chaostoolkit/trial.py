"""Runs an experiment in this process, or by the command, and tells what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chaos.chaostoolkit.conduct import ready
from chaos.conductor import Conducted, Listener
from chaos.model.events import Event, StepEnded

ROOT = Path(__file__).resolve().parents[2]
QUIET = Listener(lambda event: None, lambda: None)


@dataclass(frozen=True)
class Ran:
    conducted: Conducted
    theirs: int

    @property
    def code(self) -> int:
        return int(self.conducted.verdict.exit_code)

    @property
    def events(self) -> tuple[Event, ...]:
        return self.conducted.events

    @property
    def story(self) -> str:
        """The sentence and all findings."""
        verdict = self.conducted.verdict
        return "\n".join([verdict.sentence, *(finding.text for finding in verdict.findings)])

    def ended(self, step: str) -> StepEnded:
        return next(event for event in self.events if isinstance(event, StepEnded) and event.step == step)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system, and the home of its runs."""
    monkeypatch.setenv("STEADFAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def write(folder: Path, document: dict[str, Any]) -> Path:
    file = folder / "experiment.json"
    file.write_text(json.dumps(document, indent=2))
    return file


def run(folder: Path, document: dict[str, Any], **variables: str) -> Ran:
    """Raises BadInput or Refused when it cannot even begin."""
    return Ran(*ready(write(folder, document), variables, lenient=False).conduct(QUIET))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]


def chaos(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
