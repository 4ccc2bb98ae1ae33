"""How long the bundled platform takes to be ready, how much memory it takes together, what it does when idle.

`pytest tests/benchmarks/test_platform_size.py --run-benchmarks -s`
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from target_platform.launcher.spec import State

BASE_PORT = 22000
READY_SECONDS, TOGETHER_MIB, IDLE_SHARE = 15.0, 1536.0, 0.07
SETTLE_SECONDS, IDLE_SECONDS = 5.0, 20.0
ROUNDS = 3
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STEADFAST_HOME", str(tmp_path))
    yield tmp_path / "platform"
    platform("down")


def test_size(home: Path) -> None:
    taken = []
    for _ in range(ROUNDS):
        platform("down")
        began = time.monotonic()
        platform("up", "--base-port", str(BASE_PORT))
        taken.append(time.monotonic() - began)
    print(f"\nall {len(state(home).supervised)} ready after {', '.join(f'{seconds:.1f}' for seconds in taken)} s")
    time.sleep(SETTLE_SECONDS)
    idle = idle_share(pids(home))
    together = pss_mib(pids(home))
    print(f"idle: {idle:.1%} of one core over {IDLE_SECONDS:.0f} s")
    print(f"together: {together:.0f} MiB (PSS) in {len(pids(home))} processes")
    assert max(taken) < READY_SECONDS
    assert together < TOGETHER_MIB
    assert idle < IDLE_SHARE


def platform(*arguments: str) -> None:
    command = [sys.executable, "-c", "from chaos.cli import main; main()", "platform", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def state(home: Path) -> State:
    return msgspec.json.decode((home / "state.json").read_bytes(), type=State)


def pids(home: Path) -> list[int]:
    """The launcher, the zygote, the proxies and all instances."""
    now = state(home)
    running = [each.pid for each in now.supervised if each.pid is not None]
    return [now.launcher["pid"], *([now.zygote["pid"]] if now.zygote else []), *running]


def pss_mib(processes: list[int]) -> float:
    """The proportional set size: pages that several share are counted once, in parts."""
    return sum(_pss_kib(pid) for pid in processes) / 1024


def idle_share(processes: list[int]) -> float:
    """Cores used, by all together, while nobody asks for anything."""
    before, began = sum(map(_ticks, processes)), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (sum(map(_ticks, processes)) - before) / TICKS_A_SECOND / (time.monotonic() - began)


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    """User and system time, fields 14 and 15 of /proc/PID/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
