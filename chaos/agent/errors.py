"""Errors in the destination's place: the fault proxy, inside the pod, on ports that new connections are handed to."""

from __future__ import annotations

import asyncio
from random import Random

from chaos.model.links import Errors
from chaos.proxy.config import ProxyConfig
from chaos.proxy.server import Proxy
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Runtime
from chaos.proxy.toxics.http_status import HttpStatus


class ErrorProxies:
    """One proxy for each port of the destination; `ports` maps those to where they listen."""

    def __init__(self) -> None:
        self.ports: dict[int, int] = {}
        self._proxies: list[Proxy] = []

    async def open(self, ports: tuple[int, ...], change: Errors) -> None:
        """Raises BadInput when no port is free."""
        runtime = Runtime(asyncio.get_running_loop(), Random())
        toxic = HttpStatus(status=change.status, share=change.share, path=change.path)
        for port in ports:
            # What we open ourselves comes from inside the pod, so no rule hands it back to us.
            proxy = Proxy(ProxyConfig(name=str(port), listen="0.0.0.0:0", upstream=f"127.0.0.1:{port}"), runtime)
            await proxy.listen()
            proxy.add(NamedToxic(name="errors", type="http_status", stream="upstream", toxicity=1, attributes=toxic))
            self._proxies.append(proxy)
            self.ports[port] = int(proxy.listen_address.rpartition(":")[2])

    def close(self) -> None:
        """Reset all connections: their callers open new ones, which go straight to the destination."""
        for proxy in self._proxies:
            proxy.close()
