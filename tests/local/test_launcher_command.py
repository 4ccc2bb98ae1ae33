"""`chaos platform` over a system that runs: what people see, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.launcher.process import identity_of
from tests.local.launcher_trial import ROOT, Trial, server, until
from tests.local.test_launcher_up import spec_file


@pytest.fixture
def trial(steadfast_home: Path) -> Iterator[Trial]:
    trial = Trial(steadfast_home / "platform")
    steadfast_home.mkdir()
    yield trial
    trial.command_line("down")
    trial.close()


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from chaos.cli import main; main()", "platform", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def platform(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that `chaos platform ARGUMENTS` printed."""
    with start(*arguments) as command:
        out, err = command.communicate(timeout=60)
    return command.returncode, out + err


def test_status_shows_every_instance_and_is_green_only_when_all_are_ready(trial: Trial) -> None:
    assert platform("status") == (3, "the platform was never up here\n")
    trial.command_line("up", "--spec", spec_file(trial, server("edge-1"), server("edge-2")))
    code, shown = platform("status")
    assert code == 0
    assert [line.split()[:3] for line in shown.splitlines()[2:]] == [
        ["edge-1", "r1", "ready"],
        ["edge-2", "r1", "ready"],
    ]
    trial.hold("edge-1", seconds=60)
    code, shown = platform("status")
    assert code == 3
    assert "held down for" in shown
    code, shown = platform("status", "--json")
    assert json.loads(shown)["state"]["instances"][0]["state"] == "held down"


def test_down_says_whether_there_was_anything_and_leaves_nothing(trial: Trial) -> None:
    trial.command_line("up", "--spec", spec_file(trial, server("a")))
    assert platform("down") == (0, "the platform is down\n")
    assert trial.processes() == []
    assert platform("down") == (0, "the platform was not up\n")


def test_logs_shows_the_last_lines_and_follows(trial: Trial) -> None:
    trial.command_line("up", "--spec", spec_file(trial, server("a")))
    log = trial.folder.log("a", "r1")
    log.write_text("one\ntwo\nthree\n")
    assert platform("logs", "a", "-n", "2") == (0, "two\nthree\n")
    with start("logs", "a", "-n", "1", "-f") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "three\n"
        with log.open("a") as more:
            more.write("four\n")
        assert following.stdout.readline() == "four\n"
        following.kill()


def test_an_unknown_instance_is_bad_input_with_a_suggestion(trial: Trial) -> None:
    trial.command_line("up", "--spec", spec_file(trial, server("edge-1")))
    code, shown = platform("logs", "egde-1")
    assert (code, shown) == (2, "chaos: no instance is called 'egde-1'\n  did you mean edge-1?\n")


def test_a_home_that_cannot_be_written_is_one_clear_sentence(trial: Trial) -> None:
    trial.command_line("up", "--spec", spec_file(trial, server("a")))
    launcher = trial.state().launcher["pid"]
    os.kill(launcher, 9)
    until(lambda: identity_of(launcher) is None)
    trial.folder.lock.unlink()
    trial.folder.lock.mkdir()
    code, said = trial.command_line("up", "--spec", spec_file(trial, server("a")))
    trial.folder.lock.rmdir()
    assert code == 4
    assert str(trial.folder.lock) in said[-1]["message"]


def test_a_listener_that_goes_away_changes_nothing_and_leaves_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "target_platform.launcher", "status", "--home", str(tmp_path)]
    heard = subprocess.run(command, capture_output=True, check=False)
    alone = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert alone.stdout is not None
    alone.stdout.close()
    _, said = alone.communicate(timeout=30)
    assert (alone.returncode, said) == (heard.returncode, heard.stderr)
    assert heard.stdout, "it does say something"
