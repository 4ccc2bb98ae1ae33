"""`chaos monkey` on a system that was not written here: one store dies by an ordinary run, caps hold the next back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Judged
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


def test_the_shipped_environment_opts_nothing_in(shop: Path) -> None:
    done = chaos(shop.parent / "home", "monkey", "--environment", "local", "--once")
    assert done.returncode == 2
    assert "nothing has opted in" in done.stderr


def test_it_must_be_told_how_often(shop: Path) -> None:
    for arguments in ([], ["--once", "--every", "5m"], ["--every", "5"]):
        done = chaos(shop.parent / "home", "monkey", "--environment", str(shop), *arguments)
        assert done.returncode == 2, done.stdout
