"""Resets connections (TCP RST) as soon as something is sent over them, those that were open before too.

Toxiproxy sends a plain FIN on connections that are older than the toxic; a reset is one here always.
"""

from __future__ import annotations

from msgspec import Struct

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage


class ResetPeer(Struct, frozen=True):
    """`timeout` is how many milliseconds after the first chunk; that chunk and all that follow are dropped."""

    timeout: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Reset(runtime, self.timeout)


class Reset(Stage):
    """An idle connection stays until somebody uses it: that is when a peer that has forgotten it would say so."""

    def __init__(self, runtime: Runtime, timeout_ms: float) -> None:
        self._runtime = runtime
        self._timeout_ms = timeout_ms
        self._armed = False
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if self._armed:
            return
        self._armed = True
        if self._timeout_ms <= 0:
            self.line.abort()
        else:
            self._timer = self._runtime.later(self._timeout_ms / 1000, self._abort)

    def release(self) -> None:
        """What was dropped is missing, so a reset that is due comes now."""
        self.discard()
        if self._armed:
            self.line.abort()

    def replaced_by(self, stage: Stage) -> None:
        self.discard()
        if self._armed:  # the same connection, whose bytes are missing: the new time counts from now
            stage.take(b"")

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort(self) -> None:
        self.line.abort()
