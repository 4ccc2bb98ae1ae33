"""Delivers some datagrams twice."""

from __future__ import annotations

from random import Random

from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class UdpDuplicate(Toxic, frozen=True):
    """A `share` (0 to 1) of them comes `copies` times more, right after the first."""

    PROTOCOLS = ("udp",)
    MAGNITUDES = ("share",)

    share: float = 0.1
    copies: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be between 0 and 1")
        if not 1 <= self.copies <= 100:
            raise ValueError("copies must be between 1 and 100")

    def start(self, runtime: Runtime) -> Stage:
        return Twice(runtime.random, self)


class Twice(Stage):
    def __init__(self, random: Random, toxic: UdpDuplicate) -> None:
        self._random = random
        self._toxic = toxic

    def take(self, chunk: Chunk) -> None:
        self.forward(chunk)
        if self._random.random() < self._toxic.share:
            for _ in range(self._toxic.copies):
                self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, UdpDuplicate), "the type of a toxic never changes"
        self._toxic = toxic
        return True
