"""Limits how fast each connection carries bytes."""

from __future__ import annotations

from collections import deque

from chaos.proxy.delayed import TIMER_STEP_SECONDS
from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage, Toxic

_SLICE_SECONDS = 0.1
"""Large chunks are cut, so that a slow link trickles instead of standing still and then jumping."""


class Bandwidth(Toxic, frozen=True):
    """`rate` in KB/s (1000 bytes), for each connection. Must be positive: Toxiproxy takes 0 and passes nothing then."""

    MAGNITUDES = ("rate",)

    rate: int

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("rate must be positive; to let nothing pass use the timeout toxic")

    def start(self, runtime: Runtime) -> Stage:
        return Pace(runtime, self.rate * 1000)

    def scaled(self, share: float) -> Bandwidth:
        """Half of the limit is twice the rate."""
        return Bandwidth(round(self.rate / share))


class Pace(Stage):
    """Each slice leaves when its last byte would have passed a line of that rate. Ends keep their place."""

    def __init__(self, runtime: Runtime, bytes_per_second: int) -> None:
        self._runtime = runtime
        self._rate = bytes_per_second
        self._queue: deque[memoryview | Ending] = deque()
        self._free_at = 0.0
        """When the line has carried all that was handed on: it never makes up for time in which it stood idle."""
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if not self._queue:
            self._free_at = max(self._free_at, self._runtime.now())
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
            self._queue.append(memoryview(chunk))
        else:
            self._queue.append(chunk)
        if self._timer is None:
            self._carry()

    def release(self) -> None:
        held, self._queue = self._queue, deque()
        self.discard()
        for chunk in held:
            self.forward(chunk if isinstance(chunk, Ending) else bytes(chunk))

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self.held_bytes = 0

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Bandwidth), "the type of a toxic never changes"
        self._rate = toxic.rate * 1000
        return True

    def _carry(self) -> None:
        """Hand on what has passed the line by now; a timer that rings late must not make the line slower."""
        self._timer = None
        slice_bytes = max(1, int(self._rate * _SLICE_SECONDS))
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Ending):
                self._queue.popleft()
                self.forward(head)
                continue
            now = self._runtime.now()
            arrives_at = self._free_at + min(len(head), slice_bytes) / self._rate
            if arrives_at > now + TIMER_STEP_SECONDS:
                self._timer = self._runtime.later(arrives_at - now, self._carry)
                return
            self._free_at = arrives_at
            self._hand_on(head, slice_bytes)

    def _hand_on(self, head: memoryview, slice_bytes: int) -> None:
        if len(head) > slice_bytes:
            self._queue[0] = head[slice_bytes:]
        else:
            self._queue.popleft()
        piece = bytes(head[:slice_bytes])
        self.held_bytes -= len(piece)
        self.forward(piece)
