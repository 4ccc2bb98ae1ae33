"""The start of a stream: where its playlist is, and which edges to take it from, best first.

Steering says which edges answer. Without it all are listed in an order of their own: a player moves on from a dead one.
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

from target_platform.kit.answer import answer, passed_on
from target_platform.kit.client import Reply
from target_platform.kit.config import Endpoint
from target_platform.kit.rendezvous import steered
from target_platform.kit.service import Instance, Service


class Stream(Struct, frozen=True):
    """`playlist` is a path that every one of `edges` (base URLs) serves; `region` is who answered.

    `licence` is a path at the gateway: without a licence from there the player may not show a picture.
    """

    title: str
    playlist: str
    edges: tuple[str, ...]
    region: str
    licence: str = "/licence"


class Order(Struct, frozen=True):
    """Names of edges, best first."""

    edges: tuple[str, ...]


def routes(instance: Instance) -> Sequence[Route]:
    return [Route("/start/{title}", Playback(instance).start, methods=["POST"])]


class Playback:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._listed = instance.policies.steering.edges_listed

    async def start(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        known = await self._instance.call("catalog", f"/titles/{title}", {"unchecked": _unchecked})
        if known.status != 200:
            return passed_on(known)
        reply = await self._instance.call("steering", f"/edges/{title}", {"static": partial(self._static, title)})
        edges = {each.instance: each for each in self._edges}
        # Steering may have heard of an edge before this instance has, or know none yet.
        order = [edges[name] for name in msgspec.json.decode(reply.body, type=Order).edges if name in edges]
        order = (order or steered(title, self._edges, self._region))[: self._listed]
        addresses = dict.fromkeys(f"http://{self._address(each)}" for each in order)
        return answer(Stream(title, f"/media/{title}/master.m3u8", tuple(addresses), self._region))

    @property
    def _edges(self) -> Sequence[Endpoint]:
        known = self._instance.registry.known("edge")
        return known.listed or known.all

    def _address(self, edge: Endpoint) -> str:
        """What a player is told: the region's own address for players where there is one, before all edges of it."""
        of_region = self._instance.config.settings.get(f"edge_address.{edge.region}", "")
        return of_region or edge.public_address or edge.address

    async def _static(self, title: str) -> Reply:
        """All edges, dead or alive."""
        order = Order(tuple(each.instance for each in steered(title, self._edges, self._region)))
        return Reply(body=msgspec.json.encode(order))


async def _unchecked() -> Reply:
    """A title that cannot be looked up is started unchecked: the edges will know whether it exists."""
    return Reply()


SERVICE = Service(
    name="playback",
    calls=("catalog", "steering"),
    refers_to=("edge",),
    fallbacks=("static", "unchecked"),
    criticality="critical",
    routes=routes,
)
