"""What one proxied link is, and addresses in numbers."""

from __future__ import annotations

from msgspec import Struct

from chaos.model.errors import BadInput


class ProxyConfig(Struct, frozen=True, kw_only=True):
    """One proxied link: clients connect to `listen`, the proxy to `upstream` (both "host:port").

    `base_delay_ms` is added in each direction for ever: the distance between two regions, not a fault. `protocol` is
    "tcp" or "udp"; a UDP client that is silent for `idle_timeout` ms is forgotten. `routes` maps names of TLS servers
    (or *. and a domain) to upstreams of their own: `upstream` is for clients that name none of them.
    """

    name: str
    listen: str
    upstream: str
    base_delay_ms: float = 0.0
    protocol: str = "tcp"
    idle_timeout: int = 60_000
    routes: dict[str, str] = {}


def split_address(address: str) -> tuple[str, int]:
    """ "127.0.0.1:80" or "[::1]:80" as (host, port). Raises BadInput."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535 or not host:
        raise BadInput(f"{address!r} is not an address", 'write it as "host:port", e.g. "127.0.0.1:8080"')
    return host.removeprefix("[").removesuffix("]"), int(port)
