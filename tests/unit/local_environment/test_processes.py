"""Processes are known by pid and start time, and signalled only when both match."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.environments.local import processes
from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed


def identity_of(pid: int) -> Identity:
    return {"pid": pid, "started": int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])}


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_stopped_process_is_paused_and_a_resumed_one_runs(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper.pid)
    assert processes.state(identity) == "running"
    processes.stop(identity)
    processes.stop(identity)
    eventually(lambda: processes.state(identity) == "paused")
    processes.resume(identity)
    processes.resume(identity)
    eventually(lambda: processes.state(identity) == "running")


def test_a_zombie_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper.pid)
    sleeper.kill()
    eventually(lambda: Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert processes.state(identity) == "gone"


def test_another_process_under_the_same_pid_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    successor = identity_of(sleeper.pid)
    before: Identity = {"pid": sleeper.pid, "started": int(successor["started"]) - 1}
    assert processes.state(before) == "gone"
    with pytest.raises(ActionFailed, match="is gone") as failed:
        processes.stop(before)
    assert failed.value.took_effect == "no"
    processes.resume(before)
    assert processes.state(successor) == "running"


def test_a_process_that_does_not_exist_is_gone() -> None:
    nobody: Identity = {"pid": 2**22 + 1, "started": 1}
    assert processes.state(nobody) == "gone"
    processes.resume(nobody)
    with pytest.raises(ActionFailed):
        processes.stop(nobody)
    assert processes.state({}) == "gone"


def test_a_name_with_brackets_and_spaces_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 ("
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        try:
            assert processes.state(identity_of(process.pid)) == "running"
        finally:
            process.kill()


def test_the_children_of_an_instance_stand_still_with_it() -> None:
    shell = "sleep 60 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", shell], stdout=subprocess.PIPE, start_new_session=True) as leader:
        try:
            assert leader.stdout is not None
            child = identity_of(int(leader.stdout.readline()))
            processes.stop(identity_of(leader.pid))
            eventually(lambda: processes.state(child) == "paused")
            processes.resume(identity_of(leader.pid))
            eventually(lambda: processes.state(child) == "running")
        finally:
            os.killpg(leader.pid, signal.SIGKILL)


@pytest.mark.parametrize("module", ["http.client", "ssl", "asyncio", "subprocess"])
def test_opening_the_environment_imports_nothing_slow(module: str) -> None:
    code = f"import sys, chaos.environments.local; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
