"""Data passes at once; the end of the stream comes late."""

from __future__ import annotations

from chaos.proxy.delayed import Delayed
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class SlowClose(Toxic, frozen=True):
    """`delay` in milliseconds, of the end of the stream or of a reset."""

    MAGNITUDES = ("delay",)

    delay: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Linger(runtime, self.delay)


class Linger(Delayed):
    def __init__(self, runtime: Runtime, delay_ms: float) -> None:
        super().__init__(runtime, lambda chunk: delay_ms / 1000)

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes) and not self.is_holding:
            self.forward(chunk)
        else:
            super().take(chunk)  # after an end only a reset can come

    def update(self, toxic: Toxic) -> bool:
        """Counted from when the end came, also for one that is waiting."""
        assert isinstance(toxic, SlowClose), "the type of a toxic never changes"
        delay_seconds = toxic.delay / 1000
        self.delay_anew(lambda chunk: delay_seconds)
        return True
