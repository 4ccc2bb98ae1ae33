"""`chaos watch` on a terminal of its own, over a real run: seen, asked, aborted, and the terminal given back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injected
from tests.local.small_system import SmallSystem

LONG = """
apiVersion: chaos/v1
kind: Experiment
name: watched
hypothesis: One web dies and the rest lives.
steadyState:
  - name: webs are alive
    probe: {process_alive: {service: web, every: 200ms}}
    target: ">= 50%"
    minSamples: 4
method:
  - fault: {kill: {}}
    target: {instance: {service: web}, amount: one}
    duration: 120s
"""
LEAVES_SCREEN = "\x1b[?1049l"
pytestmark = pytest.mark.slow


class Terminal:
    """A pseudo-terminal with `chaos watch` on it."""

    def __init__(self, system: SmallSystem, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(80, 24)
        self.before: list[Any] = termios.tcgetattr(self.slave)
        self.raw = ""
        self.process = subprocess.Popen(
            system.command("watch", *arguments),
            env=system.environment_variables,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
        )

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())

    def until(self, text: str, seconds: float = 60.0) -> str:
        """What has been written since the last call, as text, up to and with what is waited for."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} was not shown within {seconds} s, but:\n{self.text[-3000:]}"
            self.raw += os.read(self.master, 65536).decode(errors="replace")
        seen, self.raw = self.raw, ""
        return _text(seen)

    @property
    def text(self) -> str:
        return _text(self.raw)

    def is_as_before(self) -> bool:
        return bool(termios.tcgetattr(self.slave) == self.before)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def _text(raw: str) -> str:
    return re.sub(r"\x1b\[\d+;1H", "\n", re.sub(r"\x1b\[(\?\d+[hl]|[\d;]*[mKJ])", "", raw))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("watch"), 26440)
    small.start()
    try:
        yield small
    finally:
        small.stop()


@pytest.fixture
def run(system: SmallSystem, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has injected its fault and holds it for two minutes."""
    (tmp_path / "long.yaml").write_text(LONG)
    known = len(all_runs(system.home))
    run = system.start_chaos("run", str(tmp_path / "long.yaml"), "--seed", "1")
    try:
        deadline = time.monotonic() + 60
        while not (len(all_runs(system.home)) > known and _injected(system)):
            assert time.monotonic() < deadline, "the run never injected anything"
            time.sleep(0.02)
        yield run
    finally:
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)


@contextlib.contextmanager
def terminal(system: SmallSystem, *arguments: str) -> Iterator[Terminal]:
    opened = Terminal(system, *arguments)
    try:
        yield opened
    finally:
        opened.close()


def _injected(system: SmallSystem) -> bool:
    return any(isinstance(event, Injected) for event in read(all_runs(system.home)[-1].journal))


def test_a_then_y_aborts_the_run_and_the_terminal_is_given_back(
    system: SmallSystem, run: subprocess.Popen[str]
) -> None:
    with terminal(system) as watch:
        seen = watch.until("[a] abort")
        assert "watched on local, seed 1" in seen
        assert re.search(r"active +kill on \w+/web-\d", seen)
        assert "1/2 !1" in seen or "1/2 !1" in watch.until("1/2 !1"), "the map comes with the first inventory"
        watch.press("a")
        watch.until("abort this run?")
        watch.press("n")
        watch.until("[a] abort")
        assert run.poll() is None
        watch.press("a")
        watch.until("abort this run?")
        pressed = time.monotonic()
        watch.press("y")
        seen = watch.until("nothing is left broken")
        assert time.monotonic() - pressed < 30, "a second, on a machine with nothing else to do"
        assert "reverted" in seen
        if "No answer" not in seen:  # it ends a moment before it is judged
            watch.until("No answer: the run was ended by SIGTERM")
        watch.press("q")
        assert watch.process.wait(timeout=30) == 0
        assert watch.is_as_before()
    assert run.wait(timeout=30) == 143
    assert system.broken() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_view_and_not_the_run(
    system: SmallSystem, run: subprocess.Popen[str], number: signal.Signals
) -> None:
    with terminal(system) as watch:
        watch.until("[a] abort")
        assert not watch.is_as_before()
        watch.process.send_signal(number)
        assert watch.process.wait(timeout=30) == (0 if number is signal.SIGINT else 128 + number)
        assert watch.is_as_before()
        while LEAVES_SCREEN not in watch.raw:
            watch.raw += os.read(watch.master, 65536).decode(errors="replace")
        assert "Traceback" not in watch.text
    assert run.poll() is None


def test_it_follows_the_size_of_the_window_and_can_replay(system: SmallSystem) -> None:
    with terminal(system, "--replay", "50") as watch:
        end = "nothing is left broken   [q] leave"
        assert "No answer: the run was ended" in watch.until(end)
        watch.resize(60, 12)
        seen = watch.until(end)
        assert "No answer: the run was ended" in seen
        assert max(map(len, seen.splitlines())) <= 60
        watch.press("ay")
        watch.press("q")
        assert watch.process.wait(timeout=30) == 0


def test_in_a_pipe_it_prints_one_picture(system: SmallSystem) -> None:
    done = system.chaos("watch")
    assert done.returncode == 0, done.stderr
    assert "watched on local" in done.stdout
    assert "\x1b" not in done.stdout
    assert system.chaos("watch", "no-such-run").returncode == 2
