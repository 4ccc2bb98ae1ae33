"""Cuts what is sent into small pieces, with a pause after each: what a program must not take for whole messages."""

from __future__ import annotations

from random import Random

from chaos.proxy.pieces import Pieces
from chaos.proxy.toxics import Ending, Runtime, Stage, Toxic


class Slicer(Toxic, frozen=True):
    """Pieces of `average_size` bytes, plus or minus up to `size_variation`, with `delay` microseconds between them.

    An `average_size` must be given, of 1 or more: with Toxiproxy's default of 0 there are no pieces.
    """

    MAGNITUDES = ("delay",)

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def __post_init__(self) -> None:
        if self.average_size < 1:
            raise ValueError("average_size must be 1 or more: nothing can be cut into pieces of 0 bytes")
        if not 0 <= self.size_variation < self.average_size:
            raise ValueError("size_variation must be 0 or more, and less than average_size")
        if self.delay < 0:
            raise ValueError("delay is microseconds, 0 or more")

    def start(self, runtime: Runtime) -> Stage:
        return Slices(runtime, self)

    def draw_bytes(self, random: Random) -> int:
        return self.average_size + random.randint(-self.size_variation, self.size_variation)


class Slices(Pieces):
    def __init__(self, runtime: Runtime, toxic: Slicer) -> None:
        super().__init__(runtime)
        self._toxic = toxic

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Slicer), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def go_on(self) -> None:
        """Hand on pieces until a pause is due."""
        while not self.is_empty and not self.is_waiting:
            if self._toxic.delay and not isinstance(self.head, Ending):
                self.wait(self._toxic.delay / 1_000_000)
            self.hand_on(self._toxic.draw_bytes(self._runtime.random))
