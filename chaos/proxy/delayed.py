"""Chunks that wait, each for its own time, and leave in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage

TIMER_STEP_SECONDS = 0.00005
"""What the kernel's timers resolve: a chunk due within it is handed on now rather than by a timer of its own."""


class Delayed(Stage):
    """Each chunk leaves its delay after it came, or right after the one ahead of it when that has a longer one.

    `delay` says how many seconds for each chunk. They travel side by side, so throughput is not limited.
    """

    def __init__(self, runtime: Runtime, delay: Callable[[Chunk], float]) -> None:
        self._runtime = runtime
        self._delay = delay
        self._queue: deque[tuple[float, float, Chunk]] = deque()
        self._timer: Timer | None = None

    @property
    def is_holding(self) -> bool:
        return bool(self._queue)

    def take(self, chunk: Chunk) -> None:
        seconds = self._delay(chunk)
        if seconds <= TIMER_STEP_SECONDS and not self._queue:
            self.forward(chunk)
        else:
            self.hold(chunk, seconds)

    def hold(self, chunk: Chunk, seconds: float) -> None:
        now = self._runtime.now()
        self._queue.append((now + seconds, now, chunk))
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
        if self._timer is None:
            self._arm()

    def release(self) -> None:
        self._hand_on(float("inf"))
        self.discard()

    def discard(self) -> None:
        self._disarm()
        self._queue.clear()
        self.held_bytes = 0

    def delay_anew(self, delay: Callable[[Chunk], float]) -> None:
        """What is held gets the new delay, too, counted from when it came."""
        self._delay = delay
        self._queue = deque((came + delay(chunk), came, chunk) for _, came, chunk in self._queue)
        self._disarm()
        if self._queue:
            self._arm()

    def _arm(self) -> None:
        due = self._queue[0][0]
        self._timer = self._runtime.later(max(0.0, due - self._runtime.now()), self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._hand_on(self._runtime.now() + TIMER_STEP_SECONDS)
        if self._queue and self._timer is None:
            self._arm()

    def _hand_on(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            _, _, chunk = self._queue.popleft()
            if isinstance(chunk, bytes):
                self.held_bytes -= len(chunk)
            self.forward(chunk)
