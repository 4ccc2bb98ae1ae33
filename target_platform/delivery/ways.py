"""Which servers a provider's viewers are told, and in which order: the same wherever it is computed.

    region   the provider's own first; the other regions' hubs last, so that a list ends with somebody who is elsewhere
    failing  a way by which too much fails comes after all that are well
    reach    embedded in the provider's network, then over the exchange point where it peers, then over transit
    slow     a way that was measured to be much slower than its likes comes after them
    overrun  so does a server that has far more to do than the others
    distance and among equals a title has an order of its own, so that each cache keeps its share

Who comes by no provider that is known is a stranger: hubs serve it, and edges where there is nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from target_platform.delivery.providers import Provider, Providers
from target_platform.kit.config import Endpoint
from target_platform.kit.rendezvous import steered

TIERS = ("edge", "hub")
_ORDER = {"embedded": 0, "peering": 1, "transit": 2}
_STRANGERS = {"hub": 1, "edge": 2}


class Way(Struct, frozen=True, kw_only=True):
    """From a provider's viewers to one server. `reach` is a rank, the lowest is best; `address` is HOST:PORT."""

    provider: str
    server: Endpoint
    service: str
    reach: int
    km: float
    is_far: bool
    address: str


class Standing(Struct, frozen=True, kw_only=True):
    """What is known of a way now, beside where it leads. Nothing, until something is."""

    fails: bool = False
    is_slow: bool = False
    is_overrun: bool = False


Judge = Callable[[Way], Standing]


class Ways:
    """`settings` of the instance that asks hold the addresses that viewers are given (see `_address`)."""

    def __init__(self, providers: Providers, region: str, settings: Mapping[str, str]) -> None:
        self._providers = providers
        self._region = region
        self._settings = settings

    def of(self, provider: str, servers: Mapping[str, Sequence[Endpoint]]) -> list[Way]:
        """All ways of a provider's viewers to `servers` (by service), in no particular order."""
        known = self._providers.get(provider)
        ways = (self._way(known, service, each) for service in TIERS for each in servers.get(service, ()))
        return [each for each in ways if each is not None]

    def _way(self, provider: Provider | None, service: str, server: Endpoint) -> Way | None:
        if provider is None:
            rank, km, home, name = _STRANGERS[service], 0.0, self._region, ""
        else:
            reach = self._providers.reach(provider, service, server.region)
            if reach is None:
                return None
            rank, km = _ORDER[reach], self._providers.km(provider, service, server.region)
            home, name = provider.region, provider.name
        return Way(
            provider=name,
            server=server,
            service=service,
            reach=rank,
            km=km,
            is_far=server.region != home,
            address=self._address(name, service, server),
        )

    def _address(self, provider: str, service: str, server: Endpoint) -> str:
        """Of the provider's own way where there is one; of all the region's instances together where those have one."""
        of_way = self._settings.get(f"way.{provider}>{server.instance}", "")
        of_region = self._settings.get(f"{service}_address.{server.region}", "")
        return of_way or of_region or server.public_address or server.address


def well(way: Way) -> Standing:
    """The judge who knows nothing."""
    return Standing()


def in_order(title: str, ways: Sequence[Way], judge: Judge = well) -> list[Way]:
    """Best first."""
    turns = {each.instance: turn for turn, each in enumerate(steered(title, (way.server for way in ways), ""))}

    def rank(way: Way) -> tuple[bool, bool, int, bool, bool, float, int]:
        now = judge(way)
        return way.is_far, now.fails, way.reach, now.is_slow, now.is_overrun, way.km, turns[way.server.instance]

    return sorted(ways, key=rank)


def addresses(ways: Sequence[Way], most: int) -> tuple[str, ...]:
    """What a player is told of ways in order: `most` at most, and where it can be the last one is far."""
    near = list(dict.fromkeys(each.address for each in ways if not each.is_far))
    far = list(dict.fromkeys(each.address for each in ways if each.is_far))
    kept = near[: max(1, most - 1)] if far else near
    return tuple(dict.fromkeys((*kept, *far)))[:most]
