"""One direction of one connection: what one socket reads passes a chain of stages and is written to the other.

Without stages, and while the writing socket takes all, bytes do not pass this file one by one: a small message is one
receive and one send, and a stream in bulk goes through a pipe of the kernel's (splice(2)), which this process never
reads. Splicing small messages would be slower, and the kernel may hold their last bytes back for 40 ms.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos.proxy.pipes import PIPE_BYTES, Pipe
from chaos.proxy.toxics import BUFFER_BYTES, Chunk, Runtime, Stage

if TYPE_CHECKING:
    from chaos.proxy.end import End

HELD_BYTES_LIMIT = 8 * 1024 * 1024
"""Reading stops while a stream holds more than this: a little over the receive window of a real long link."""

_FULL_READS_OF_BULK = 2
_SPLICES_IN_A_TURN = 2
_SMALL_SPLICE_BYTES = 16 * 1024
_LARGE_READ_BYTES = 64 * 1024
"""Memory of this size is used again and again; larger pieces would be new pages of the system each time."""
_LARGE_READS_IN_A_TURN = 4
_NO_STAGES: list[tuple[str, Stage]] = []  # one for all: streams put another in its place and never change it
_SPLICE_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class Stream:
    """Hands chunks from `source` through the stages, first to last, to `sink`.

    Everything happens in the calls themselves or in timers of stages: no task, so nothing can be half done when a
    stage is added or removed.
    """

    __slots__ = (
        "_buffer", "_full", "_full_reads", "_pipe", "_piped", "_pipes", "_sink", "_sink_full", "_source", "_stages",
        "received_bytes", "sent_bytes", "take",
    )  # fmt: skip

    def __init__(self, source: End, sink: End, runtime: Runtime) -> None:
        self.received_bytes = 0
        self.sent_bytes = 0
        self.take: Callable[[Chunk], None] = sink.write
        """What comes from the source goes in here. Without stages this is the sink itself."""
        self._source = source
        self._sink = sink
        self._buffer = runtime.buffer
        self._pipes = runtime.pipes
        self._stages = _NO_STAGES
        self._full = False
        self._sink_full = False
        self._full_reads = 0
        self._pipe: Pipe | None = None
        self._piped = 0

    @property
    def names(self) -> list[str]:
        """Of the stages, first to last."""
        return [name for name, _ in self._stages]

    def stage(self, name: str) -> Stage | None:
        return next((stage for held_name, stage in self._stages if held_name == name), None)

    def add(self, name: str, stage: Stage, position: int | None = None) -> None:
        """Put a stage in, by default as the last; it sees what is on its way in earlier stages and all that comes.

        What waits in a pipe or for the sink has passed all stages, and leaves before anything that follows.
        """
        at = len(self._stages) if position is None else position
        self._stages = [*self._stages[:at], (name, stage), *self._stages[at:]]
        self._connect()

    def remove(self, name: str) -> None:
        """Take a stage out. What it held has been handed on when this returns, before anything that follows."""
        for position, (held_name, stage) in enumerate(self._stages):
            if held_name == name:
                stage.release()
                self._stages = [*self._stages[:position], *self._stages[position + 1 :]]
                self._connect()
                self._throttle()
                return

    def replace(self, name: str, stage: Stage) -> None:
        """Put another stage in the place of one; what that held has been handed on when this returns."""
        for position, (held_name, former) in enumerate(self._stages):
            if held_name == name:
                former.release()
                self._stages = [*self._stages[:position], (name, stage), *self._stages[position + 1 :]]
                self._connect()
                self._throttle()
                return

    def carry(self) -> None:
        """The source has something to be read."""
        if self._full_reads >= _FULL_READS_OF_BULK:
            self._carry_bulk()
            return
        buffer = self._buffer
        try:
            count = self._source.receive(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._source.lost()
            return
        if not count:
            self._source.read_all()
            return
        self.received_bytes += count
        self._full_reads = self._full_reads + 1 if count == BUFFER_BYTES else 0
        if self._stages and not self._passes():
            self.take(bytes(buffer[:count]))
        else:
            self._pass_on(buffer[:count], count)

    def _pass_on(self, data: memoryview, count: int) -> None:
        """Straight to the sink: each call that is saved here is seen in the time a small message takes."""
        sink = self._sink
        if sink.is_blocked:
            sink.write_now(data)
            return
        try:
            sent = sink.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sink.lost()
            return
        self.sent_bytes += sent
        if sent < count:
            sink.keep(data[sent:])

    def sink_full(self, full: bool) -> None:
        """The writing socket takes no more for now, or again."""
        self._sink_full = full
        self._throttle()

    def flush_pipe(self) -> bool:
        """Move on what a pipe holds. True when there is nothing left; raises OSError when the sink is broken."""
        if self._pipe is None:
            return True
        if not self._move_on(self._pipe):
            return False
        self._give_pipe_back()
        return True

    def discard(self) -> None:
        """The connection is over."""
        self._give_pipe_back()
        for _, stage in self._stages:
            stage.discard()

    def _carry_bulk(self) -> None:
        if (self._stages and not self._passes()) or self._sink.is_blocked or self._sink.is_closed:
            self._carry_large()
            return
        pipe = self._pipes.lend()
        if pipe is None:
            self._carry_large()
            return
        self._pipe = pipe
        for _ in range(_SPLICES_IN_A_TURN):
            if not self._splice(pipe):
                break
        if not self._piped:
            self._give_pipe_back()

    def _passes(self) -> bool:
        """Whether all stages do nothing at the moment: then bytes go around them."""
        return all(stage.passes for _, stage in self._stages)

    def _splice(self, pipe: Pipe) -> bool:
        """Move what is there. False when there is no more, or not at once."""
        try:
            count = os.splice(self._source.fd, pipe.writes, PIPE_BYTES, flags=_SPLICE_FLAGS)
        except BlockingIOError:
            self._full_reads = 1
            return False
        except OSError:
            self._source.lost()
            return False
        if not count:
            self._source.read_all()
            return False
        self.received_bytes += count
        self._piped = count
        try:
            passed = self._move_on(pipe)
        except OSError:
            self._sink.lost()
            return False
        if not passed:
            self._sink.await_room()
            return False
        if count < _SMALL_SPLICE_BYTES:
            self._full_reads = 0
            return False
        return True

    def _move_on(self, pipe: Pipe) -> bool:
        """False when the sink takes no more for now."""
        while self._piped:
            try:
                count = os.splice(pipe.reads, self._sink.fd, self._piped, flags=_SPLICE_FLAGS)
            except BlockingIOError:
                return False
            self.sent_bytes += count
            self._piped -= count
        return True

    def _give_pipe_back(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._pipes.give_back(pipe, is_empty=not self._piped)
            self._piped = 0

    def _carry_large(self) -> None:
        source = self._source
        for _ in range(_LARGE_READS_IN_A_TURN):
            try:
                data = source.receive_bytes(_LARGE_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                source.lost()
                return
            if not data:
                source.read_all()
                return
            self.received_bytes += len(data)
            self.take(data)
            if len(data) < _LARGE_READ_BYTES or not source.reads:
                self._full_reads = 0 if len(data) < _SMALL_SPLICE_BYTES else self._full_reads
                return

    def _connect(self) -> None:
        if not self._stages:
            self.take = self._sink.write
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
        self._sink.write(chunk)
        if self._full:
            self._throttle()

    def _throttle(self) -> None:
        held = sum(stage.held_bytes for _, stage in self._stages)
        # Once full, reading begins again at half: else the socket would be switched on and off for every chunk.
        full = self._sink_full or held > (HELD_BYTES_LIMIT // 2 if self._full else HELD_BYTES_LIMIT)
        if full != self._full:
            self._full = full
            if full:
                self._source.pause()
            else:
                self._source.resume()
