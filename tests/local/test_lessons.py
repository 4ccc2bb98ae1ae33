"""The lessons do what they say, command by command, as a newcomer would type them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.lessons import Command, run_lesson, steps
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


def test_a_page_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text, wrong in (
        ("$ echo one\none\n", False),
        ("$ echo one two three\none ... three\n", False),
        ("$ printf 'a\\nb\\n'\na\nb\n", False),
        ("$ printf 'a\\nb\\n'\nb\na\n", True),
        ("$ false\n", True),
        ("$ (exit 3)  # exit 3\n", False),
        ("$ true  # exit 1\n", True),
        ("$ echo one\ntwo\n", True),
    ):
        page.write_text(f"```console\n{text}```\n")
        if wrong:
            with pytest.raises(AssertionError):
                run_lesson(page, tmp_path, dict(os.environ), BASE_PORT)
        else:
            run_lesson(page, tmp_path, dict(os.environ), BASE_PORT)


def test_files_and_commands_are_told_apart() -> None:
    page = "<!-- file: a.yaml -->\n```yaml\nx: 1\n```\n```text\nno\n```\n```console\n$ ls  # exit 2\na\n```\n"
    assert list(steps(page)) == [("a.yaml", "x: 1\n"), Command("ls", 2, ["a"])]
