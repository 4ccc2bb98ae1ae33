"""The bodies that create and change proxies: read and checked, in Toxiproxy's order."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from chaos.proxy.address import BadAddress, check_upstream
from chaos.proxy.body import ApiError, convert, decode
from chaos.proxy.client_hello import is_pattern
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxic_request import make_toxic

PROTOCOLS = ("tcp", "udp")
LOOPBACK = "127.0.0.1:0"


class ProxyRequest(Struct, frozen=True):
    """All may be left out but `name` and `upstream`; what is not Toxiproxy's stands after `enabled`.

    `toxics` are all that the proxy is to have; None: those it has. The others are those of a ProxyConfig.
    """

    name: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool = True
    toxics: tuple[dict[str, Any], ...] | None = None
    base_delay_ms: float = 0.0
    protocol: str = "tcp"
    idle_timeout: int = 60_000
    routes: dict[str, str] = {}


class ProxyUpdate(Struct, frozen=True):
    """None is what stays as it is."""

    listen: str | None = None
    upstream: str | None = None
    enabled: bool | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """What a proxy is to be; `toxics` as in ProxyRequest."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    base_delay_ms: float = 0.0
    protocol: str = "tcp"
    idle_timeout: int = 60_000
    routes: dict[str, str] = {}
    toxics: tuple[NamedToxic, ...] | None = None


def read_proxy(body: bytes) -> Wanted:
    return _wanted(convert(decode(body), ProxyRequest), "")


def read_proxy_update(body: bytes) -> ProxyUpdate:
    asked = convert(decode(body), ProxyUpdate)
    if asked.upstream is not None:
        _check_upstream(asked.upstream, "")
    return asked


def read_proxies(value: object) -> list[Wanted]:
    """Of decoded JSON: Toxiproxy's array. Raises ApiError naming the proxy that is wrong."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(400, f"bad request body: Expected `array`, got `{type(value).__name__}`")
    asked = [convert(each, ProxyRequest) for each in value]
    wanted = [_wanted(each, f" at proxy {number}") for number, each in enumerate(asked, 1)]
    seen: dict[str, int] = {}
    for number, each in enumerate(wanted, 1):
        if each.name in seen:
            raise ApiError(
                400, f"bad request body: {each.name} is the name of proxy {seen[each.name]} and of proxy {number}"
            )
        seen[each.name] = number
    return wanted


def _wanted(asked: ProxyRequest, where: str) -> Wanted:
    if not asked.name:
        raise ApiError(400, f"missing required field: name{where}")
    _check_upstream(asked.upstream, where)
    if asked.base_delay_ms < 0:
        raise ApiError(400, f"bad request body: base_delay_ms is negative{where}")
    _check_way(asked, where)
    return Wanted(
        name=asked.name,
        listen=asked.listen or LOOPBACK,
        upstream=asked.upstream,
        enabled=asked.enabled,
        base_delay_ms=asked.base_delay_ms,
        protocol=asked.protocol,
        idle_timeout=asked.idle_timeout,
        routes=asked.routes,
        toxics=None if asked.toxics is None else _toxics(asked.toxics, asked.protocol, where),
    )


def _check_way(asked: ProxyRequest, where: str) -> None:
    """What is wrong with how it is to carry."""
    if asked.protocol not in PROTOCOLS:
        raise ApiError(400, f"bad request body: protocol can be tcp or udp, not {asked.protocol!r}{where}")
    if asked.idle_timeout <= 0:
        raise ApiError(400, f"bad request body: idle_timeout is milliseconds, more than 0{where}")
    if asked.routes and asked.protocol != "tcp":
        raise ApiError(400, f"bad request body: routes are for tcp: the name of a TLS server chooses one{where}")
    for pattern, upstream in asked.routes.items():
        if not is_pattern(pattern):
            raise ApiError(400, f"bad request body: routes: {pattern!r} is neither a server's name nor *. and a domain")
        _check_upstream(upstream, f" of route {pattern}{where}")


def _check_upstream(upstream: str, where: str) -> None:
    if not upstream:
        raise ApiError(400, f"missing required field: upstream{where}")
    try:
        check_upstream(upstream)
    except BadAddress as error:
        raise ApiError(400, f"bad request body: upstream: {error}{where}") from error


def _toxics(asked: tuple[dict[str, Any], ...], protocol: str, where: str) -> tuple[NamedToxic, ...]:
    made: dict[str, NamedToxic] = {}
    for number, each in enumerate(asked, 1):
        try:
            toxic = make_toxic(each, made, protocol)
        except ApiError as error:
            of = where.replace(" at ", " of ") or " of the proxy"
            raise ApiError(error.status, f"{error.text} at toxic {number}{of}") from error
        made[toxic.name] = toxic
    return tuple(made.values())
