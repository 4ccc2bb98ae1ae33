"""A queue of bytes that leave in other pieces than they came in, at their time."""

from __future__ import annotations

from collections import deque

from chaos.proxy.loop import Timer
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage


class Pieces(Stage):
    """Calls `go_on` when something has come and no timer is set. Ends keep their place; pieces never join chunks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._queue: deque[memoryview | Ending] = deque()
        self._timer: Timer | None = None

    def go_on(self) -> None:
        """Hand on what is due, by `hand_on`, and `wait` for what is not."""

    @property
    def head(self) -> memoryview | Ending:
        """What is to leave next; there is something."""
        return self._queue[0]

    @property
    def is_empty(self) -> bool:
        return not self._queue

    @property
    def is_waiting(self) -> bool:
        return self._timer is not None

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.held_bytes += len(chunk)
            self._queue.append(memoryview(chunk))
        else:
            self._queue.append(chunk)
        if self._timer is None:
            self.go_on()

    def hand_on(self, most_bytes: int) -> None:
        """The end that is the head, or that many bytes of it at most."""
        head = self._queue.popleft()
        if isinstance(head, Ending):
            self.forward(head)
            return
        if len(head) > most_bytes:
            self._queue.appendleft(head[most_bytes:])
        piece = bytes(head[:most_bytes])
        self.held_bytes -= len(piece)
        self.forward(piece)

    def wait(self, seconds: float) -> None:
        self._timer = self._runtime.later(seconds, self._ring)

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

    def _ring(self) -> None:
        self._timer = None
        self.go_on()
