"""Runs of `chaos` that are still under way, until a test has seen what it wants to see of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Injecting
from chaos.model.fault import Active
from tests.local.launcher_trial import until

if TYPE_CHECKING:
    from tests.cloud.test_runs import Desk

KEY = "thecommand"
"""The requests of a run are told apart by it from those of the stand-in and of the test."""


@contextmanager
def under_way(desk: Desk, file: str, environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run. Whatever has become of it, it is dead in the end, and its journal closed."""
    log = (desk.folder / "run.log").open("wb")
    variables = {**os.environ, "STEADFAST_HOME": str(desk.home), "AWS_ACCESS_KEY_ID": KEY}
    run = subprocess.Popen(desk.command("run", file, "-e", environment), env=variables, stdout=log, stderr=log)
    log.close()
    try:
        yield run
    finally:
        if run.poll() is None:
            run.kill()
        run.wait()
        if open_injections(desk):
            desk.chaos("rollback")  # also so that the lease holder, who outlives them, waits for nothing more
    assert open_injections(desk) == ()


def in_effect(run: subprocess.Popen[bytes], desk: Desk, faults: int) -> None:
    until(lambda: run.poll() is not None or len(injected(desk)) == faults, within=120)
    assert run.poll() is None, (desk.folder / "run.log").read_text()
    assert {each.active for each in injected(desk)} == {Active.YES}, [each.evidence for each in injected(desk)]


def kill_guardian(run: subprocess.Popen[bytes]) -> None:
    for pid in map(int, Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()):
        if b"chaos.engine.guardian" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def injected(desk: Desk) -> list[Injected]:
    return [event for run in all_runs(desk.home) for event in read(run.journal) if isinstance(event, Injected)]


def open_injections(desk: Desk) -> tuple[Injecting, ...]:
    return tuple(each for run in all_runs(desk.home) for each in read_open_injections(run.journal))
