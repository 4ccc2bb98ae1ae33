"""Resets connections (TCP RST) as soon as something is sent over them, those that were open before too.

Toxiproxy sends a plain FIN on connections that are older than the toxic; a reset is one here always.
"""

from __future__ import annotations

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class ResetPeer(Toxic, frozen=True):
    """`timeout` is how many milliseconds after the first chunk; that chunk and all that follow are dropped."""

    timeout: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Reset(runtime, self.timeout)


class Reset(Stage):
    """An idle connection stays until somebody uses it: that is when a peer that has forgotten it would say so."""

    def __init__(self, runtime: Runtime, timeout_ms: float) -> None:
        self._runtime = runtime
        self._timeout_ms = timeout_ms
        self._used_at: float | None = None
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if self._used_at is None:
            self._used_at = self._runtime.now()
            self._arm(self._used_at)

    def release(self) -> None:
        """What was dropped is missing, so a reset that is due comes now."""
        self.discard()
        if self._used_at is not None:
            self.line.abort()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def update(self, toxic: Toxic) -> bool:
        """Counted from when the first chunk came, also where that has been."""
        assert isinstance(toxic, ResetPeer), "the type of a toxic never changes"
        self._timeout_ms = toxic.timeout
        if self._used_at is not None:
            self.discard()
            self._arm(self._used_at)
        return True

    def _arm(self, used_at: float) -> None:
        left_seconds = used_at + self._timeout_ms / 1000 - self._runtime.now()
        if left_seconds <= 0:
            self.line.abort()
        else:
            self._timer = self._runtime.later(left_seconds, self._abort)

    def _abort(self) -> None:
        self._timer = None
        self.line.abort()
