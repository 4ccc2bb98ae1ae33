"""The lessons do what they say, command by command, as a newcomer would type them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lessons.runner import run_lesson
from tests.local.own_system import ROOT, chaos

TUTORIALS = ROOT / "docs" / "tutorials"
BASE_PORT = 28300
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the learner works; whatever is left running there is taken down."""
    work = tmp_path / "work"
    work.mkdir()
    try:
        yield work
    finally:
        chaos(tmp_path / "home", "platform", "down")
        for file in work.glob("shop.yaml"):
            chaos(tmp_path / "home", "platform", "down", "--environment", str(file))


def variables(tmp_path: Path) -> dict[str, str]:
    """A `chaos` on the path that is this checkout's, and a home of the test's own."""
    command = tmp_path / "bin" / "chaos"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from chaos.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "STEADFAST_HOME": str(tmp_path / "home"),
    }


def test_your_first_experiment(folder: Path, tmp_path: Path) -> None:
    page = TUTORIALS / "01-your-first-experiment.md"
    assert run_lesson(page, folder, variables(tmp_path), BASE_PORT) == 12


def test_timeouts_and_retries(folder: Path, tmp_path: Path) -> None:
    page = TUTORIALS / "02-timeouts-and-retries.md"
    assert run_lesson(page, folder, variables(tmp_path), BASE_PORT) == 15
