"""The proxies that are carried."""

from __future__ import annotations

from chaos.model.errors import BadInput
from chaos.proxy.config import ProxyConfig
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxics import Runtime


class Server:
    """All proxies of this process, by name. Belongs to the loop: from other threads `loop.ask`."""

    def __init__(self, runtime: Runtime) -> None:
        self.proxies: dict[str, Proxy] = {}
        self.runtime = runtime

    def add(self, config: ProxyConfig, listens: bool = True) -> Proxy:
        """Begin to carry a link. Raises BadInput when its name is taken or its address cannot be listened on."""
        if config.name in self.proxies:
            raise BadInput(f"there is a proxy {config.name!r} already")
        proxy = Proxy(config, self.runtime)
        if listens:
            proxy.listen()
        self.proxies[config.name] = proxy
        return proxy

    def remove(self, name: str, reset: bool = False) -> bool:
        """Carry it no longer; its connections end, if asked for by a reset. False when there is none."""
        proxy = self.proxies.pop(name, None)
        if proxy is None:
            return False
        proxy.close(reset)
        proxy.clear()
        return True

    def close(self, reset: bool = False) -> None:
        for name in list(self.proxies):
            self.remove(name, reset)
        self.runtime.pipes.close()
