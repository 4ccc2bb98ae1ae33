"""Delays each datagram by itself: with a jitter they overtake each other, as they do on the way."""

from __future__ import annotations

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class UdpDelay(Toxic, frozen=True):
    """`delay` ms, plus or minus up to `jitter` ms. For delays that keep the order put `latency` on the proxy."""

    PROTOCOLS = ("udp",)
    MAGNITUDES = ("delay", "jitter")

    delay: int = 0
    jitter: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Scattered(runtime, self)


class Scattered(Stage):
    def __init__(self, runtime: Runtime, toxic: UdpDelay) -> None:
        self._runtime = runtime
        self._toxic = toxic
        self._waiting: dict[int, tuple[Timer, Chunk]] = {}
        self._count = 0

    def take(self, chunk: Chunk) -> None:
        self._count += 1
        number = self._count
        jitter_ms = self._runtime.random.uniform(-self._toxic.jitter, self._toxic.jitter)
        wait_seconds = max(0.0, (self._toxic.delay + jitter_ms) / 1000)
        self._waiting[number] = (self._runtime.later(wait_seconds, lambda: self._hand_on(number)), chunk)
        self.held_bytes += len(chunk) if isinstance(chunk, bytes) else 0

    def release(self) -> None:
        for number in list(self._waiting):
            self._hand_on(number)

    def discard(self) -> None:
        for timer, _ in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        self.held_bytes = 0

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, UdpDelay), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _hand_on(self, number: int) -> None:
        timer, chunk = self._waiting.pop(number)
        timer.cancel()
        self.held_bytes -= len(chunk) if isinstance(chunk, bytes) else 0
        self.forward(chunk)
