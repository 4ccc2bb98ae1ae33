"""Processes that stand still: every thread of the container beside us is held by ptrace.

The first process of a container takes no SIGSTOP from within its pod, but it can be traced. And the kernel lets go of
what is traced as soon as the tracer dies: nothing stands still for longer than we live.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from chaos.model.errors import ActionFailed

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_ALL_THREADS = 0x40000000
"""__WALL: without it waitpid knows nothing of threads that are not the first of their process."""

_STOP_PATIENCE_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1


class Standstill:
    """Everything is done in the thread that calls: the kernel knows a tracer by its thread."""

    def __init__(self, processes: Callable[[], Iterable[int]] | None = None) -> None:
        self._processes = processes or beside
        self._held: set[int] = set()
        self._open: dict[str, asyncio.TimerHandle] = {}
        self._catching: asyncio.Task[None] | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    @property
    def keys(self) -> list[str]:
        return sorted(self._open)

    @property
    def left_seconds(self) -> list[float]:
        """Until the lease of each of `keys` ends."""
        now = asyncio.get_running_loop().time()
        return [max(0.0, self._open[key].when() - now) for key in self.keys]

    async def begin(self, key: str, lease_seconds: float) -> None:
        """Hold all processes until `end`, or that long. Raises ActionFailed; then nothing is held for this key."""
        if lease_seconds <= 0:
            raise ActionFailed("its lease is over already", took_effect="no")
        if key in self._open:
            self._open.pop(key).cancel()
        self._open[key] = asyncio.get_running_loop().call_later(lease_seconds, self.end, key)
        try:
            await asyncio.wait_for(self._catch_all(), _STOP_PATIENCE_SECONDS)
        except TimeoutError as error:
            self.end(key)
            raise ActionFailed("some processes did not stand still in time", took_effect="no") from error
        except BaseException:
            self.end(key)
            raise
        if self._catching is None:
            self._catching = asyncio.get_running_loop().create_task(self._go_on_catching())

    def end(self, key: str) -> None:
        """Let all go on, unless something else holds them too."""
        if key in self._open:
            self._open.pop(key).cancel()
        if self._open:
            return
        if self._catching is not None:
            self._catching.cancel()
            self._catching = None
        self._let_go()

    def end_all(self) -> None:
        for key in self.keys:
            self.end(key)

    def count(self) -> tuple[int, int]:
        """How many processes of the container the kernel shows as held, and how many there are."""
        states = [{_state(pid, each) for each in _threads(pid)} for pid in self._processes()]
        alive = [each - {"", "Z", "X"} for each in states]
        return sum(each == {"t"} for each in alive), sum(bool(each) for each in alive)

    def _let_go(self) -> None:
        """One that is not stopped yet cannot be let go of: it is tried again until it is, or is gone."""
        self._reap()
        self._held = {each for each in self._held if not self._trace(_DETACH, each)}
        if self._held and not self._open:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._let_go)

    def _catch(self) -> bool:
        """Hold what is not held yet: a process that forks is faster than one look. Whether there was anything."""
        self._reap()
        new = [each for pid in self._processes() for each in _threads(pid) if each not in self._held]
        for thread in new:
            if self._trace(_SEIZE, thread) and self._trace(_INTERRUPT, thread):
                self._held.add(thread)
        return bool(new)

    async def _catch_all(self) -> None:
        for _ in count():
            if not self._catch() and not self._moving():
                return
            await asyncio.sleep(_LOOK_EVERY_SECONDS / 10)

    async def _go_on_catching(self) -> None:
        """Also what is started in the container from outside, as probes are."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            with suppress(ActionFailed):
                self._catch()

    def _reap(self) -> None:
        """Who was killed while it was held is only gone for its parent once we have heard of it."""
        for thread in tuple(self._held):
            try:
                heard, status = os.waitpid(thread, os.WNOHANG | _ALL_THREADS)
            except ChildProcessError:
                self._held.discard(thread)
                continue
            if heard and not os.WIFSTOPPED(status):
                self._held.discard(thread)

    def _moving(self) -> bool:
        still, there = self.count()
        return still < there

    def _trace(self, request: int, thread: int) -> bool:
        """False when there is no such thread any more."""
        if self._libc.ptrace(request, thread, None, None) == 0:
            return True
        number = ctypes.get_errno()
        if number == errno.ESRCH:
            return False
        raise ActionFailed(f"the kernel does not let a process be held: {os.strerror(number)}", took_effect="no")


def beside() -> Iterator[int]:
    """The processes of the container that we were put beside: they see its files, and we see ours."""
    theirs, ours = _files_of(1), _files_of(os.getpid())
    if not theirs or theirs == ours:
        raise ActionFailed("the agent was not put beside a container whose processes it sees", took_effect="no")
    for pid in (int(each) for each in os.listdir("/proc") if each.isdecimal()):
        if _files_of(pid) == theirs:
            yield pid


def _files_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def _threads(pid: int) -> list[int]:
    try:
        return [int(each) for each in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _state(pid: int, thread: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""
