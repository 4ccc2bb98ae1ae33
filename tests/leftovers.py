"""Processes that a test run left behind because it was killed: they hold the ports that tests have written down.

What a run starts inherits its mark in the environment; a run that begins ends what bears the mark of one that is gone.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "STEADFAST_TEST_RUN"


def mark_this_run() -> None:
    """From here on. The workers of pytest-xdist bear the mark of the run that started them."""
    os.environ.setdefault(MARK, _identity(os.getpid()))


def end_leftovers(marked: str = MARK) -> list[int]:
    """Kill what runs that are gone have left; their process ids."""
    ended: list[int] = []
    while left := [pid for pid in _processes() if pid not in ended and _is_left_over(pid, marked)]:
        for pid in left:  # and then anew: a launcher may have started another meanwhile
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended += left
    return ended


def _processes() -> list[int]:
    return [int(each) for each in os.listdir("/proc") if each.isdigit()]


def _is_left_over(pid: int, marked: str) -> bool:
    run = _mark_of(pid, marked)
    return bool(run) and _identity(int(run.partition(":")[0])) != run


def _mark_of(pid: int, marked: str) -> str:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""  # it has ended, or is somebody else's
    start = f"{marked}=".encode()
    return next((each.removeprefix(start).decode() for each in variables if each.startswith(start)), "")


def _identity(pid: int) -> str:
    """PID:START, in clock ticks after boot: a process id that was given to another process is another run's."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{pid}:{fields[19]}"
