"""A black hole: nothing gets through, data and ends alike, and nobody is told.

What was swallowed cannot be made up for, so a connection that had this toxic on it is closed when the toxic goes.
"""

from __future__ import annotations

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class Timeout(Toxic, frozen=True):
    """Closes the connection after `timeout` milliseconds, counted from when the toxic came onto it; 0 is never."""

    timeout: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Swallow(runtime, self.timeout)


class Swallow(Stage):
    """Hands nothing on. To the client the connection hangs; Toxiproxy's timer starts anew with each chunk, ours not."""

    def __init__(self, runtime: Runtime, timeout_ms: float) -> None:
        self._runtime = runtime
        self._began = runtime.now()
        self._timer: Timer | None = None
        self._arm(timeout_ms)

    def take(self, chunk: Chunk) -> None:
        pass

    def release(self) -> None:
        self.discard()
        self.line.close()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Timeout), "the type of a toxic never changes"
        self.discard()
        self._arm(toxic.timeout)
        return True

    def _arm(self, timeout_ms: float) -> None:
        if timeout_ms > 0:
            left_seconds = self._began + timeout_ms / 1000 - self._runtime.now()
            self._timer = self._runtime.later(max(0.0, left_seconds), self._close)

    def _close(self) -> None:
        self._timer = None
        self.line.close()
