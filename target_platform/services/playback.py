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
        self._edges = instance.config.endpoints.get("edge", ())
        self._listed = instance.policies.steering.edges_listed

    async def start(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        known = await self._instance.call("catalog", f"/titles/{title}", {"unchecked": _unchecked})
        if known.status != 200:
            return passed_on(known)
        reply = await self._instance.call("steering", f"/edges/{title}", {"static": partial(self._static, title)})
        names = msgspec.json.decode(reply.body, type=Order).edges[: self._listed]
        edges = {each.instance: each for each in self._edges}
        addresses = tuple(f"http://{edges[name].public_address or edges[name].address}" for name in names)
        return answer(Stream(title, f"/media/{title}/master.m3u8", addresses, self._region))

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
