"""Which edges a title is best taken from: those that answer, the own region's first, and not one that is overrun.

It asks every edge how it is, several times in two seconds. An edge that fails twice in a row leaves the list and comes
back with its first answer. When no edge answers at all, it is more likely that steering sees nothing than that all are
gone, so then all are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.rendezvous import steered
from target_platform.kit.service import Instance, Service

LOOK_EVERY_SECONDS = 0.7
GONE_AFTER = 2
BUSY_TIMES, BUSY_MORE = 2.0, 16
"""An edge is overrun with more than twice the mean of requests under way, and 16: below that nobody is."""


class Load(Struct, frozen=True):
    """What an edge says of itself."""

    under_way: int


class Order(Struct, frozen=True):
    """Names of instances, best first."""

    edges: tuple[str, ...]


class Seen:
    """The last that was seen of one edge; until it has failed it is taken for well."""

    def __init__(self) -> None:
        self.misses = 0
        self.under_way = 0

    @property
    def is_gone(self) -> bool:
        return self.misses >= GONE_AFTER


def routes(instance: Instance) -> Sequence[Route]:
    steering = Steering(instance)
    for edge in steering.edges:
        instance.every(LOOK_EVERY_SECONDS, partial(steering.look, edge))
    return [Route("/edges/{title}", steering.order)]


class Steering:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._watched = instance.policies.steering.edges_watched
        self.edges = instance.config.endpoints.get("edge", ())
        self._seen = {edge.instance: Seen() for edge in self.edges}

    async def look(self, edge: Endpoint) -> None:
        """Ask one edge how it is. Raises CallFailed when it does not say."""
        seen = self._seen[edge.instance]
        try:
            reply = await self._instance.call("edge", Ask(path="/load", only=edge.instance))
        except CallFailed:
            seen.misses += 1
            raise
        seen.misses = 0
        seen.under_way = msgspec.json.decode(reply.body, type=Load).under_way

    async def order(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        alive = [edge for edge in self.edges if not self._is_gone(edge)] or list(self.edges)
        ordered = steered(title, alive, self._region)
        ordered.sort(key=lambda edge: (edge.region != self._region, self._is_overrun(edge, alive)))
        return answer(Order(tuple(edge.instance for edge in ordered)))

    def _is_gone(self, edge: Endpoint) -> bool:
        return self._watched and self._seen[edge.instance].is_gone

    def _is_overrun(self, edge: Endpoint, alive: Sequence[Endpoint]) -> bool:
        mean = sum(self._seen[each.instance].under_way for each in alive) / len(alive)
        return self._seen[edge.instance].under_way > max(BUSY_MORE, BUSY_TIMES * mean)


SERVICE = Service(name="steering", calls=("edge",), criticality="degradable", routes=routes, replicas=1)
