"""One run at a time on an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.engine.lock import EnvironmentLock
from chaos.model.errors import Refused


def nothing_left(run: str) -> bool:
    return False


def test_a_second_run_on_the_same_environment_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    first, second = EnvironmentLock(tmp_path, "here"), EnvironmentLock(tmp_path, "here")
    first.acquire("run-1", nothing_left)
    with pytest.raises(Refused, match=rf"run-1 \(process {os.getpid()}\)"):
        second.acquire("run-2", nothing_left)
    first.release()
    second.acquire("run-2", nothing_left)
    second.release()


def test_another_environment_is_not_concerned(tmp_path: Path) -> None:
    first, second = EnvironmentLock(tmp_path, "here"), EnvironmentLock(tmp_path, "there")
    first.acquire("run-1", nothing_left)
    second.acquire("run-2", nothing_left)
    first.release()
    second.release()


def test_a_guardian_that_inherited_the_lock_keeps_it_when_the_run_dies(tmp_path: Path) -> None:
    lock = EnvironmentLock(tmp_path, "here")
    lock.acquire("run-1", nothing_left)
    guardian = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,)
    )
    os.close(lock.descriptor)  # what the kernel does when the run is killed
    other = EnvironmentLock(tmp_path, "here")
    try:
        with pytest.raises(Refused, match="run-1"):
            other.acquire("run-2", nothing_left)
    finally:
        guardian.communicate(b"\n")
    other.acquire("run-2", nothing_left)
    other.release()


def test_what_a_dead_run_left_broken_must_be_rolled_back_first(tmp_path: Path) -> None:
    first, second = EnvironmentLock(tmp_path, "here"), EnvironmentLock(tmp_path, "here")
    first.acquire("run-1", nothing_left)
    first.release()
    with pytest.raises(Refused, match="run-1 left something broken"):
        second.acquire("run-2", lambda run: run == "run-1")
