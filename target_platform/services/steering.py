"""Which edges a title is best taken from: those that answer, the own region's first, and not one that is overrun.

It asks every edge how it is, again and again, and one that is silent at once anew. An edge that fails twice in a row
leaves the list and comes back with its first answer. When no edge answers at all, it is more likely that steering sees
nothing than that all are gone, so then all are listed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
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

LOOK_EVERY_SECONDS = 1.2
SURE_AFTER_SECONDS = 0.1
KNOCK_SECONDS = 0.5
GONE_AFTER = 2
BUSY_TIMES, BUSY_MORE = 2.0, 16
"""An edge is overrun with more than twice the mean of requests under way, and 16: below that nobody is."""


log = logging.getLogger("steering")


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
    instance.every(LOOK_EVERY_SECONDS, steering.look)
    return [Route("/edges/{title}", steering.order)]


class Steering:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._watched = instance.policies.steering.edges_watched
        self._accepting_is_enough = instance.policies.steering.edge_is_well == "when-it-accepts"
        self._seen: dict[str, Seen] = {}

    async def look(self) -> None:
        """Ask every edge that is known by now how it is."""
        self._seen = {edge.instance: self._seen_of(edge) for edge in self._edges}
        if self._accepting_is_enough:
            await asyncio.gather(*(self._knock(edge) for edge in self._edges))
            return
        await asyncio.gather(*(self._look_at(name, seen) for name, seen in self._seen.items()))

    @property
    def _edges(self) -> Sequence[Endpoint]:
        """Also those that discovery does not list any more: whether they are gone is seen here."""
        return self._instance.registry.known("edge").all

    def _seen_of(self, edge: Endpoint) -> Seen:
        return self._seen.get(edge.instance) or Seen()

    async def _look_at(self, name: str, seen: Seen) -> None:
        """Once; and at its first silence soon again, so that looking rarely costs no time in which players go there."""
        if not await self._answers(name, seen) and not seen.is_gone:
            await asyncio.sleep(SURE_AFTER_SECONDS)
            await self._answers(name, seen)

    async def _knock(self, edge: Endpoint) -> None:
        """Whether anything accepts a connection there, which says little about who serves it."""
        host, _, port = edge.address.rpartition(":")
        try:
            async with asyncio.timeout(KNOCK_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            self._seen_of(edge).misses = 0
        except (OSError, TimeoutError):
            self._seen_of(edge).misses += 1

    async def _answers(self, name: str, seen: Seen) -> bool:
        try:
            reply = await self._instance.call("edge", Ask(path="/load", only=name))
        except CallFailed as failure:
            seen.misses += 1
            log.info("%s", failure)
            return False
        seen.misses = 0
        seen.under_way = msgspec.json.decode(reply.body, type=Load).under_way
        return True

    async def order(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        alive = [edge for edge in self._edges if not self._is_gone(edge)] or list(self._edges)
        ordered = steered(title, alive, self._region)
        ordered.sort(key=lambda edge: (edge.region != self._region, self._is_overrun(edge, alive)))
        return answer(Order(tuple(edge.instance for edge in ordered)))

    def _is_gone(self, edge: Endpoint) -> bool:
        return self._watched and self._seen_of(edge).is_gone

    def _is_overrun(self, edge: Endpoint, alive: Sequence[Endpoint]) -> bool:
        mean = sum(self._seen_of(each).under_way for each in alive) / len(alive)
        return self._seen_of(edge).under_way > max(BUSY_MORE, BUSY_TIMES * mean)


SERVICE = Service(name="steering", calls=("edge",), criticality="degradable", routes=routes, replicas=1)
