"""Drops chunks: bytes are missing in the middle of a stream, which TCP itself never does.

Shows what a program does with data that is cut. A lost packet that TCP repeats is a pause: that is `loss_stall`.
"""

from __future__ import annotations

from random import Random

from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class PacketLoss(Toxic, frozen=True):
    """Each chunk is dropped with probability `loss_rate` (0 to 1); after a dropped one with `correlation` more."""

    MAGNITUDES = ("loss_rate",)

    loss_rate: float = 0.1
    correlation: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.loss_rate <= 1 and 0 <= self.correlation <= 1):
            raise ValueError("loss_rate and correlation must be between 0 and 1")

    def start(self, runtime: Runtime) -> Stage:
        return Sieve(runtime.random, self)


class Sieve(Stage):
    """Ends pass. A chunk is what was read at once: up to 64 KiB of a bulk transfer, a message of a dialogue."""

    def __init__(self, random: Random, toxic: PacketLoss) -> None:
        self._random = random
        self._toxic = toxic
        self._lost_last = False

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            chance = self._toxic.loss_rate + (self._toxic.correlation if self._lost_last else 0.0)
            self._lost_last = self._random.random() < chance
        if not (isinstance(chunk, bytes) and self._lost_last):
            self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, PacketLoss), "the type of a toxic never changes"
        self._toxic = toxic
        return True
