"""The process that executes a run, as its journal names it: is it alive, and telling it to end."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

from chaos.journal.read import stream
from chaos.model.events import RunEnded, RunStarted


def is_alive(journal: Path) -> bool:
    """Whether the run's process lives and its run has not ended."""
    started, ended = _first_and_end(journal)
    return started is not None and not ended and has_process(started)


def has_process(started: RunStarted) -> bool:
    """Whether the process that began this run lives. A recycled pid is another process."""
    return _start_time(started.process["pid"]) == started.process["started"]


def terminate(journal: Path, timeout_seconds: float) -> bool:
    """Send SIGTERM and wait until the process has gone. True when it has."""
    started, _ = _first_and_end(journal)
    assert started is not None, "terminate is for runs that is_alive has seen"
    return terminate_process(started, timeout_seconds)


def terminate_process(started: RunStarted, timeout_seconds: float) -> bool:
    """The same for those who have read the journal's first line.

    The pid is pinned before its identity is checked, so that no other process can get the signal.
    """
    try:
        descriptor = os.pidfd_open(started.process["pid"])
    except ProcessLookupError:
        return True
    try:
        if not has_process(started):
            return True
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        gone, _, _ = select.select([descriptor], [], [], timeout_seconds)
        return bool(gone)
    except ProcessLookupError:
        return True
    finally:
        os.close(descriptor)


def _first_and_end(journal: Path) -> tuple[RunStarted | None, bool]:
    started, ended = None, False
    for event in stream(journal):
        if isinstance(event, RunStarted):
            started = event
        ended = ended or isinstance(event, RunEnded)
    return started, ended


def _start_time(pid: int) -> int | None:
    """Clock ticks after boot; None when there is no such process or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])
