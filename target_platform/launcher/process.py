"""Operating system processes as the launcher sees them: who they are, when they end, how they are ended.

A process is identified by its pid together with its start time: a recycled pid is another process. Nothing here
signals a process whose identity does not match.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from target_platform.launcher.thaw import thaw


class Identity(Struct, frozen=True):
    """`started` is field 22 of /proc/PID/stat: clock ticks after boot (proc_pid_stat(5))."""

    pid: int
    started: int


class Watched:
    """A running process, child or not, whose end is noticed at once: a pidfd becomes readable when it ends."""

    def __init__(self, identity: Identity) -> None:
        """Must be called inside the event loop."""
        self.identity = identity
        self.gone = asyncio.Event()
        self._pidfd = _open_pidfd(identity)
        if self._pidfd is None:
            self.gone.set()
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, self._ended)

    async def stop(self, grace_seconds: float) -> None:
        """Return when the process and all that was left of its session are gone; SIGKILL at once without grace."""
        if grace_seconds > 0 and not self.gone.is_set():
            _ask_to_end(self.identity)
            try:
                await asyncio.wait_for(self.gone.wait(), grace_seconds)
            except TimeoutError:
                pass  # it had its chance
        while not self.gone.is_set():
            signal_session(self.identity, signal.SIGKILL)
            try:
                await asyncio.wait_for(self.gone.wait(), 1.0)
            except TimeoutError:
                pass  # in an uninterruptible call; it dies when that returns
        for _ in range(400):
            if not kill_leftovers(self.identity):
                break
            await asyncio.sleep(0.005)
        for _ in range(40):  # others may take a zombie for a process; its parent reaps it in a moment
            if _stat(self.identity.pid) is None or identity_of(self.identity.pid) is not None:
                return
            await asyncio.sleep(0.005)

    def forget(self) -> None:
        """Stop watching; the process stays as it is."""
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _ended(self) -> None:
        self.forget()
        self.gone.set()


def identity_of(pid: int) -> Identity | None:
    """Who runs under this pid now; None for nobody. A zombie is nobody: it holds no port and serves no one."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else Identity(pid, int(fields[19]))


def born(pid: int) -> Identity:
    """The identity of a child that was just forked, even when it has ended already and is not yet reaped."""
    fields = _stat(pid)
    if fields is None:
        raise ProcessLookupError(f"process {pid} is not there")
    return Identity(pid, int(fields[19]))


def is_alive(identity: Identity) -> bool:
    return identity_of(identity.pid) == identity


def signal_session(identity: Identity, number: signal.Signals) -> None:
    """Signal the process group that this process leads, if it is still this process."""
    if not is_alive(identity):
        return
    thaw(identity.pid)
    try:
        os.killpg(identity.pid, number)
    except ProcessLookupError:
        # Just forked and not yet the leader of its group, or gone in this very moment.
        if is_alive(identity) and os.getpgid(identity.pid) != identity.pid:
            os.kill(identity.pid, number)


def kill_leftovers(identity: Identity) -> int:
    """SIGKILL what outlived the leader of a session inside it; how many were found.

    While any member lives the kernel does not give the session's number to another process, so a number whose
    leader is gone can only mean our session, and one whose leader is somebody else holds nothing of ours.
    """
    leader = identity_of(identity.pid)
    if leader is not None:
        return 0
    members = _session_members(identity.pid)
    for member in members:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile
    return len(members)


def stop_all(identities: Sequence[Identity], grace_seconds: float) -> None:
    """Blocking: end these processes and their sessions, politely for `grace_seconds`, then by SIGKILL."""
    for identity in identities:
        _ask_to_end(identity)
    deadline = time.monotonic() + grace_seconds
    for identity in identities:
        _wait_gone(identity, deadline - time.monotonic())
    for identity in identities:
        while is_alive(identity):
            signal_session(identity, signal.SIGKILL)
            _wait_gone(identity, 1.0)
        while kill_leftovers(identity):
            time.sleep(0.005)


def _ask_to_end(identity: Identity) -> None:
    signal_session(identity, signal.SIGTERM)
    signal_session(identity, signal.SIGCONT)  # a paused process would not hear the first


def _wait_gone(identity: Identity, seconds: float) -> None:
    pidfd = _open_pidfd(identity)
    if pidfd is None:
        return
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
    finally:
        os.close(pidfd)


def _open_pidfd(identity: Identity) -> int | None:
    """A descriptor for this very process, or None when it has ended. Its number may name another: checked after."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None
    if is_alive(identity):
        return pidfd
    os.close(pidfd)
    return None


def _session_members(session: int) -> list[int]:
    members = []
    for entry in os.listdir("/proc"):
        fields = _stat(int(entry)) if entry.isdigit() else None
        if fields is not None and fields[0] not in "ZX" and str(session) in (fields[2], fields[3]):
            members.append(int(entry))
    return members


def _stat(pid: int) -> list[str] | None:
    """/proc/PID/stat from field 3 on: state, parent, process group, session, ...; None for no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()  # field 2, the name, may contain anything, even ")"
