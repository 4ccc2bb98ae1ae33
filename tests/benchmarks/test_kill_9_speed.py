"""From kill -9 of the run to a whole system. `make bench PYTEST_ARGS="-s -k kill"`."""

from __future__ import annotations

import random
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.journal.runs import all_runs
from tests.local.small_system import EVERY_FAULT, SmallSystem
from tests.local.test_kill_9 import wait_for_first_injection

KILLS = 20


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path, 25900)
    try:
        small.start()
        yield small
    finally:
        small.stop()


def test_kill_9_to_nothing_left(system: SmallSystem) -> None:
    """Kill, pause, latency and a region's outage at once; a moment at which nothing was broken does not count."""
    file = system.home / "every-fault.yaml"
    file.write_text(EVERY_FAULT)
    draw = random.Random(1)
    times: list[float] = []
    while len(times) < KILLS:
        known = len(all_runs(system.home))
        run = system.start_chaos("run", str(file), "--seed", str(len(times)))
        try:
            wait_for_first_injection(system, known)
            time.sleep(draw.uniform(0.2, 1.5))
        finally:
            run.send_signal(signal.SIGKILL)
            began = time.monotonic()
            run.communicate()
        was_broken = False
        while system.broken():
            was_broken = True
            assert time.monotonic() - began < 10
        if was_broken:
            times.append(time.monotonic() - began)
    times.sort()
    print(f"\nkill -9 to nothing left, {KILLS} times: median {statistics.median(times):.2f} s", end="")
    print(f", 18th {times[17]:.2f} s, worst {times[-1]:.2f} s", end="")
