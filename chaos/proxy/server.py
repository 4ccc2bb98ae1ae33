"""The proxies that are carried, their connections, and the toxics on them."""

from __future__ import annotations

import asyncio
import errno
import time

from chaos.model.errors import BadInput
from chaos.proxy.config import ProxyConfig, split_address
from chaos.proxy.connection import Connection
from chaos.proxy.stream import Stream
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Chunk, Runtime
from chaos.proxy.toxics.latency import Delay

_BASE_DELAY = ""  # the name of the stage that no toxic can have
_LOOK_AGAIN_SECONDS = 1.0
BACKLOG = 1024


class Server:
    """All proxies of this process, by name."""

    def __init__(self, runtime: Runtime) -> None:
        self.proxies: dict[str, Proxy] = {}
        self._runtime = runtime

    async def add(self, config: ProxyConfig) -> None:
        """Begin to carry a link. Raises BadInput when its address cannot be listened on."""
        proxy = Proxy(config, self._runtime)
        await proxy.listen()
        self.proxies[config.name] = proxy

    def close(self) -> None:
        for proxy in self.proxies.values():
            proxy.close()


class Proxy:
    """One link: listens, and carries each connection to the upstream."""

    def __init__(self, config: ProxyConfig, runtime: Runtime) -> None:
        self.name = config.name
        self.listen_address = config.listen
        self.upstream_address = config.upstream
        self.toxics: dict[str, NamedToxic] = {}
        self._base_delay_ms = config.base_delay_ms
        self._runtime = runtime
        self._connections: set[Connection] = set()
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._listener: asyncio.Server | None = None

    async def listen(self) -> None:
        """Raises BadInput when that is impossible. Port 0 takes a free one; `listen_address` tells which."""
        host, port = split_address(self.listen_address)
        upstream = split_address(self.upstream_address)

        def accept() -> asyncio.Protocol:
            return Connection(upstream, self._begin, self._connections.discard).client

        try:
            self._listener = await self._runtime.loop.create_server(accept, host, port, backlog=BACKLOG)
        except OSError as error:
            raise cannot_listen(f"link {self.name}", self.listen_address, error) from error
        self.listen_address = f"{host}:{self._listener.sockets[0].getsockname()[1]}"

    def add(self, toxic: NamedToxic) -> None:
        """Put a toxic on all connections, those that exist too. Its name must be free."""
        self.toxics[toxic.name] = toxic
        for connection in self._connections:
            self._apply(toxic, connection)
        if toxic.expires_at is not None:
            self._await_expiry(toxic.name, toxic.expires_at)

    def remove(self, name: str) -> bool:
        """Take a toxic off all connections; what it held back is delivered at once. False when there is none."""
        toxic = self.toxics.pop(name, None)
        if toxic is None:
            return False
        timer = self._expiries.pop(name, None)
        if timer is not None:
            timer.cancel()
        for connection in list(self._connections):
            _stream(toxic, connection).remove(name)
        return True

    def close(self) -> None:
        """Stop listening and reset every connection."""
        if self._listener is not None:
            self._listener.close()
        for timer in self._expiries.values():
            timer.cancel()
        for connection in list(self._connections):
            connection.abort()

    def _begin(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._base_delay_ms:
            for stream in (connection.upstream, connection.downstream):
                stream.add(_BASE_DELAY, Delay(self._runtime, self._base_delay_ms))
        for toxic in self.toxics.values():
            self._apply(toxic, connection)

    def _apply(self, toxic: NamedToxic, connection: Connection) -> None:
        if toxic.toxicity >= 1 or self._runtime.random.random() < toxic.toxicity:
            stage = toxic.attributes.start(self._runtime)
            stage.line = _Line(connection, toxic.stream)
            _stream(toxic, connection).add(toxic.name, stage)

    def _await_expiry(self, name: str, expires_at: float) -> None:
        remaining = expires_at - time.time()
        if remaining <= 0:
            self.remove(name)
            return
        # In small steps: the timer's clock stands still while a laptop sleeps, and the clock on the wall may be set.
        wait = min(remaining, _LOOK_AGAIN_SECONDS)
        self._expiries[name] = self._runtime.later(wait, lambda: self._await_expiry(name, expires_at))


class _Line:
    """A connection as the stages on one of its streams see it."""

    def __init__(self, connection: Connection, stream: str) -> None:
        self.abort = connection.abort
        self.close = connection.close
        self._back = connection.downstream if stream == "upstream" else connection.upstream

    def answer(self, chunk: Chunk) -> None:
        self._back.take(chunk)


def cannot_listen(who: str, address: str, error: OSError) -> BadInput:
    """The sentence for an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return BadInput(f"{who} cannot listen on {address}: the port is in use")
    return BadInput(f"{who} cannot listen on {address}: {error.strerror or error}")


def _stream(toxic: NamedToxic, connection: Connection) -> Stream:
    return connection.upstream if toxic.stream == "upstream" else connection.downstream
