"""How fast the launcher is, over 22 starlette services.

`pytest tests/benchmarks/test_launcher_speed.py --run-benchmarks -s`
"""

from __future__ import annotations

import os
import select
import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from target_platform.launcher.launch_file import write_spec
from target_platform.launcher.spec import InstanceSpec, LaunchSpec
from tests.local.launcher_trial import PORTS, Trial, until

INSTANCES = 22
ROUNDS = 20


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    instances = tuple(
        InstanceSpec(name=f"a-{number}", service="s", region="r1", port=port, config={"port": port})
        for number, port in zip(range(INSTANCES), PORTS, strict=False)
    )
    write_spec(trial.folder, LaunchSpec(name="speed", regions=("r1",), instances=instances))
    yield trial
    trial.close()


def test_speed(trial: Trial) -> None:
    began = time.monotonic()
    trial.start_launcher("tests.benchmarks.stack_zygote")
    trial.until_ready(within=60)
    print(f"\nall {INSTANCES} ready after {time.monotonic() - began:.2f} s")
    noticed, ready = zip(*(deaths(trial, round_) for round_ in range(ROUNDS)), strict=True)
    show("death to notice", noticed)
    show("death to ready again", ready)
    show("hold of one, answered", [hold(trial, ["a-0"]) for _ in range(ROUNDS)])
    half = [f"a-{number}" for number in range(INSTANCES // 2)]
    show("hold of eleven, answered", [hold(trial, half) for _ in range(5)])
    print(f"idle: {idle_share(trial.launcher_pid):.3%} of a core")
    began = time.monotonic()
    trial.ask("down")
    print(f"down after {time.monotonic() - began:.2f} s")


def deaths(trial: Trial, number: int) -> tuple[float, float]:
    """Seconds from the end of a process until the launcher's log has it, and until its successor is ready."""
    name = f"a-{number}"
    trial.until_ready()
    time.sleep(0.05)
    pid = trial.pid(name)
    pidfd = os.pidfd_open(pid)
    offset = trial.folder.launcher_log.stat().st_size
    os.kill(pid, signal.SIGKILL)
    select.select([pidfd], [], [])
    died = time.monotonic()
    os.close(pidfd)
    while trial.folder.launcher_log.stat().st_size == offset:
        time.sleep(0.0005)
    noticed = time.monotonic() - died
    until(lambda: trial.instance(name).restarts == 1 and trial.instance(name).state == "ready")
    return noticed, time.monotonic() - died


def hold(trial: Trial, names: list[str]) -> float:
    """Seconds until a hold is answered."""
    began = time.monotonic()
    trial.ask("hold", instances=names, until=time.time() + 60)
    seconds = time.monotonic() - began
    trial.ask("release", instances=names)
    trial.until_ready()
    return seconds


def idle_share(pid: int, seconds: float = 5.0) -> float:
    """The share of a core that a process uses while nothing happens."""

    def used() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds


def show(what: str, seconds: Sequence[float]) -> None:
    values = sorted(1000 * value for value in seconds)
    print(f"{what}: median {statistics.median(values):.1f} ms, worst {values[-1]:.1f} ms of {len(values)}")
