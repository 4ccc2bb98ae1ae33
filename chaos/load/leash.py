"""Ties the load generator to the run that started it: it stops when asked and ends when the run is gone."""

from __future__ import annotations

import _thread
import os
import select
import signal

from chaos.load.wire import BEGIN, STOP

_LOOK_MILLISECONDS = 250


class Leash:
    """`begin_at` (monotonic seconds) and `stop_asked` become what the driver says.

    The end of `control_fd` ends the process group at once.
    """

    def __init__(self, control_fd: int) -> None:
        self.begin_at: float | None = None
        self.stop_asked = False
        self._said = b""
        self._control_fd = control_fd
        self._parent = os.getppid()

    def hold(self) -> None:
        """Start watching, in a thread that gevent does not know of."""
        poll = select.poll()
        poll.register(self._control_fd, select.POLLIN)
        _thread.start_new_thread(self._watch, (poll,))

    def _watch(self, poll: select.poll) -> None:
        while True:
            if poll.poll(_LOOK_MILLISECONDS):
                said = os.read(self._control_fd, 64)
                if not said:
                    end_group()
                self._hear(said)
            # A fork of the run (not the run itself) may still hold the other end of the leash.
            if os.getppid() != self._parent:
                end_group()

    def _hear(self, said: bytes) -> None:
        *lines, self._said = (self._said + said).split(b"\n")
        for line in lines:
            if line.startswith(BEGIN):
                self.begin_at = float(line.removeprefix(BEGIN))
            self.stop_asked = self.stop_asked or line == STOP


def end_group() -> None:
    """End this process and what the locustfile may have started, without another line of Python."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
