"""Ends each connection once it has carried a number of bytes: an answer that breaks off in the middle."""

from __future__ import annotations

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage, Toxic

_PATIENCE_SECONDS = 5.0


class LimitData(Toxic, frozen=True):
    """After `bytes` bytes, which all arrive, both ends see the end of the connection; with 0 when the first comes."""

    bytes: int = 0

    def __post_init__(self) -> None:
        if self.bytes < 0:
            raise ValueError("bytes must be 0 or more")

    def start(self, runtime: Runtime) -> Stage:
        return Meter(runtime, self.bytes)


class Meter(Stage):
    """Counts what passed, also across updates: with a higher limit it goes on, with a lower one it may be over it."""

    def __init__(self, runtime: Runtime, limit_bytes: int) -> None:
        self._runtime = runtime
        self._limit_bytes = limit_bytes
        self._passed_bytes = 0
        self._close: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if self._close is not None:
            return
        if not isinstance(chunk, bytes):
            self.forward(chunk)
            return
        left = max(0, self._limit_bytes - self._passed_bytes)
        self._passed_bytes += min(left, len(chunk))
        if left:
            self.forward(chunk[:left])
        if len(chunk) >= left:
            self._end()

    def release(self) -> None:
        if self._close is not None:  # what followed is missing
            self.discard()
            self.line.close()

    def discard(self) -> None:
        if self._close is not None:
            self._close.cancel()

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, LimitData), "the type of a toxic never changes"
        self._limit_bytes = toxic.bytes
        return True

    def _end(self) -> None:
        """In order, behind what other toxics hold: a close would drop that. It comes for those who do not end, too."""
        self._close = self._runtime.later(_PATIENCE_SECONDS, lambda: self.line.close())
        self.forward(Ending.EOF)
        self.line.answer(Ending.EOF)
