"""Ends each connection once it has carried a number of bytes: an answer that breaks off in the middle."""

from __future__ import annotations

from chaos.proxy.toxics import Chunk, Ending, Stage, Toxic


class LimitData(Toxic, frozen=True):
    """After `bytes` bytes, which all arrive, both ends see the end of the connection; with 0 when the first comes."""

    bytes: int = 0

    def __post_init__(self) -> None:
        if self.bytes < 0:
            raise ValueError("bytes must be 0 or more")

    def start(self, runtime: object) -> Stage:
        return Meter(self.bytes)


class Meter(Stage):
    """Counts what passed, also across updates: with a higher limit it goes on, with a lower one it may be over it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._passed_bytes = 0
        self._is_over = False

    def take(self, chunk: Chunk) -> None:
        if self._is_over:
            return
        if isinstance(chunk, bytes):
            left = max(0, self._limit_bytes - self._passed_bytes)
            self._passed_bytes += min(left, len(chunk))
            if left:
                self.forward(chunk[:left])
            if len(chunk) >= left:
                self._is_over = True
                self.forward(Ending.EOF)  # behind what other toxics still hold, where a close would drop it
                self.line.answer(Ending.EOF)
        else:
            self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, LimitData), "the type of a toxic never changes"
        self._limit_bytes = toxic.bytes
        return True
