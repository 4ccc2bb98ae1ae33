"""One client's connection through the proxy: two sockets and the two streams between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from chaos.proxy.stream import Stream
from chaos.proxy.toxics import Chunk, Ending

CONNECT_SECONDS = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST (socket(7))


class Connection:
    """`client` is the protocol of the accepted socket. `over` is called once both sockets are closed.

    Half-closed connections stay: either side may end its direction and still receive. A reset, and a refusal by the
    upstream, travel through the stages as data does and arrive as a reset.
    """

    def __init__(
        self, upstream: tuple[str, int], begin: Callable[[Connection], None], over: Callable[[Connection], None]
    ) -> None:
        self.client = End(self._client_connected, self._lost)
        self.server = End(lambda: None, self._lost)
        self.upstream = Stream(self.client, self.server.write)
        self.downstream = Stream(self.server, self.client.write)
        self.client.reads_into(self.upstream, writes_from=self.downstream)
        self.server.reads_into(self.downstream, writes_from=self.upstream)
        self._address = upstream
        self._begin = begin
        self._over = over
        self._connecting: asyncio.Task[None] | None = None

    def abort(self) -> None:
        """Reset both sockets now."""
        self.client.reset()
        self.server.reset()

    def close(self) -> None:
        """End both sockets once what was written to them is sent."""
        self.client.finish()
        self.server.finish()

    def _client_connected(self) -> None:
        self._begin(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: self.server, host, port)
        except OSError:  # TimeoutError is one
            self.server.closed = True
            self.downstream.take(Ending.RESET)
            self._lost()
            return
        if self.client.ended:
            self.server.reset()

    def _lost(self) -> None:
        if self.client.closed and self.server.closed:
            self.upstream.discard()
            self.downstream.discard()
            self._over(self)


class End(asyncio.Protocol):
    """One of the two sockets."""

    def __init__(self, connected: Callable[[], None], lost: Callable[[], None]) -> None:
        self.closed = False
        self._connected = connected
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._read_all = False
        self._wrote_all = False
        self._early: list[Chunk] = []

    @property
    def ended(self) -> bool:
        """Closed, or about to be: by us or by its peer."""
        return self.closed or (self._transport is not None and self._transport.is_closing())

    def reads_into(self, outgoing: Stream, writes_from: Stream) -> None:
        self._outgoing = outgoing
        self._incoming = writes_from

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("sockname") == transport.get_extra_info("peername"):
            # TCP connects a socket to itself when nobody listens on the port and the kernel draws that very one.
            self._outgoing.take(Ending.RESET)
            self.reset()
            return
        self._connected()
        early, self._early = self._early, []
        for chunk in early:
            self.write(chunk)
        if early:
            self._incoming.writer_full(False)

    def data_received(self, data: bytes) -> None:
        self._outgoing.take(data)

    def eof_received(self) -> bool:
        self._read_all = True
        self._outgoing.take(Ending.EOF)
        self._close_if_done()
        return True  # keep the socket open: the answer is still to come

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if error is not None:  # without one we closed it ourselves
            self._outgoing.take(Ending.RESET)
        self._lost()

    def pause_writing(self) -> None:
        self._incoming.writer_full(True)

    def resume_writing(self) -> None:
        self._incoming.writer_full(False)

    def pause(self) -> None:
        if self._transport is not None and not self.closed and not self._read_all:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self.closed and not self._read_all:
            self._transport.resume_reading()

    def write(self, chunk: Chunk) -> None:
        """The last station of the incoming stream. What comes after the socket is closed is dropped."""
        transport = self._transport
        if self.closed:
            return
        if transport is None:  # not connected yet
            self._early.append(chunk)
            self._incoming.writer_full(True)
        elif transport.is_closing():
            return
        elif isinstance(chunk, bytes):
            transport.write(chunk)
        elif chunk is Ending.RESET:
            self.reset()
        elif not self._wrote_all:
            self._wrote_all = True
            transport.write_eof()
            self._close_if_done()

    def reset(self) -> None:
        """Close the socket so that its peer sees a reset."""
        transport = self._transport
        if transport is None or self.closed:
            return
        linked = cast(socket.socket | None, transport.get_extra_info("socket"))
        if linked is not None and not transport.is_closing():
            linked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()

    def finish(self) -> None:
        """Close the socket after what was written to it."""
        if self._transport is not None and not self.closed:
            self._transport.close()

    def _close_if_done(self) -> None:
        if self._read_all and self._wrote_all and self._transport is not None:
            self._transport.close()
