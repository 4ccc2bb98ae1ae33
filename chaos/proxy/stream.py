"""One direction of one connection: what one socket reads passes a chain of stages and is written to the other.

Without stages, and while the writing socket takes all, bytes do not pass this file one by one: a small message is one
receive and one send, and a stream in bulk goes through a pipe of the kernel's (splice(2)), which this process never
reads. Splicing small messages would be slower, and the kernel may hold their last bytes back for 40 ms.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos.proxy.pipes import PIPE_BYTES, Pipe
from chaos.proxy.stages import Stages
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
_SPLICE_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class Stream(Stages):
    """Hands chunks from `source` through the stages, first to last, to `sink`.

    Everything happens in the calls themselves or in timers of stages: no task, so nothing can be half done when a
    stage is added or removed.
    """

    __slots__ = (
        "_buffer", "_full", "_full_reads", "_pipe", "_piped", "_pipes", "_sink", "_sink_full", "_source",
        "received_bytes", "sent_bytes", "take",
    )  # fmt: skip

    def __init__(self, source: End, sink: End, runtime: Runtime) -> None:
        super().__init__()
        self.received_bytes = 0
        self.sent_bytes = 0
        self.take: Callable[[Chunk], None] = sink.write
        """What comes from the source goes in here. Without stages this is the sink itself."""
        self._source = source
        self._sink = sink
        self._buffer = runtime.buffer
        self._pipes = runtime.pipes
        self._full = False
        self._sink_full = False
        self._full_reads = 0
        self._pipe: Pipe | None = None
        self._piped = 0

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
        super().discard()

    def _carry_bulk(self) -> None:
        if (self._stages and not self._passes()) or self._sink.is_blocked or self._sink.is_closed:
            self._carry_large()
            return
        pipe = self._pipes.lend()
        if pipe is None:
            self._carry_large()
            return
        self._pipe = pipe
        before = self.received_bytes
        for _ in range(_SPLICES_IN_A_TURN):
            if not self._splice(pipe):
                break
        if self.received_bytes == before:
            self._full_reads = 1  # it was told to be readable, and may be so by other means only
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

    def _connect(self, stages: list[tuple[str, Stage]]) -> None:
        """What waits in a pipe or for the sink has passed all stages, and leaves before anything that follows."""
        super()._connect(stages)
        self.take = self._enter if stages else self._sink.write
        self._throttle()

    def _enter(self, chunk: Chunk) -> None:
        self._stages[0][1].take(chunk)
        self._throttle()

    def _leave(self, chunk: Chunk) -> None:
        self._sink.write(chunk)
        if self._full:
            self._throttle()

    def _throttle(self) -> None:
        # Once full, reading begins again at half: else the socket would be switched on and off for every chunk.
        full = self._sink_full or self._held_bytes() > (HELD_BYTES_LIMIT // 2 if self._full else HELD_BYTES_LIMIT)
        if full != self._full:
            self._full = full
            if full:
                self._source.pause()
            else:
                self._source.resume()
