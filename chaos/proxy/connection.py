"""One client's connection through the proxy: two sockets and the two streams between them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from chaos.proxy.dial import Address, Dial, Names
from chaos.proxy.end import End
from chaos.proxy.stream import Stream
from chaos.proxy.toxics import Chunk, Ending, Runtime


class Connection:
    """`linked` is the accepted socket. `over` is called once both sockets are closed.

    Half-closed connections stay: either side may end its direction and still receive. A reset, and a refusal by the
    upstream, travel through the stages as data does and arrive as a reset.
    """

    __slots__ = (
        "_client", "_dial", "_over", "_server", "client_host", "client_port", "downstream", "since", "upstream",
    )  # fmt: skip

    def __init__(
        self, linked: socket.socket, peer: Address, runtime: Runtime, over: Callable[[Connection], None]
    ) -> None:
        self.client_host, self.client_port = peer[0], peer[1]
        self.since = time.time()
        """Epoch seconds."""
        self._over: Callable[[Connection], None] | None = over
        self._client = End(runtime.loop, self._closed)
        self._server = End(runtime.loop, self._closed)
        self.upstream = Stream(self._client, self._server, runtime)
        self.downstream = Stream(self._server, self._client, runtime)
        self._client.outgoing = self._server.incoming = self.upstream
        self._server.outgoing = self._client.incoming = self.downstream
        self._dial: Dial | None = Dial(runtime.loop, self._connected)
        self._client.open(linked)

    def begin(self, names: Names, address: Address) -> None:
        """Connect to the upstream; nothing is read before that is done."""
        if self._dial is not None:
            self._dial.begin(names, address)

    @property
    def client_address(self) -> str:
        host = f"[{self.client_host}]" if ":" in self.client_host else self.client_host
        return f"{host}:{self.client_port}"

    @property
    def streams(self) -> dict[str, Stream]:
        return {"upstream": self.upstream, "downstream": self.downstream}

    @property
    def toxic_names(self) -> list[str]:
        """Of the toxics that this connection has drawn."""
        names = [*self.upstream.names, *self.downstream.names]
        return list(dict.fromkeys(name for name in names if name))  # one that is on both once

    def abort(self) -> None:
        """Reset both sockets now."""
        self._client.reset()
        self._server.reset()

    def close(self) -> None:
        """End both sockets once what was written to them is sent."""
        self._client.finish()
        self._server.finish()

    def end(self) -> None:
        """End both sockets now; what waits is dropped."""
        self._client.end()
        self._server.end()

    def _connected(self, linked: socket.socket | None) -> None:
        self._dial = None
        if linked is None:
            self._server.is_closed = True
            self.downstream.take(Ending.RESET)
            self._closed()
        else:
            self._server.open(linked)
            self._client.resume()
            self._server.resume()

    def _closed(self) -> None:
        if self._client.is_closed and self._dial is not None:
            self._dial.cancel()
            self._dial = None
            self._server.is_closed = True
        if self._client.is_closed and self._server.is_closed:
            self.upstream.discard()
            self.downstream.discard()
            over, self._over = self._over, None
            if over is not None:
                over(self)


class Carrier(Protocol):
    """What a line leads into: a connection, or what is like one."""

    @property
    def streams(self) -> Mapping[str, Taker]: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class Taker(Protocol):
    @property
    def take(self) -> Callable[[Chunk], None]: ...


class Line:
    """A connection as the stages on one of its streams see it."""

    __slots__ = ("_back", "abort", "close")

    def __init__(self, carrier: Carrier, stream: str) -> None:
        self.abort = carrier.abort
        self.close = carrier.close
        self._back = carrier.streams["downstream" if stream == "upstream" else "upstream"]

    def answer(self, chunk: Chunk) -> None:
        self._back.take(chunk)
