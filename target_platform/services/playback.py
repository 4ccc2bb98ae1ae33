"""The start of a stream: where its playlist is, and which edges to take it from, best first.

It does not leave out edges that may be dead. It could only guess; the player sees at once, and moves to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import quote

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer, passed_on
from target_platform.kit.client import Reply
from target_platform.kit.config import Endpoint
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


def routes(instance: Instance) -> Sequence[Route]:
    return [Route("/start/{title}", Playback(instance).start, methods=["POST"])]


class Playback:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._edges = instance.config.endpoints.get("edge", ())
        self._listed = instance.policies.steering.edges_listed

    async def start(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        known = await self._instance.call("catalog", f"/titles/{title}", {"unchecked": _unchecked})
        if known.status != 200:
            return passed_on(known)
        edges = steered(title, self._edges, self._region)[: self._listed]
        addresses = tuple(f"http://{each.public_address or each.address}" for each in edges)
        return answer(Stream(title, f"/media/{title}/master.m3u8", addresses, self._region))


async def _unchecked() -> Reply:
    """A title that cannot be looked up is started unchecked: the edges will know whether it exists."""
    return Reply()


def steered(title: str, edges: Sequence[Endpoint], region: str) -> list[Endpoint]:
    """Edges of the own region first; among them the same order for the same title, so that each caches its share.

    Rendezvous hashing (Thaler and Ravishankar, 1998): when an edge is gone, only its titles move.
    """

    def rank(edge: Endpoint) -> tuple[bool, bytes]:
        return edge.region != region, blake2b(f"{title}\0{edge.instance}".encode(), digest_size=8).digest()

    return sorted(edges, key=rank)


SERVICE = Service(
    name="playback",
    calls=("catalog",),
    refers_to=("edge",),
    fallbacks=("unchecked",),
    criticality="critical",
    routes=routes,
)
