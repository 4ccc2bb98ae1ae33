"""Internet providers and exchange points, as data (providers.yaml): whose viewers reach which servers, and how far.

Edges stand inside the network of one provider of their region, as an appliance does that a provider is lent, and serve
its viewers only. Hubs stand at the region's exchange point and serve everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import asin, cos, isclose, radians, sin, sqrt
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

EARTH_RADIUS_KM = 6371.0
KM_A_MS = 180.0
"""Light in glass makes 200 km in a millisecond, and no cable is straight. From Ashburn to Dublin it takes 30 ms."""

Reach = Literal["embedded", "peering", "transit"]


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Degrees; north and east are positive."""

    latitude: float
    longitude: float

    def km_to(self, other: Place) -> float:
        """Along the great circle (haversine formula)."""
        north, other_north = radians(self.latitude), radians(other.latitude)
        half_east = radians(other.longitude - self.longitude) / 2
        chord = sin((other_north - north) / 2) ** 2 + cos(north) * cos(other_north) * sin(half_east) ** 2
        return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


class Network(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider in one region: where its viewers are, which share of the region's they are, how it is connected."""

    latitude: float
    longitude: float
    share: float
    reaches: Reach

    @property
    def place(self) -> Place:
        return Place(latitude=self.latitude, longitude=self.longitude)


class Area(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One region of the platform as the internet sees it; `providers` by name."""

    exchange_point: Place
    providers: dict[str, Network]


class Provider(Struct, frozen=True, kw_only=True):
    """`name` is REGION/NAME, as everywhere."""

    name: str
    region: str
    network: Network

    @property
    def short(self) -> str:
        return self.name.rpartition("/")[2]


class Providers:
    """`areas` by region. Raises ValueError for shares that do not add up, and for edges in two networks of a region."""

    def __init__(self, areas: Mapping[str, Area]) -> None:
        for region, area in areas.items():
            _check(region, area)
        self._areas = areas
        self._by_name = {
            f"{region}/{name}": Provider(name=f"{region}/{name}", region=region, network=network)
            for region, area in areas.items()
            for name, network in area.providers.items()
        }

    def get(self, name: str) -> Provider | None:
        """None for a stranger."""
        return self._by_name.get(name)

    def of_region(self, region: str) -> tuple[Provider, ...]:
        """None where nothing is known of a region."""
        return tuple(each for each in self._by_name.values() if each.region == region)

    @property
    def full_names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def names(self) -> tuple[str, ...]:
        """The short ones."""
        return tuple(dict.fromkeys(each.short for each in self._by_name.values()))

    def reach(self, provider: Provider, service: str, region: str) -> Reach | None:
        """How its viewers come to that service's instances of a region; None when those do not serve them."""
        if service == "edge":
            return "embedded" if provider.network.reaches == "embedded" and provider.region == region else None
        if region == provider.region and provider.network.reaches != "transit":
            return "peering"
        return "transit"

    def km(self, provider: Provider, service: str, region: str) -> float:
        """From its viewers to that service's instances of a region; infinite where nothing is known of that."""
        area = self._areas.get(region)
        if area is None:
            return float("inf")
        host = next((each for each in area.providers.values() if each.reaches == "embedded"), None)
        site = host.place if service == "edge" and host is not None else area.exchange_point
        return provider.network.place.km_to(site)


@cache
def shipped_providers() -> Providers:
    text = Path(__file__).with_name("providers.yaml").read_bytes()
    return Providers(msgspec.yaml.decode(text, type=dict[str, Area]))


def _check(region: str, area: Area) -> None:
    networks = area.providers.values()
    if not isclose(sum(each.share for each in networks), 1, abs_tol=1e-6) or any(each.share < 0 for each in networks):
        raise ValueError(f"the shares of the providers of {region} are not from 0 to 1, or do not add up to 1")
    if sum(each.reaches == "embedded" for each in networks) > 1:
        raise ValueError(f"the edges of {region} stand in the networks of two providers")
    for place in (area.exchange_point, *(each.place for each in networks)):
        if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
            raise ValueError(f"{region} has a place that is not on Earth: {place.latitude}, {place.longitude}")
