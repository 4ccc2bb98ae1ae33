"""A link carried by the proxy between real sockets, for the tests of the proxy: they run in asyncio, it in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import uvloop
from msgspec.structs import replace

from chaos.proxy.config import ProxyConfig
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Runtime, Toxic
from chaos.proxy.toxics.latency import Latency

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
both_loops = pytest.mark.parametrize("loop", sorted(LOOPS))
"""For the API, which runs on whichever is installed."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(test: Coroutine[Any, Any, None], loop: str = "asyncio") -> None:
    """Run a test on one of the loops. It may take 50 seconds, on a busy machine; what never comes takes a minute."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(test, 50))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends, "it never came true"
        await asyncio.sleep(0.005)


async def soonest_ms(measure: Callable[[], Awaitable[float]], below_ms: float) -> float:
    """The least of as many as it takes to get below that: a busy machine makes one late, and what is slow all twenty.

    Those that are too early are for the caller to find: the least is the first that shows it.
    """
    least = await measure()
    for _ in range(19):
        if least < below_ms:
            break
        least = min(least, await measure())
    return least


class Carried:
    """`proxy` is open; `connect` goes through it."""

    def __init__(self, proxy: Proxy, loop: Loop) -> None:
        self.proxy = proxy
        self.loop = loop
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> Stream:
        host, port = self.proxy.listen_address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self._writers.append(writer)
        return reader, writer

    def slow(self, ms: int, jitter_ms: int = 0, name: str = "slow", seconds: float | None = None) -> None:
        """Put a latency toxic on what the upstream answers, for some seconds or until removed."""
        toxic = NamedToxic(
            name=name,
            type="latency",
            stream="downstream",
            toxicity=1.0,
            attributes=Latency(latency=ms, jitter=jitter_ms),
            expires_at=None if seconds is None else time.time() + seconds,
        )
        self.add(toxic)

    def add(self, toxic: NamedToxic) -> None:
        self.loop.ask(lambda: self.proxy.add(toxic))

    def update(self, name: str, attributes: Toxic | None = None, toxicity: float | None = None) -> None:
        before = self.proxy.toxics[name]
        toxic = replace(
            before,
            attributes=before.attributes if attributes is None else attributes,
            toxicity=before.toxicity if toxicity is None else toxicity,
        )
        self.loop.ask(lambda: self.proxy.update(toxic))

    def remove(self, name: str) -> None:
        assert self.loop.ask(lambda: self.proxy.remove(name))

    def has_read(self, sent: int = 0, answered: int = 0) -> Callable[[], bool]:
        """Whether so many bytes of the client and of the server have come as far as the proxy, or further."""
        return lambda: self.loop.ask(lambda: self.proxy.traffic[0] >= sent and self.proxy.traffic[2] >= answered)

    def is_unused(self) -> bool:
        return not self.proxy.connections

    async def close(self) -> None:
        """At once, also what nobody has taken yet: a transport that waits for that would outlive the test."""
        for writer in self._writers:
            writer.transport.abort()
        self.loop.ask(self.proxy.close)
        self.loop.stop()


@asynccontextmanager
async def carried(
    serve: Serve | None = echo,
    base_delay_ms: float = 0,
    upstream_port: int | None = None,
    routes: dict[str, str] | None = None,
) -> AsyncIterator[Carried]:
    """A link to a server that does `serve` with each connection and closes it; None: to a port nobody listens on.

    Or to a server that listens on `upstream_port`.
    """

    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert serve is not None
        if this := asyncio.current_task():
            serving[this] = writer
        try:
            await serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # what the test did to the connection, or its end
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = upstream_port or server.sockets[0].getsockname()[1]
    if serve is None:
        server.close()
    proxy = Proxy(
        ProxyConfig(
            name="link",
            listen="127.0.0.1:0",
            upstream=f"127.0.0.1:{port}",
            base_delay_ms=base_delay_ms,
            routes=routes or {},
        ),
        Runtime(carrying := Loop(), Random(1)),
    )
    carrying.start()
    carrying.ask(proxy.listen)
    link = Carried(proxy, carrying)
    try:
        yield link
    finally:
        await link.close()
        server.close()
        for task, writer in serving.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*serving)
        await asyncio.sleep(0)  # what was aborted is closed by the loop's next round
