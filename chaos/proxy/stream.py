"""One direction of one connection: what one socket reads passes a chain of stages and is written to the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Protocol

from chaos.proxy.toxics import Chunk, Stage

HELD_BYTES_LIMIT = 8 * 1024 * 1024
"""Reading stops while a stream holds more than this: a little over the receive window of a real long link."""


class Source(Protocol):
    """The socket that is read."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Stream:
    """Hands chunks from `source` through the stages, first to last, to `write`.

    Everything happens in the calls themselves or in timers of stages: no task, so nothing can be half done when a
    stage is added or removed.
    """

    def __init__(self, source: Source, write: Callable[[Chunk], None]) -> None:
        self._source = source
        self._write = write
        self._stages: list[tuple[str, Stage]] = []
        self._full = False
        self._writer_full = False
        self.take: Callable[[Chunk], None] = write
        """What the source calls with all it reads. Without stages this is the writer itself."""

    def add(self, name: str, stage: Stage) -> None:
        """Append a stage; it sees what is on its way in earlier stages and all that comes."""
        self._stages.append((name, stage))
        self._connect()

    def remove(self, name: str) -> None:
        """Take a stage out. What it held has been handed on when this returns, before anything that follows."""
        for position, (held_name, stage) in enumerate(self._stages):
            if held_name == name:
                stage.release()
                del self._stages[position]
                self._connect()
                self._throttle()
                return

    def writer_full(self, full: bool) -> None:
        """The writing socket takes no more for now, or again."""
        self._writer_full = full
        self._throttle()

    def discard(self) -> None:
        """The connection is over."""
        for _, stage in self._stages:
            stage.discard()

    def _connect(self) -> None:
        if not self._stages:
            self.take = self._write
            return
        stages = [stage for _, stage in self._stages]
        for stage, following in itertools.pairwise(stages):
            stage.forward = following.take
        stages[-1].forward = self._leave
        self.take = self._enter

    def _enter(self, chunk: Chunk) -> None:
        self._stages[0][1].take(chunk)
        self._throttle()

    def _leave(self, chunk: Chunk) -> None:
        self._write(chunk)
        if self._full:
            self._throttle()

    def _throttle(self) -> None:
        held = sum(stage.held_bytes for _, stage in self._stages)
        # Once full, reading begins again at half: else the socket would be switched on and off for every chunk.
        full = self._writer_full or held > (HELD_BYTES_LIMIT // 2 if self._full else HELD_BYTES_LIMIT)
        if full != self._full:
            self._full = full
            if full:
                self._source.pause()
            else:
                self._source.resume()
