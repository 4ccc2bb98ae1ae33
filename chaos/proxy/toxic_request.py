"""The bodies that create and change a toxic: read and checked; and a toxic as the API shows it."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Container, Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chaos.proxy.body import ApiError, convert, decode
from chaos.proxy.client_hello import is_pattern
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import STREAM_NAMES, Toxic, toxic_type


class ToxicRequest(Struct, frozen=True):
    """The body that creates a toxic. All may be left out but `type`; what stands after `attributes` is ours.

    `ttl`: after so many milliseconds it removes itself; or `expires_at`, an epoch second. `since`: where its schedule
    counts from, an epoch second, by default now.
    """

    name: str = ""
    type: str = ""
    stream: str | None = None
    toxicity: float = 1.0
    attributes: dict[str, Any] | None = None
    ttl: float | None = None
    expires_at: float | None = None
    clients: tuple[str, ...] = ()
    sni: tuple[str, ...] = ()
    schedule: Schedule | None = None
    since: float | None = None


class ToxicUpdate(Struct, frozen=True):
    """What can be changed; the rest of a body is ignored, as by Toxiproxy. Attributes left out keep their values."""

    toxicity: float | UnsetType = UNSET
    attributes: dict[str, Any] | None = None
    ttl: float | None = None
    expires_at: float | UnsetType | None = UNSET


def read_toxic(body: bytes, taken: Container[str], protocol: str = "tcp") -> NamedToxic:
    """The toxic that a body asks for, on a proxy of this protocol. Names in `taken` exist. Raises ApiError."""
    return make_toxic(decode(body), taken, protocol)


def make_toxic(value: object, taken: Container[str], protocol: str = "tcp") -> NamedToxic:
    """From decoded JSON. Checked in Toxiproxy's order: stream, default name, type, duplicate, attributes; then ours."""
    asked = convert(value, ToxicRequest)
    if asked.stream is not None and asked.stream.lower() not in STREAM_NAMES:
        raise ApiError(400, "stream was invalid, can be either upstream or downstream")
    attributes_type = toxic_type(asked.type)
    if attributes_type is None:
        raise ApiError(400, "invalid toxic type")
    stream = attributes_type.STREAMS[0] if asked.stream is None else asked.stream.lower()
    name = asked.name or f"{asked.type}_{stream}"
    if name in taken:
        raise ApiError(409, "toxic already exists")
    attributes = convert(asked.attributes or {}, attributes_type)
    _check(asked, attributes, stream, protocol)
    return NamedToxic(
        name=name,
        type=asked.type,
        stream=stream,
        toxicity=_share(asked.toxicity),
        attributes=attributes,
        expires_at=_end(asked.ttl, asked.expires_at),
        clients=asked.clients,
        sni=asked.sni,
        schedule=asked.schedule,
        since=time.time() if asked.since is None else asked.since,
    )


def read_update(body: bytes, toxic: NamedToxic) -> NamedToxic:
    """The toxic as it is to be after an update. Raises ApiError; the toxic is as it was then."""
    asked = convert(decode(body), ToxicUpdate)
    changed = {str(name).lower(): value for name, value in (asked.attributes or {}).items()}
    attributes = convert({**msgspec.structs.asdict(toxic.attributes), **changed}, type(toxic.attributes))
    expires_at = toxic.expires_at if asked.expires_at is UNSET else asked.expires_at
    if asked.ttl is not None or asked.expires_at is not UNSET:
        expires_at = _end(asked.ttl, expires_at if asked.ttl is None else None)
    return msgspec.structs.replace(
        toxic,
        attributes=attributes,
        toxicity=toxic.toxicity if asked.toxicity is UNSET else _share(asked.toxicity),
        expires_at=expires_at,
    )


def toxic_shape(toxic: NamedToxic) -> dict[str, object]:
    """As Toxiproxy shows one; what is ours is there only if it was asked for. `make_toxic` reads it again."""
    shape: dict[str, object] = {
        "attributes": toxic.attributes.shown(),
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
    }
    ours: dict[str, object] = {"expires_at": toxic.expires_at, "clients": toxic.clients, "sni": toxic.sni}
    if toxic.schedule is not None:
        ours |= {"schedule": toxic.schedule, "since": toxic.since}
    return shape | {name: value for name, value in ours.items() if value}


def toxic_shapes(toxics: Iterable[NamedToxic]) -> list[dict[str, object]]:
    """Upstream ones first, as Toxiproxy lists them; those on both streams last; each in the order of insertion."""
    order = ("upstream", "downstream", "both")
    return [toxic_shape(toxic) for toxic in sorted(toxics, key=lambda toxic: order.index(toxic.stream))]


def _check(asked: ToxicRequest, attributes: Toxic, stream: str, protocol: str) -> None:
    """What can be wrong with what is ours."""
    if protocol not in attributes.PROTOCOLS:
        raise _bad(f"{asked.type} is for {' and '.join(attributes.PROTOCOLS)} proxies, and this one carries {protocol}")
    if stream not in attributes.STREAMS:
        raise _bad(f"the stream of {asked.type} can only be {' or '.join(attributes.STREAMS)}")
    if asked.sni and protocol != "tcp":
        raise _bad("sni is for TLS over tcp")
    if asked.schedule is not None and asked.schedule.ramp and not attributes.MAGNITUDES:
        raise _bad(f"{asked.type} has nothing that a ramp could let grow")
    for network in asked.clients:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise _bad(f"clients: {error}; write networks as 10.0.0.0/8 or ::1") from error
    for name in asked.sni:
        if not is_pattern(name):
            raise _bad(f"sni: {name!r} is neither a server's name nor *. and a domain")


def _share(toxicity: float) -> float:
    if not 0 <= toxicity <= 1:
        raise _bad(f"toxicity {toxicity:g} is no share of the connections: it goes from 0 (none) to 1 (all)")
    return toxicity


def _end(ttl_ms: float | None, expires_at: float | None) -> float | None:
    """The epoch second at which the toxic ends."""
    if ttl_ms is not None and expires_at is not None:
        raise _bad("ttl and expires_at say the same thing: give one of them")
    if ttl_ms is not None and ttl_ms <= 0:
        raise _bad("ttl is how many milliseconds the toxic lives, more than 0")
    if expires_at is not None and expires_at <= time.time():
        raise _bad("expires_at has passed")
    return time.time() + ttl_ms / 1000 if ttl_ms is not None else expires_at


def _bad(reason: str) -> ApiError:
    return ApiError(400, f"bad request body: {reason}")
