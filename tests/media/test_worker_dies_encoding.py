"""The experiment on the pipeline: it holds, deviates when "done" is said too early, and holds without the fault."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.shipped import find, find_environment
from tests.local.own_system import chaos


@contextmanager
def pipeline(folder: Path, acknowledge: str) -> Iterator[str]:
    """The shipped environment with a folder of the test's own; its file."""
    text = find_environment("pipeline").read_text()
    text = text.replace("command: python ", f"command: {sys.executable} ").replace(
        "/tmp/steadfast-pipeline", str(folder)
    )
    assert "--acknowledge stored" in text
    file = folder / "pipeline.yaml"
    file.write_text(text.replace("--acknowledge stored", f"--acknowledge {acknowledge}"))
    done = chaos(folder / "home", "platform", "up", "--environment", str(file))
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield str(file)
    finally:
        chaos(folder / "home", "platform", "down", "--environment", str(file))


def run(folder: Path, file: str, *words: str) -> subprocess.CompletedProcess[str]:
    experiment = str(find("worker-dies-encoding"))
    return chaos(folder / "home", "run", experiment, "--environment", file, "--seed", "3", *words)


def test_titles_are_whole_though_workers_die_encoding(tmp_path: Path) -> None:
    with pipeline(tmp_path, "stored") as file:
        done = run(tmp_path, file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_not_when_done_is_said_before_it_is_stored(tmp_path: Path) -> None:
    with pipeline(tmp_path, "at-once") as file:
        control = run(tmp_path, file, "--control")
        weakened = run(tmp_path, file)
    assert control.returncode == 0, "without a death nothing is lost" + control.stdout + control.stderr
    assert weakened.returncode == 1, weakened.stdout + weakened.stderr
    assert "every title is whole" in weakened.stdout
