"""One of the two sockets of a connection."""

from __future__ import annotations

import itertools
import socket
import struct
from collections import deque
from collections.abc import Callable

from chaos.proxy.loop import BROKEN, READABLE, WRITABLE, Loop
from chaos.proxy.stream import Stream
from chaos.proxy.toxics import Chunk, Ending

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST (socket(7))
_MOST_BUFFERS = 64  # in one call of the kernel; it takes 1024, but most calls take only the first few


class End:
    """A socket, its `outgoing` stream, which carries what it reads, and its `incoming` one, which writes here.

    Reading begins with `resume`. `closed` is told once, when the socket is closed, whoever did that.
    """

    __slots__ = (
        "_closed", "_events", "_finishing", "_left", "_loop", "_read_all", "_socket",
        "_wrote_all", "fd", "incoming", "is_blocked", "is_closed", "outgoing", "reads", "receive", "send",
    )  # fmt: skip
    outgoing: Stream
    incoming: Stream

    def __init__(self, loop: Loop, closed: Callable[[], None]) -> None:
        self.fd = -1
        self.is_closed = False
        self.is_blocked = False
        """Bytes wait, here or in a pipe, until the socket takes more."""
        self._loop = loop
        self._closed = closed
        self._socket: socket.socket | None = None
        self._events: int | None = None
        self.reads = False
        self._read_all = False
        self._wrote_all = False
        self._finishing = False
        self._left: deque[memoryview | Ending] | None = None

    def open(self, linked: socket.socket) -> None:
        """From here on the socket is this object's; it does not block."""
        linked.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = linked
        self.fd = linked.fileno()
        self.receive = linked.recv_into
        self.send = linked.send
        self._watch()

    def receive_bytes(self, most: int) -> bytes:
        assert self._socket is not None, "it was readable"
        return self._socket.recv(most)

    def pause(self) -> None:
        self.reads = False
        self._watch()

    def resume(self) -> None:
        if not self._read_all and not self._finishing:
            self.reads = True
            self._watch()

    def write(self, chunk: Chunk) -> None:
        """The last station of the incoming stream. What comes after the socket is closed is dropped."""
        if self.is_closed or self._finishing:
            return
        if isinstance(chunk, bytes):
            rest = self._put(memoryview(chunk))
            if rest:
                self._keep(rest)
        elif chunk is Ending.RESET:
            self.reset()
        elif self.is_blocked or self._socket is None:
            self._keep(chunk)
        elif not self._wrote_all:
            self._end_writing()

    def write_now(self, data: memoryview) -> None:
        """Write bytes; what the socket does not take is copied. The memory is the caller's again afterwards."""
        rest = self._put(data)
        if rest:
            self.keep(rest)

    def keep(self, data: memoryview) -> None:
        """A copy of it, until there is room."""
        self._keep(memoryview(bytes(data)))

    def await_room(self) -> None:
        """Tell the incoming stream to wait until what is left over, here or in its pipe, is gone."""
        self.is_blocked = True
        self._watch()
        self.incoming.sink_full(True)

    def read_all(self) -> None:
        """Its peer will send nothing more."""
        self._read_all = True
        self.pause()
        self.outgoing.take(Ending.EOF)
        self._close_if_done()

    def lost(self) -> None:
        """The socket has failed: its peer is gone, and the other end is to hear of it."""
        if not self.is_closed:
            self._close()
            self.outgoing.take(Ending.RESET)
            self._closed()

    def reset(self) -> None:
        """Close the socket so that its peer sees a reset."""
        if not self.is_closed:
            if self._socket is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._close()
            self._closed()

    def finish(self) -> None:
        """Close the socket after what was written to it; nothing that its peer sends is heard from here on."""
        if self.is_closed or self._finishing:
            return
        if not self.is_blocked:
            self.end()
            return
        self._finishing = True
        self.pause()

    def end(self) -> None:
        """Close the socket now: what waits here is dropped, and its peer sees the end of the stream."""
        if self.is_closed:
            return
        linked = self._socket
        if linked is not None:
            try:
                linked.shutdown(socket.SHUT_WR)
                # Unread bytes would turn the end into a reset.
                buffer = bytearray(65536)
                for _ in range(64):
                    linked.recv_into(buffer)
            except OSError:
                pass  # none are left, or the peer is gone
        self._close()
        self._closed()

    def _ready(self, events: int) -> None:
        if events == READABLE and self.reads:
            self.outgoing.carry()
            return
        if events & WRITABLE:
            self._flush()
        if self.reads:
            if events & (READABLE | BROKEN):
                self.outgoing.carry()
        elif events & BROKEN and not self.is_closed:
            if self._read_all or self._finishing:
                self.lost()
            else:  # what it sent before is to be read first, when there is room for it
                self._loop.forget(self.fd)
                self._events = None

    def _flush(self) -> None:
        """There is room again."""
        if not self.is_blocked:
            return
        try:
            passed = self.incoming.flush_pipe() and self._flush_left()
        except OSError:
            self.lost()
            return
        if self.is_closed:
            return
        if passed:
            self.is_blocked = False
            self._left = None
            self._watch()
            self.incoming.sink_full(False)
            if self._finishing:
                self.end()

    def _flush_left(self) -> bool:
        """True when all is written; an end that was kept is one of the things to write."""
        left = self._left
        while left:
            if isinstance(left[0], Ending):
                self._end_writing()
                left.clear()
                break
            assert self._socket is not None, "nothing is flushed before it is open"
            buffers = [data for data in itertools.islice(left, _MOST_BUFFERS) if isinstance(data, memoryview)]
            try:
                sent = self._socket.sendmsg(buffers)
            except BlockingIOError:
                return False
            self.incoming.sent_bytes += sent
            self._drop(sent)
        return True

    def _drop(self, sent: int) -> None:
        left = self._left
        assert left is not None, "something was sent of it"
        while sent:
            head = left.popleft()
            assert not isinstance(head, Ending), "an end is not among what was sent"
            if len(head) > sent:
                left.appendleft(head[sent:])
                break
            sent -= len(head)

    def _put(self, data: memoryview) -> memoryview:
        """Write what the socket takes, and return the rest."""
        if self.is_blocked or self._socket is None:
            return data
        try:
            sent = self.send(data)
        except BlockingIOError:
            return data
        except OSError:
            self.lost()
            return data[:0]
        self.incoming.sent_bytes += sent
        return data[sent:]

    def _keep(self, item: memoryview | Ending) -> None:
        if self._left is None:
            self._left = deque()
        self._left.append(item)
        if not self.is_blocked:
            self.await_room()

    def _end_writing(self) -> None:
        self._wrote_all = True
        assert self._socket is not None, "an end is kept until it is open"
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.lost()
            return
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._read_all and self._wrote_all and not self.is_closed:
            self._close()
            self._closed()

    def _watch(self) -> None:
        """Ask the loop for what is of interest, if that has changed."""
        if self.is_closed or self._socket is None:
            return
        events = (READABLE if self.reads else 0) | (WRITABLE if self.is_blocked else 0)
        if events != self._events:
            self._events = events
            self._loop.watch(self.fd, events, self._ready)

    def _close(self) -> None:
        self.is_closed = True
        self.is_blocked = False
        self.reads = False
        self._left = None
        if self._socket is not None:
            self._loop.forget(self.fd)
            self._socket.close()
            self.fd = -1
