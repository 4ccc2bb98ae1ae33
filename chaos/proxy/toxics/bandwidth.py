"""Limits how fast each connection carries bytes."""

from __future__ import annotations

from chaos.proxy.delayed import TIMER_STEP_SECONDS
from chaos.proxy.pieces import Pieces
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


class Pace(Pieces):
    """Each slice leaves when its last byte would have passed a line of that rate."""

    def __init__(self, runtime: Runtime, bytes_per_second: int) -> None:
        super().__init__(runtime)
        self._rate = bytes_per_second
        self._free_at = 0.0
        """When the line has carried all that was handed on: it never makes up for time in which it stood idle."""

    def take(self, chunk: Chunk) -> None:
        if self.is_empty:
            self._free_at = max(self._free_at, self._runtime.now())
        super().take(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Bandwidth), "the type of a toxic never changes"
        self._rate = toxic.rate * 1000
        return True

    def go_on(self) -> None:
        """Hand on what has passed the line by now; a timer that rings late must not make the line slower."""
        slice_bytes = max(1, int(self._rate * _SLICE_SECONDS))
        while not self.is_empty:
            head = self.head
            now = self._runtime.now()
            size = 0 if isinstance(head, Ending) else min(len(head), slice_bytes)
            arrives_at = self._free_at + size / self._rate
            if size and arrives_at > now + TIMER_STEP_SECONDS:
                self.wait(arrives_at - now)
                return
            self._free_at = arrives_at
            self.hand_on(slice_bytes)
