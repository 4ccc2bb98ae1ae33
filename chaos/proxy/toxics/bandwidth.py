"""Limits how fast each connection carries bytes."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage

_SLICE_SECONDS = 0.1
"""Large chunks are cut, so that a slow link trickles instead of standing still and then jumping."""


class Bandwidth(Struct, frozen=True):
    """`rate` in KB/s (1000 bytes), for each connection. Must be positive: Toxiproxy takes 0 and passes nothing then."""

    rate: int

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("rate must be positive; to let nothing pass use the timeout toxic")

    def start(self, runtime: Runtime) -> Stage:
        return Pace(runtime, self.rate * 1000)


class Pace(Stage):
    """Each slice leaves when its last byte would have passed a line of that rate. Ends keep their place."""

    def __init__(self, runtime: Runtime, bytes_per_second: int) -> None:
        self._runtime = runtime
        self._rate = bytes_per_second
        self._slice_bytes = max(1, int(bytes_per_second * _SLICE_SECONDS))
        self._queue: deque[Chunk] = deque()
        self._due = 0.0
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
            self._queue.extend(chunk[at : at + self._slice_bytes] for at in range(0, len(chunk), self._slice_bytes))
        else:
            self._queue.append(chunk)
        if self._timer is None:
            self._next()

    def release(self) -> None:
        while self._queue:
            self._hand_on(self._queue.popleft())
        self.discard()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self.held_bytes = 0

    def _next(self) -> None:
        """Begin to carry the slice at the head; ends take no time."""
        while self._queue and not isinstance(self._queue[0], bytes):
            self._hand_on(self._queue.popleft())
        if self._queue:
            head = self._queue[0]
            assert isinstance(head, bytes), "ends were handed on above"
            now = self._runtime.now()
            self._due = max(self._due, now) + len(head) / self._rate
            self._timer = self._runtime.later(self._due - now, self._arrived)

    def _arrived(self) -> None:
        self._timer = None
        self._hand_on(self._queue.popleft())
        if self._timer is None:
            self._next()

    def _hand_on(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.held_bytes -= len(chunk)
        self.forward(chunk)
