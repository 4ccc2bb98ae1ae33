"""Ties the load generator to the run that started it: it stops when asked and ends when the run is gone."""

from __future__ import annotations

import _thread
import os
import select
import signal

from chaos.load.wire import STOP

_LOOK_MILLISECONDS = 250


class Leash:
    """`stop_asked` becomes true when the driver says so. The end of `control_fd` ends the process group at once."""

    def __init__(self, control_fd: int) -> None:
        self.stop_asked = False
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
                self.stop_asked = self.stop_asked or STOP in said
            # A fork of the run (not the run itself) may still hold the other end of the leash.
            if os.getppid() != self._parent:
                end_group()


def end_group() -> None:
    """End this process and what the locustfile may have started, without another line of Python."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
