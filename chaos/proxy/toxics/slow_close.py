"""Data passes at once; the end of the stream comes late."""

from __future__ import annotations

from msgspec import Struct

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage


class SlowClose(Struct, frozen=True):
    """`delay` in milliseconds, of the end of the stream or of a reset."""

    delay: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Linger(runtime, self.delay)


class Linger(Stage):
    def __init__(self, runtime: Runtime, delay_ms: float) -> None:
        self._runtime = runtime
        self._delay_ms = delay_ms
        self._held: list[Chunk] = []
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes) and not self._held:
            self.forward(chunk)
            return
        self._held.append(chunk)  # after an end only a reset can come
        if self._timer is None:
            self._timer = self._runtime.later(max(0.0, self._delay_ms / 1000), self.release)

    def release(self) -> None:
        held, self._held = self._held, []
        self.discard()
        for chunk in held:
            self.forward(chunk)

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._held.clear()
