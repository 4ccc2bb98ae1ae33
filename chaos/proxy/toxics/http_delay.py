"""Delays a share of the HTTP requests, and lets the others on the same connections pass at once.

Ours, not Toxiproxy's. It works on the upstream: that is the stream that requests are in.
"""

from __future__ import annotations

from chaos.proxy.delayed import Delayed
from chaos.proxy.requests import ForRequests, Requests
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class HttpDelay(ForRequests, frozen=True, kw_only=True):
    """`delay` ms, plus or minus up to `jitter` ms, before the destination sees the requests that it is for."""

    STREAMS = ("upstream",)
    MAGNITUDES = ("delay", "jitter")

    delay: int = 0
    jitter: int = 0

    def start(self, runtime: Runtime) -> Stage:
        return Later(runtime, self)


class Later(Delayed):
    """What follows a delayed request on its connection waits behind it. What is not HTTP/1 passes untouched."""

    def __init__(self, runtime: Runtime, toxic: HttpDelay) -> None:
        super().__init__(runtime, lambda chunk: 0.0)
        self._toxic = toxic
        self._requests = Requests()

    def take(self, chunk: Chunk) -> None:
        if not isinstance(chunk, bytes):
            self._pass(self._requests.rest())
            self._pass(chunk)
            return
        for piece in self._requests.feed(chunk):
            random = self._runtime.random
            if piece.head is not None and self._toxic.picks(piece.head, random):
                delay_ms = self._toxic.delay + random.uniform(-self._toxic.jitter, self._toxic.jitter)
                self.hold(piece.data, max(0.0, delay_ms / 1000))
            else:
                self._pass(piece.data)

    def release(self) -> None:
        super().release()
        self._pass(self._requests.rest())

    def update(self, toxic: Toxic) -> bool:
        """For the requests that come; those that wait keep their time."""
        assert isinstance(toxic, HttpDelay), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _pass(self, chunk: Chunk) -> None:
        if self.is_holding:
            self.hold(chunk, 0.0)
        elif chunk:
            self.forward(chunk)
