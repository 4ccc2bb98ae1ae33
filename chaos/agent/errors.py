"""Errors in the destination's place: the fault proxy, inside the pod, on ports that new connections are handed to."""

from __future__ import annotations

from random import Random

from chaos.model.links import Errors
from chaos.proxy.config import ProxyConfig
from chaos.proxy.loop import Loop
from chaos.proxy.server import Server
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Runtime
from chaos.proxy.toxics.http_status import HttpStatus


class ErrorProxies:
    """One proxy for each port of the destination, in a thread; `ports` maps those to where they listen."""

    def __init__(self) -> None:
        self.ports: dict[int, int] = {}
        self._loop: Loop | None = None
        self._server: Server | None = None

    def open(self, ports: tuple[int, ...], change: Errors) -> None:
        """Raises BadInput when no port is free."""
        self._loop = Loop()
        self._server = server = Server(Runtime(self._loop, Random()))
        self._loop.start()
        self._loop.ask(lambda: self._open(server, ports, change))

    def close(self) -> None:
        """Reset all connections: their callers open new ones, which go straight to the destination."""
        loop, server = self._loop, self._server
        self._loop = self._server = None
        if loop is not None and server is not None:
            loop.ask(lambda: server.close(reset=True))
            loop.stop()

    def _open(self, server: Server, ports: tuple[int, ...], change: Errors) -> None:
        toxic = HttpStatus(status=change.status, share=change.share, path=change.path)
        for port in ports:
            # What we open ourselves comes from inside the pod, so no rule hands it back to us.
            proxy = server.add(ProxyConfig(name=str(port), listen="0.0.0.0:0", upstream=f"127.0.0.1:{port}"))
            proxy.add(NamedToxic(name="errors", type="http_status", stream="upstream", toxicity=1, attributes=toxic))
            self.ports[port] = int(proxy.listen_address.rpartition(":")[2])
