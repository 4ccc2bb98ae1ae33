"""Cuts what is sent into small pieces, with a pause after each: what a program must not take for whole messages."""

from __future__ import annotations

from collections import deque
from random import Random

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage, Toxic


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


class Slices(Stage):
    """Pieces never join two chunks. Ends keep their place. What is still to be cut follows an update at once."""

    def __init__(self, runtime: Runtime, toxic: Slicer) -> None:
        self._runtime = runtime
        self._toxic = toxic
        self._queue: deque[memoryview | Ending] = deque()
        self._timer: Timer | None = None

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
            self._queue.append(memoryview(chunk))
        else:
            self._queue.append(chunk)
        if self._timer is None:
            self._go_on()

    def release(self) -> None:
        held, self._queue = self._queue, deque()
        self.discard()
        for chunk in held:
            self.forward(chunk if isinstance(chunk, Ending) else bytes(chunk))

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue.clear()
        self.held_bytes = 0

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Slicer), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _go_on(self) -> None:
        """Hand on pieces until a pause is due."""
        self._timer = None
        while self._queue and self._timer is None:
            head = self._queue.popleft()
            if isinstance(head, Ending):
                self.forward(head)
                continue
            size = self._toxic.draw_bytes(self._runtime.random)
            if size < len(head):
                self._queue.appendleft(head[size:])
            piece = bytes(head[:size])
            self.held_bytes -= len(piece)
            if self._toxic.delay:
                self._timer = self._runtime.later(self._toxic.delay / 1_000_000, self._go_on)
            self.forward(piece)
