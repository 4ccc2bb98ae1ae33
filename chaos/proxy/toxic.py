"""A toxic of a proxy: its attributes, and what all types have in common."""

from __future__ import annotations

import ipaddress
from functools import partial
from random import Random

from msgspec import Struct

from chaos.proxy.presence import Presence
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxics import Runtime, Stage, Toxic


class NamedToxic(Struct, frozen=True, kw_only=True):
    """`stream` is "upstream", "downstream" or "both"; `toxicity` the share of connections it is on.

    `expires_at` is the epoch second at which it removes itself, None for never. `clients`: only connections from these
    networks (CIDR; none: from anywhere). `sni`: only TLS connections to one of these names (none: all connections).
    `since` is the epoch second of its creation, from which `schedule` counts.
    """

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Toxic
    expires_at: float | None = None
    clients: tuple[str, ...] = ()
    sni: tuple[str, ...] = ()
    schedule: Schedule | None = None
    since: float = 0.0

    def is_for(self, client: str, random: Random) -> bool:
        """Whether it is on a connection from this address. Draws anew with each call."""
        return self._concerns(client) and (self.toxicity >= 1 or random.random() < self.toxicity)

    def stages(self, runtime: Runtime) -> dict[str, Stage]:
        """Its stages for one connection, by stream."""
        if self.schedule is None and not self.sni:
            return self.attributes.stages(runtime, self.stream)
        presence = Presence(self.attributes, self.stream, runtime)
        begin = partial(presence.begin, self.schedule or Schedule(), self.since)
        if self.sni:
            presence.begin_when_named(self.sni, begin)
        else:
            begin()
        return dict(presence.slots)

    def _concerns(self, client: str) -> bool:
        if not self.clients:
            return True
        address = ipaddress.ip_address(client)
        address = getattr(address, "ipv4_mapped", None) or address  # an IPv4 client of a socket that takes both
        return any(address in ipaddress.ip_network(each) for each in self.clients)
