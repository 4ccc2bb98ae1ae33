"""Processes as /proc shows them. One is known by pid and start time together: a recycled pid is another process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chaos.model.capabilities import ProcessState
from chaos.model.errors import ActionFailed

_GONE_STATES = "ZX"
"""Zombie, dead: it serves nobody and holds no port (proc_pid_stat(5))."""


def state(identity: Mapping[str, str | int]) -> ProcessState:
    fields = _stat(identity)
    if fields is None:
        return "gone"
    return "paused" if fields[0] == "T" else "running"


def is_alive(identity: Mapping[str, str | int]) -> bool:
    return state(identity) != "gone"


def stop(identity: Mapping[str, str | int]) -> None:
    """SIGSTOP. Raises ActionFailed when the process is gone or another user's."""
    if not _signal(identity, signal.SIGSTOP):
        raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")


def resume(identity: Mapping[str, str | int]) -> None:
    """SIGCONT; nothing to do for one that is gone."""
    _signal(identity, signal.SIGCONT)


def _signal(identity: Mapping[str, str | int], number: signal.Signals) -> bool:
    """Whether it was there to be signalled. A leader of a process group is signalled together with its group."""
    pid = int(identity["pid"])
    try:
        with _descriptor(pid) as process:
            if _stat(identity) is None:
                return False
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        hint = "run chaos as the user who runs the platform"
        raise ActionFailed(f"process {pid} belongs to another user", hint, took_effect="no") from error
    return True


@contextmanager
def _descriptor(pid: int) -> Iterator[int]:
    """Opened before the start time is compared, so that a signal can only reach the process that was compared."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _stat(identity: Mapping[str, str | int]) -> list[str] | None:
    """/proc/PID/stat from field 3 (state) on, None when this process is gone."""
    if "pid" not in identity:
        return None
    try:
        text = Path(f"/proc/{identity['pid']}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # field 2, the name, may hold anything, even ")"
    same = int(fields[19]) == identity.get("started")
    return fields if same and fields[0] not in _GONE_STATES else None
