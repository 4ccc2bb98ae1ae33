"""The platform as it is run on one machine: the one truth about who runs where and who calls whom.

Computed from what the services declare. Two regions, active-active; instances are called REGION/SERVICE-N; each calls
the others through links, one for every (region, service) that calls and every instance that is called:

    us-east-1/gateway>eu-west-1/catalog-1

and so do the viewers of each internet provider: their ways to the servers that they are told are links, public ones.

    us-east-1/fibre>us-east-1/edge-1

Ports from `base_port` on, 400 a region: 0-199 instances (ten a service), 200-398 links, 399 the proxy's API.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform import services
from target_platform.delivery.providers import KM_A_MS, shipped_providers
from target_platform.delivery.ways import TIERS
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.service import Service
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, LinkSpec, ProxySpec

NAME = "streaming"
REGIONS = ("us-east-1", "eu-west-1")
BASE_PORT = 21000
PORTS_A_REGION = 400
FIRST_LINK, PROXY_API = 200, 399
PORTS_A_SERVICE = 10

BETWEEN_REGIONS_MS = 30.0
"""One way; there and back it is 60 ms, about what lies between two neighbouring regions of one continent."""

SESSION_KEY = "a key for a platform that exists to be broken"
"""Signs sessions, the same in all regions. Known to everybody, which is well here: it guards nothing."""

LICENCE_SECRET = "a secret that all licence servers share"
"""What the keys of all titles are derived from, the same in all regions."""

DATA_LIMIT_BYTES = {"history": 64 * 2**20}
"""What may become full: the data of each instance of these services lies in a small file system, where one can be made.

64 MiB hold some 200 000 places; an hour of viewers at 10/s leaves 36 000.
"""


HAND_OUT_ADDRESSES = ("playback", "steering")
"""Who has to know where viewers reach servers."""


class Place(Struct, frozen=True, kw_only=True):
    """One instance, before it is told about the others."""

    name: str
    service: str
    region: str
    port: int
    reserve: bool = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def launch_spec(
    home: Path, base_port: int = BASE_PORT, weakened: Sequence[str] = (), reserve: Sequence[str] = (), store: str = ""
) -> LaunchSpec:
    """Everything the launcher has to run, with `home` as its folder. Writes nothing.

    `store` is where the pipeline publishes (delivery/shelf.py); HOME/store when it is empty, for all regions the same.
    A service named in `reserve` has one instance more in each region for each time that it is named; they rest.

    `proxy_command` is left to the caller, as is writing the effective policies to `policies_file` and the media to
    HOME/REGION/media. Raises LookupError for an unknown weakness or service.
    """
    unknown = sorted(set(reserve) - set(services.names()))
    if unknown:
        raise LookupError(f"there is no service {', '.join(unknown)}; there are {', '.join(services.names())}")
    if weakened:
        from target_platform.weaknesses import effective_policies

        effective_policies(weakened)
    home = home.absolute()
    declared = [services.load(name) for name in services.names()]
    places = list(_places(declared, base_port, Counter(reserve)))
    links = _links(declared, places, base_port)
    return LaunchSpec(
        name=NAME,
        regions=REGIONS,
        instances=tuple(_instance(place, places, links, home, store) for place in places),
        links=tuple(links),
        proxies=tuple(ProxySpec(region=region, api_port=_port(base_port, region, PROXY_API)) for region in REGIONS),
        policies_file=str(home / "policies.yaml"),
        weakened=tuple(weakened),
        discovery=True,
    )


def _places(declared: Sequence[Service], base_port: int, reserve: Mapping[str, int]) -> Iterator[Place]:
    assert len(declared) * PORTS_A_SERVICE <= FIRST_LINK, "there are more services than ports"
    for region in REGIONS:
        for slot, service in enumerate(declared):
            count = service.replicas + reserve.get(service.name, 0)
            assert count < PORTS_A_SERVICE, f"{service.name} has more replicas than ports"
            for number in range(1, count + 1):
                yield Place(
                    name=f"{region}/{service.name}-{number}",
                    service=service.name,
                    region=region,
                    port=_port(base_port, region, slot * PORTS_A_SERVICE + number),
                    reserve=number > service.replicas,
                )


def _links(declared: Sequence[Service], places: Sequence[Place], base_port: int) -> list[LinkSpec]:
    """Of each region first what its services call, then what its viewers do."""
    links: list[LinkSpec] = []
    for region in REGIONS:
        offsets = itertools.count(FIRST_LINK)
        for link in (*_calls(region, declared, places), *_ways(region, places)):
            offset = next(offsets)
            assert offset < PROXY_API, f"{region} has more links than ports"
            links.append(msgspec.structs.replace(link, listen_port=_port(base_port, region, offset)))
    return links


def _calls(region: str, declared: Sequence[Service], places: Sequence[Place]) -> Iterator[LinkSpec]:
    for caller in declared:
        for place in (each for callee in caller.calls for each in places if each.service == callee):
            distance_ms = 0.0 if place.region == region else BETWEEN_REGIONS_MS
            yield _link(region, caller.name, place, distance_ms)


def _ways(region: str, places: Sequence[Place]) -> Iterator[LinkSpec]:
    """From each provider of the region to all that serve its viewers."""
    providers = shipped_providers()
    for provider in providers.of_region(region):
        for place in (each for service in TIERS for each in places if each.service == service):
            if providers.reach(provider, place.service, place.region):
                distance_ms = providers.km(provider, place.service, place.region) / KM_A_MS
                # Below a millisecond there is nothing to hold back: a proxy and a busy machine take as long.
                shown_ms = round(distance_ms, 1) if distance_ms >= 1 else 0.0
                link = _link(region, provider.short, place, shown_ms)
                yield msgspec.structs.replace(link, public=True)


def _link(region: str, source: str, place: Place, base_delay_ms: float) -> LinkSpec:
    """Without its port."""
    return LinkSpec(
        name=f"{region}/{source}>{place.name}",
        source=source,
        source_region=region,
        destination=place.service,
        destination_region=place.region,
        destination_instance=place.name,
        listen_port=0,
        upstream_port=place.port,
        base_delay_ms=base_delay_ms,
    )


def _instance(place: Place, places: Sequence[Place], links: Sequence[LinkSpec], home: Path, store: str) -> InstanceSpec:
    service = services.load(place.service)
    config = InstanceConfig(
        name=place.name,
        service=place.service,
        region=place.region,
        port=place.port,
        regions=REGIONS,
        policies_file=str(home / "policies.yaml"),
        data_dir=str(home / place.region / place.name.rpartition("/")[2]),
        log_dir=str(home / "logs" / place.region),
        endpoints=_endpoints(service, place.region, places, links),
        discovery=f"file:{home / place.region / 'discovery.json'}",
        settings={
            "media_dir": str(home / place.region / "media"),
            "store": store or str(home / "store"),
            "accounts_file": str(home / place.region / "accounts.sqlite"),
            "session_key": SESSION_KEY,
            "licence_secret": LICENCE_SECRET,
            **(_addresses(links) if place.service in HAND_OUT_ADDRESSES else {}),
        },
    )
    return InstanceSpec(
        name=place.name,
        service=place.service,
        region=place.region,
        port=place.port,
        config=msgspec.to_builtins(config),
        labels={"criticality": service.criticality, "copy": place.name.rpartition("-")[2]},
        after=tuple(callee for callee in service.calls if callee != service.name),
        data_limit_bytes=DATA_LIMIT_BYTES.get(place.service, 0),
        reserve=place.reserve,
    )


def _addresses(links: Sequence[LinkSpec]) -> dict[str, str]:
    """Where each provider's viewers reach each server (delivery/ways.py)."""
    return {f"way.{each.name}": f"127.0.0.1:{each.listen_port}" for each in links if each.public}


def _endpoints(
    service: Service, region: str, places: Sequence[Place], links: Sequence[LinkSpec]
) -> dict[str, tuple[Endpoint, ...]]:
    """Called services through links; services that are only referred to at their own addresses."""
    listens = {(link.source_region, link.source, link.destination_instance): link.listen_port for link in links}

    def endpoint(place: Place) -> Endpoint:
        port = listens.get((region, service.name, place.name), place.port)
        return Endpoint(
            instance=place.name, region=place.region, address=f"127.0.0.1:{port}", public_address=place.address
        )

    return {
        other: tuple(endpoint(place) for place in places if place.service == other)
        for other in (*service.calls, *service.refers_to)
    }


def _port(base_port: int, region: str, offset: int) -> int:
    return base_port + REGIONS.index(region) * PORTS_A_REGION + offset
