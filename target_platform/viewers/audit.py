"""The audit at the end of the load: what was acknowledged to viewers is read back once more, all of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from gevent.pool import Pool

from target_platform.viewers.fetch import RequestFailed

AT_ONCE = 20
PATIENCE_SECONDS = 8.0
"""For all of them together; the run waits 10 s longer for the load than its drain takes."""

Look = Callable[[float], None]
"""Reads something back and notes it, until a monotonic time at most."""


class Audit:
    """Empty, and at once over, where no history is kept."""

    def __init__(self, keeps_history: bool = False) -> None:
        self.keeps_history = keeps_history
        self._looks: list[Look] = []

    def add(self, look: Look) -> None:
        if self.keeps_history:
            self._looks.append(look)

    def run(self) -> None:
        """Look at everything. Returns when that is done, or the patience is over."""
        until = time.monotonic() + PATIENCE_SECONDS
        pool = Pool(AT_ONCE)
        for look in self._looks:
            pool.spawn(_quietly, look, until)
        pool.join(timeout=PATIENCE_SECONDS)
        pool.kill()


def _quietly(look: Look, until: float) -> None:
    try:
        look(until)
    except RequestFailed:
        pass  # it is in the history as what could not be read
