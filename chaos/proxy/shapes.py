"""Proxies and connections as the API shows them."""

from __future__ import annotations

from chaos.proxy.proxy import Carried, Proxy
from chaos.proxy.toxic_request import toxic_shapes


def proxy_shape(proxy: Proxy) -> dict[str, object]:
    """`read_proxies` reads it again."""
    shape: dict[str, object] = {
        "name": proxy.name,
        "listen": proxy.listen_address,
        "upstream": proxy.upstream_address,
        "enabled": proxy.is_listening,
        "toxics": toxic_shapes(proxy.toxics.values()),
    }
    config = proxy.config
    ours = {"base_delay_ms": config.base_delay_ms, "routes": config.routes}
    if config.protocol != "tcp":
        ours |= {"protocol": config.protocol, "idle_timeout": config.idle_timeout}
    return shape | {name: value for name, value in ours.items() if value}


def connection_shapes(proxy: Proxy) -> list[dict[str, object]]:
    """The oldest first. Received is what the proxy has read, sent what it has written, each from and to both ends."""
    return [_connection(each) for each in sorted(proxy.connections, key=lambda each: each.since)]


def _connection(connection: Carried) -> dict[str, object]:
    up, down = connection.upstream, connection.downstream
    return {
        "client": connection.client_address,
        "since": connection.since,
        "upstream": {"received_bytes": up.received_bytes, "sent_bytes": up.sent_bytes},
        "downstream": {"received_bytes": down.received_bytes, "sent_bytes": down.sent_bytes},
        "toxics": connection.toxic_names,
    }
