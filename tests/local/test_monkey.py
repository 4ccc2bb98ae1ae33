"""`chaos monkey` on a system that was not written here: one store dies by an ordinary run, caps hold the next back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Interrupted, Judged, Reverted
from tests.local.own_system import chaos, write_system

PORT = 28150
pytestmark = pytest.mark.slow

MONKEY = """\
monkey:
  optIn: {{monkey: welcome}}
  hours: {{days: [mon, tue, wed, thu, fri, sat, sun], start: "{start:%H:%M}", end: "{end:%H:%M}"}}
  hold: 1s
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("monkey")
    file = write_system(folder, PORT)
    now = datetime.now(UTC)
    hours = MONKEY.format(start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    file.write_text(file.read_text() + hours)
    assert chaos(folder / "home", "platform", "up", "--environment", str(file)).returncode == 0
    try:
        yield file
    finally:
        chaos(folder / "home", "platform", "down", "--environment", str(file))


def test_one_opted_in_instance_dies_by_an_ordinary_run_and_the_caps_hold_the_next_back(shop: Path) -> None:
    home = shop.parent / "home"
    dry = chaos(home, "monkey", "--environment", str(shop), "--once", "--seed", "3", "--dry-run")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert all_runs(home) == ()
    done = chaos(home, "monkey", "--environment", str(shop), "--once", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = all_runs(home)
    events = read(run.journal)
    (killed,) = [event for event in events if isinstance(event, Injected)]
    victim = done.stdout.partition("killing: ")[2].split()[0]
    assert victim in ("store-1", "store-2")
    assert f"would kill: {victim}" in dry.stdout
    assert victim in killed.evidence
    assert isinstance(events[-1], Judged)
    again = chaos(home, "monkey", "--environment", str(shop), "--once")
    assert again.returncode == 4
    assert "not killing: store local: 1 killed in the last 24 hours" in again.stdout


def test_ctrl_c_in_a_round_reverts_it_and_in_a_pause_ends_at_once(shop: Path) -> None:
    file = shop.parent / "often.yaml"
    file.write_text(shop.read_text() + "  maxPerDay: 2\n  minTimeBetween: 0s\n")
    home = shop.parent / "home"
    said, code = until_ctrl_c(home, file, "  injected kill")
    assert code == 130, said
    assert "killing: store-" in said
    events = read(all_runs(home)[-1].journal)
    assert any(isinstance(event, Interrupted) for event in events)
    assert any(isinstance(event, Reverted) for event in events)
    said, code = until_ctrl_c(home, file, "not killing: store local: 2 killed", times=3)
    assert code == 130, said
    assert "\nkilling" not in said


def until_ctrl_c(home: Path, file: Path, word: str, times: int = 1) -> tuple[str, int]:
    """Rounds every 100 ms until a line with `word` was said so often, then SIGINT: all that was said, and the code."""
    command = [sys.executable, "-u", "-c", "from chaos.cli import main; main()", "monkey", "--every", "100ms"]
    with subprocess.Popen(
        [*command, "--environment", str(file)],
        env={**os.environ, "STEADFAST_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as monkey:
        try:
            assert monkey.stdout is not None, "asked for above"
            said = ""
            while said.count(word) < times:
                line = monkey.stdout.readline()
                assert line, said
                said += line
            monkey.send_signal(signal.SIGINT)
            return said + monkey.stdout.read(), monkey.wait(30)
        finally:
            monkey.kill()


def test_the_shipped_environment_opts_nothing_in(shop: Path) -> None:
    done = chaos(shop.parent / "home", "monkey", "--environment", "local", "--once")
    assert done.returncode == 2
    assert "nothing has opted in" in done.stderr


def test_it_must_be_told_how_often(shop: Path) -> None:
    for arguments in ([], ["--once", "--every", "5m"], ["--every", "5"]):
        done = chaos(shop.parent / "home", "monkey", "--environment", str(shop), *arguments)
        assert done.returncode == 2, done.stdout
