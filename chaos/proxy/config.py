"""What the proxy carries: read once, at its start."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.model.errors import BadInput


class ProxyConfig(Struct, frozen=True, kw_only=True):
    """One proxied link: clients connect to `listen`, the proxy to `upstream` (both "host:port").

    `base_delay_ms` is added in each direction for ever: the distance between two regions, not a fault.
    """

    name: str
    listen: str
    upstream: str
    base_delay_ms: float = 0.0


class Config(Struct, frozen=True):
    proxies: tuple[ProxyConfig, ...] = ()


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises BadInput naming the file and what is wrong."""
    try:
        config = msgspec.json.decode(path.read_bytes(), type=Config)
    except OSError as error:
        raise BadInput(f"cannot read the configuration {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is not a proxy configuration: {error}") from error
    seen: set[str] = set()
    for proxy in config.proxies:
        if proxy.name in seen:
            raise BadInput(f"{path}: two proxies are called {proxy.name!r}")
        seen.add(proxy.name)
        split_address(proxy.listen)
        split_address(proxy.upstream)
    return config


def split_address(address: str) -> tuple[str, int]:
    """ "127.0.0.1:80" or "[::1]:80" as (host, port). Raises BadInput."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535 or not host:
        raise BadInput(f"{address!r} is not an address", 'write it as "host:port", e.g. "127.0.0.1:8080"')
    return host.removeprefix("[").removesuffix("]"), int(port)
