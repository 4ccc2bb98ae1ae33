"""kill -9 of a run at seeded random moments, on real processes: two seconds later nothing is broken."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.events import Crashed, Injecting, Reverted, RunEnded
from tests.local.small_system import EVERY_FAULT, SmallSystem

MOMENTS = 20
SEED = 20261121
NOTHING_LEFT_SECONDS = 2.0
"""Most times: on a machine that is busy with something else a look alone may take as long."""
PATIENCE_SECONDS = 15.0
"""Every time; the leases, which would end it all as well, last longer."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("kill-9"), 27000)
    small.start()
    try:
        yield small
    finally:
        small.stop()


@pytest.fixture(scope="module")
def file(system: SmallSystem) -> Path:
    path = system.home / "every-fault.yaml"
    short = EVERY_FAULT.replace("duration: 2s", "duration: 1500ms").replace("duration: 3s", "duration: 2s")
    path.write_text(short)
    return path


def wait_for_first_injection(system: SmallSystem, known: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = all_runs(system.home)
        if len(runs) > known and any(isinstance(event, Injecting) for event in read(runs[-1].journal)):
            return
        time.sleep(0.01)
    raise AssertionError("the run never injected anything")


def until_whole(system: SmallSystem, seconds: float) -> list[str]:
    """What is still broken after that time; returns early when nothing is."""
    deadline = time.monotonic() + seconds
    while broken := system.broken():
        if time.monotonic() > deadline:
            return broken
        time.sleep(0.05)
    return []


def test_nothing_is_left_two_seconds_after_kill_9_at_any_moment(system: SmallSystem, file: Path) -> None:
    draw = random.Random(SEED)
    reverted, found_broken, seconds = 0, 0, []
    for moment in range(MOMENTS):
        known = len(all_runs(system.home))
        run = system.start_chaos("run", str(file), "--seed", str(moment))
        try:
            wait_for_first_injection(system, known)
            time.sleep(draw.uniform(0.0, 2.3))
        finally:
            run.send_signal(signal.SIGKILL)
            run.communicate()
        killed_at = time.monotonic()
        found_broken += bool(system.broken())
        left = until_whole(system, PATIENCE_SECONDS)
        assert left == [], f"moment {moment} of seed {SEED}: {left}"
        seconds.append(time.monotonic() - killed_at)
        journal = all_runs(system.home)[-1].journal
        until_ended(journal)  # the guardian writes its last lines after its second look
        assert read_open_injections(journal) == ()
        reverted += was_reverted_by_the_guardian(journal)
    assert reverted >= MOMENTS // 2, "most moments must have found something broken, or this shows nothing"
    assert found_broken > 0, "what is broken is seen here"
    assert sorted(seconds)[MOMENTS // 2] <= NOTHING_LEFT_SECONDS, seconds


def was_reverted_by_the_guardian(journal: Path) -> bool:
    events = read(journal)
    crash = next((number for number, event in enumerate(events) if isinstance(event, Crashed)), len(events))
    return any(isinstance(event, Reverted) for event in events[crash:])


def until_ended(journal: Path) -> None:
    """Not until it is judged: killed between its end and its verdict, a run leaves the guardian nothing to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(isinstance(event, RunEnded) for event in read(journal)):
        assert time.monotonic() < deadline, "the guardian did not finish"
        time.sleep(0.05)


def test_ctrl_c_reverts_at_once_and_a_second_one_does_not_stop_that(system: SmallSystem, file: Path) -> None:
    known = len(all_runs(system.home))
    run = system.start_chaos("run", str(file), "--seed", "1")
    wait_for_first_injection(system, known)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert read_open_injections(all_runs(system.home)[-1].journal) == (), output
    assert until_whole(system, NOTHING_LEFT_SECONDS) == [], output


def test_leases_end_everything_when_run_and_guardian_are_both_killed(system: SmallSystem, tmp_path: Path) -> None:
    file = tmp_path / "short-lease.yaml"
    file.write_text(EVERY_FAULT.replace("leaseMargin: 20s", "leaseMargin: 2s"))
    known = len(all_runs(system.home))
    run = system.start_chaos("run", str(file), "--seed", "2")
    wait_for_first_injection(system, known)
    guardians = [pid for pid in children_of(run.pid) if "chaos.engine.guardian" in command_line(pid)]
    assert len(guardians) == 1
    until_broken(system, time.monotonic() + 30)  # the first line of the journal comes before the act
    os.kill(guardians[0], signal.SIGKILL)
    run.kill()
    run.communicate()
    assert system.broken() != []
    assert until_whole(system, 30.0) == []


def until_broken(system: SmallSystem, deadline: float) -> None:
    while not system.broken():
        assert time.monotonic() < deadline, "nothing broke although something was injected"


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
