"""Delays everything, the end of the stream too. Chunks travel side by side, so throughput is not limited."""

from __future__ import annotations

from collections import deque
from random import Random

from msgspec import Struct

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage

_TIMER_STEP_SECONDS = 0.00005
"""What the kernel's timers resolve: a chunk due within it is handed on now rather than by a timer of its own."""


class Latency(Struct, frozen=True):
    """`latency` plus or minus a uniformly distributed `jitter`, both in milliseconds; negative counts as none."""

    latency: int = 0
    jitter: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Delay(runtime, self.latency, self.jitter)


class Delay(Stage):
    """Each chunk leaves its delay after it came, or right after the one ahead of it when that has a longer one."""

    def __init__(self, runtime: Runtime, latency_ms: float, jitter_ms: float = 0) -> None:
        self._runtime = runtime
        self._latency_ms = latency_ms
        self._jitter_ms = jitter_ms
        self._queue: deque[tuple[float, Chunk]] = deque()
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        delay = delay_seconds(self._latency_ms, self._jitter_ms, self._runtime.random)
        self._queue.append((self._runtime.now() + delay, chunk))
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
        if self._timer is None:
            self._arm()

    def release(self) -> None:
        self._hand_on(float("inf"))
        self.discard()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self.held_bytes = 0

    def _arm(self) -> None:
        due = self._queue[0][0]
        self._timer = self._runtime.later(max(0.0, due - self._runtime.now()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._hand_on(self._runtime.now() + _TIMER_STEP_SECONDS)
        if self._queue and self._timer is None:
            self._arm()

    def _hand_on(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            _, chunk = self._queue.popleft()
            if isinstance(chunk, bytes):
                self.held_bytes -= len(chunk)
            self.forward(chunk)


def delay_seconds(latency_ms: float, jitter_ms: float, random: Random) -> float:
    """latency + U[-jitter, +jitter), as Toxiproxy draws it, per chunk."""
    jitter = random.uniform(-jitter_ms, jitter_ms) if jitter_ms else 0.0
    return max(0.0, (latency_ms + jitter) / 1000)
