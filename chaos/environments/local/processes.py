"""Processes as /proc shows them. One is known by pid and start time together: a recycled pid is another process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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


def kill(identity: Mapping[str, str | int]) -> None:
    """SIGKILL; nothing to do for one that is gone."""
    _signal(identity, signal.SIGKILL)


def family(identity: Mapping[str, str | int]) -> tuple[int, ...]:
    """The pids of the process, of all it has forked and of the session it leads; none when it is gone."""
    if not is_alive(identity):
        return ()
    listed = _listed()
    found = {leader := int(identity["pid"])}
    found |= {pid for pid, each in listed.items() if each.session == leader}
    while more := {pid for pid, each in listed.items() if each.parent in found} - found:
        found |= more
    return tuple(sorted(found))


def is_stopped(pid: int) -> bool:
    fields = _fields(pid)
    return fields is not None and fields[0] == "T"


def threads(pid: int) -> int:
    """How many tasks the kernel counts for a process; 0 when it is gone."""
    fields = _fields(pid)
    return 0 if fields is None else int(fields[17])


def stop_each(pids: Iterable[int]) -> None:
    """SIGSTOP to each by itself; nothing to do for those that are gone."""
    _signal_each(pids, signal.SIGSTOP)


def resume_each(pids: Iterable[int]) -> None:
    _signal_each(pids, signal.SIGCONT)


def _signal_each(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it has ended
        except PermissionError as error:
            raise _not_ours(pid) from error


class _Listed(NamedTuple):
    parent: int
    session: int


def _listed() -> dict[int, _Listed]:
    """Every process of the machine that is no zombie."""
    found = {}
    for entry in os.listdir("/proc"):
        fields = _fields(int(entry)) if entry.isdigit() else None
        if fields is not None and fields[0] not in _GONE_STATES:
            found[int(entry)] = _Listed(parent=int(fields[1]), session=int(fields[3]))
    return found


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
        raise _not_ours(pid) from error
    return True


def _not_ours(pid: int) -> ActionFailed:
    hint = "run chaos as the user who runs the platform"
    return ActionFailed(f"process {pid} belongs to another user", hint, took_effect="no")


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
    fields = _fields(int(identity["pid"])) if "pid" in identity else None
    if fields is None or int(fields[19]) != identity.get("started"):
        return None
    return None if fields[0] in _GONE_STATES else fields


def _fields(pid: int) -> list[str] | None:
    """Whatever process has this number now, zombies included."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()  # field 2, the name, may hold anything, even ")"
