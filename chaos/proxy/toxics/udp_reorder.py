"""Lets later datagrams overtake some."""

from __future__ import annotations

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class UdpReorder(Toxic, frozen=True):
    """A `share` (0 to 1) of them is held back until `gap` others have passed, or for `most` ms when fewer come."""

    PROTOCOLS = ("udp",)
    MAGNITUDES = ("share",)

    share: float = 0.1
    gap: int = 1
    most: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be between 0 and 1")
        if self.gap < 1 or self.most < 1:
            raise ValueError("gap (datagrams) and most (milliseconds) must be 1 or more")

    def start(self, runtime: Runtime) -> Stage:
        return Overtaken(runtime, self)


class Overtaken(Stage):
    """Holds one at a time: what comes meanwhile is what overtakes it."""

    def __init__(self, runtime: Runtime, toxic: UdpReorder) -> None:
        self._runtime = runtime
        self._toxic = toxic
        self._held: Chunk | None = None
        self._to_pass = 0
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if self._held is not None:
            self.forward(chunk)
            self._to_pass -= 1
            if self._to_pass <= 0:
                self.release()
        elif isinstance(chunk, bytes) and self._runtime.random.random() < self._toxic.share:
            self._held, self.held_bytes = chunk, len(chunk)
            self._to_pass = self._toxic.gap
            self._timer = self._runtime.later(self._toxic.most / 1000, self.release)
        else:
            self.forward(chunk)

    def release(self) -> None:
        held = self._held
        self.discard()
        if held is not None:
            self.forward(held)

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._held, self.held_bytes = None, 0

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, UdpReorder), "the type of a toxic never changes"
        self._toxic = toxic
        return True
