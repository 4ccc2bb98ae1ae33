"""Files from the page cache to the socket by the kernel: what neither uvicorn nor uvloop's transports offer.

An application finds ASGI's extension "http.response.zerocopysend" in its scope, and may end an answer with a message

    {"type": ZEROCOPY, "file": descriptor, "offset": bytes, "count": bytes}

The head of every answer waits for the first bytes of its body, as ASGI demands, so that both leave together. In its
`sent` the message tells how many bytes went out: all, or as many as the client's machine had acknowledged at the end.
All is said as soon as the kernel has taken the last byte: who goes away after that is counted with the whole file.

Who reads nothing for `stalled_seconds` is cut off, whatever is being sent, so that nobody holds a place for ever.

Source: sendfile(2); ASGI, "Extensions", Zero Copy Send.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import sys
import termios
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from target_platform.kit.writable import Writable

ZEROCOPY = "http.response.zerocopysend"
BURST_BYTES = 1024 * 1024
"""The most that goes to one client before another one has its turn."""


CROWD = 512
CROWDED_BYTES = 32 * 1024
"""The kernel takes megabytes for one connection if it may. With more connections than that, each new one is allowed so
much that is not under way yet: all TCP sockets of a machine share one bound, beyond which none of them gets on."""

LINGER_NOT = struct.pack("ii", 1, 0)


class SendingFiles(HttpToolsProtocol):
    """uvicorn's protocol, for plain TCP; `writable` and `stalled_seconds` are for all connections of the server."""

    def __init__(self, writable: Writable, stalled_seconds: float, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._writable = writable
        self._stalled_seconds = stalled_seconds
        self._unacknowledged = 0
        self._left_before: int | None = None
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._options = transport.get_extra_info("socket")
        self.descriptor: int = self._options.fileno()
        self.burst_bytes = BURST_BYTES
        if len(self.connections) > CROWD:
            self.burst_bytes = CROWDED_BYTES
            self._options.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, CROWDED_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_the_end()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it to hold all this for half a minute after a reset
        self._writable.wake(self.descriptor)

    def cut_off(self) -> None:
        """By a reset: closed as usual, the kernel would go on for minutes to offer what it holds."""
        if self.gone:
            return
        self._note_the_end()
        self._options.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.transport.abort()

    def send_more_to_come(self, data: bytes) -> int:
        """How much of it went out, with the promise that more comes at once. Raises OSError."""
        # A socket of our own for this one call. One that is kept might outlive the transport when a loop ends in the
        # middle, and would close a descriptor that is somebody else's by then.
        ours = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, self.descriptor)
        try:
            return ours.send(data, socket.MSG_MORE | socket.MSG_DONTWAIT)
        finally:
            ours.detach()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio: True keeps the transport open
        """Who has said all that it wants to say is still answered (RFC 9112, 9.6); then the connection ends."""
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy:
            self.cycle.keep_alive = False
        return busy

    async def taken(self) -> None:
        """The transport has written as much as it must; or the client is cut off."""
        if self.gone or not self.flow.write_paused:
            return
        before = self._left()
        while not self.gone and self.flow.write_paused:
            try:
                async with asyncio.timeout(self._stalled_seconds):
                    await self.flow.drain()
            except TimeoutError:
                if self._left() >= before:
                    self.cut_off()
                before = self._left()

    async def room(self) -> None:
        """The socket takes more; or the client is cut off, because nothing at all reached it for so long."""
        before = self.unacknowledged_bytes
        while not await self._writable.wait(self.descriptor, self._stalled_seconds):
            left = self.unacknowledged_bytes
            if left >= before:
                self.cut_off()
                return
            before = left

    @property
    def unacknowledged_bytes(self) -> int:
        """What was given to the kernel and has not reached the client's machine; after the end what never will."""
        if self.gone:
            return self._unacknowledged
        answered = fcntl.ioctl(self.descriptor, termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(answered, sys.byteorder)

    def _left(self) -> int:
        return self.unacknowledged_bytes + (0 if self.gone else self.transport.get_write_buffer_size())

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() and not self.gone:  # uvicorn leaves it alone then, whatever stands in buffers
            self.timeout_keep_alive_handler()

    def timeout_keep_alive_handler(self) -> None:
        """Also of who has its answers all in buffers and takes nothing of them."""
        left = self._left()
        if left == 0:
            super().timeout_keep_alive_handler()
        elif self._left_before is not None and left >= self._left_before:
            self.cut_off()
        else:
            self._left_before = left
            self.timeout_keep_alive_task = self.loop.call_later(self._stalled_seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._left_before = None
        super()._unset_keepalive_if_required()

    def _note_the_end(self) -> None:
        """While the descriptor is still ours to ask."""
        if not self.gone:
            self._unacknowledged = self.unacknowledged_bytes
            self.gone = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        async def with_files(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {ZEROCOPY: {}}
            await app(scope, receive, Sending(self, cycle))

        super()._start_asgi_task(cycle, cast(Any, with_files))


class Sending:
    """One answer: the `send` of the application."""

    def __init__(self, protocol: SendingFiles, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._head = b""

    async def __call__(self, message: Message) -> None:
        await self._protocol.taken()
        if self._protocol.gone:
            self._cycle.disconnected = True  # uvicorn says so only to the last of several pipelined requests
        if message["type"] == "http.response.start":
            await self._hold_head(message)
        elif message["type"] == ZEROCOPY:
            await self._send_file(message)
        else:
            self._release_head()
            await self._cycle.send(cast(Any, message))

    async def _hold_head(self, message: Message) -> None:
        transport, head = self._cycle.transport, _Head()
        self._cycle.transport = cast(asyncio.Transport, head)
        try:
            await self._cycle.send(cast(Any, message))
        finally:
            self._cycle.transport = transport
        self._head = head.content

    def _release_head(self) -> None:
        if self._head and not self._protocol.gone:
            self._cycle.transport.write(self._head)
        self._head = b""

    async def _send_file(self, message: Message) -> None:
        count, sent = message["count"], 0
        message["sent"] = 0
        await self._send_head()
        try:
            while sent < count and not self._protocol.gone:
                went = await self._burst(message["file"], message["offset"] + sent, count - sent)
                sent += went
        finally:
            message["sent"] = sent if sent == count else max(0, sent - self._protocol.unacknowledged_bytes)
        if sent < count:
            self._cycle.disconnected = True
            return
        self._cycle.expected_content_length -= count
        await self._cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _burst(self, file: int, offset: int, count: int) -> int:
        """As much as the socket takes at once."""
        try:
            went = os.sendfile(self._protocol.descriptor, file, offset, min(count, self._protocol.burst_bytes))
        except BlockingIOError:
            await self._protocol.room()
            return 0
        except OSError:
            went = 0
        if went == 0:  # the client has gone, or the file is shorter than was said
            self._protocol.cut_off()
        elif went < count:
            await asyncio.sleep(0)
        return went

    async def _send_head(self) -> None:
        """By the kernel as well, if nothing is before it: so it leaves in one packet with what comes next."""
        transport = self._protocol.transport
        if self._head and not self._protocol.gone and transport.get_write_buffer_size() == 0:
            try:
                self._head = self._head[self._protocol.send_more_to_come(self._head) :]
            except BlockingIOError:
                pass
            except OSError:
                self._protocol.cut_off()
        if not self._protocol.gone and (self._head or transport.get_write_buffer_size()):
            transport.set_write_buffer_limits(high=0)  # paused until there is nothing left
            self._release_head()
            await self._protocol.taken()
            if not self._protocol.gone:
                transport.set_write_buffer_limits()


class _Head:
    """Stands where uvicorn writes the head of an answer to."""

    content = b""

    def write(self, data: bytes) -> None:
        self.content += data
