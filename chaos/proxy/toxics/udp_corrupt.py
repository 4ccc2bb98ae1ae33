"""Flips bits in some datagrams. The checksum of UDP is right all the same: this is what it would not find."""

from __future__ import annotations

from random import Random

from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class UdpCorrupt(Toxic, frozen=True):
    """A `share` (0 to 1) of them has `bits` bits flipped, at places drawn for each; fewer where it has fewer."""

    PROTOCOLS = ("udp",)
    MAGNITUDES = ("share",)

    share: float = 0.1
    bits: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be between 0 and 1")
        if self.bits < 1:
            raise ValueError("bits must be 1 or more")

    def start(self, runtime: Runtime) -> Stage:
        return Flips(runtime.random, self)


class Flips(Stage):
    def __init__(self, random: Random, toxic: UdpCorrupt) -> None:
        self._random = random
        self._toxic = toxic

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes) and self._random.random() < self._toxic.share:
            chunk = self._flipped(chunk)
        self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, UdpCorrupt), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _flipped(self, datagram: bytes) -> bytes:
        changed = bytearray(datagram)
        count = 8 * len(changed)
        for place in self._random.sample(range(count), min(self._toxic.bits, count)):
            changed[place // 8] ^= 1 << place % 8
        return bytes(changed)
