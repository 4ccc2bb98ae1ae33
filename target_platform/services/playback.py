"""The start of a stream in one call: what this device can show, where from, best first, and where its licence is.

Steering says which servers are best. Without it all are listed in the order of their distance (delivery/ways.py), dead
or alive: a player moves on from a dead one.
An account with a plan needs a seat for it (services/streams.py). When nobody can be asked for one the stream starts all
the same, uncounted: viewers come first, and a limit that locks out those who pay costs more than some streams too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

import msgspec
from msgspec import Struct, structs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.providers import shipped_providers
from target_platform.delivery.shown import Shown
from target_platform.delivery.territory import watch_prefix
from target_platform.delivery.ways import TIERS, Way, Ways, addresses, in_order
from target_platform.kit.answer import answer, passed_on, problem
from target_platform.kit.body import read_body
from target_platform.kit.claims import Claims
from target_platform.kit.client import Ask, Reply
from target_platform.kit.config import Endpoint
from target_platform.kit.service import Instance, Service
from target_platform.kit.tokens import Tokens
from target_platform.media.ladder import shipped_ladder
from target_platform.media.offer import Offer, Rendition, clip, of_published, offered
from target_platform.media.titles import is_outside, outside


class Stream(Struct, frozen=True, omit_defaults=True):
    """`playlist` is a path that every one of `edges` (base URLs, also of hubs) serves; `region` is who answered.

    `streams` are those of its qualities that the device can show. Of a title that the pipeline has published there is
    the same for DASH, with its length, the languages of its sound and subtitles, pictures, and the id of its key.
    `sealed` is a master playlist of the same that an edge encrypts, of a title that is not encrypted otherwise; its key
    is at the gateway. `licence` is a path at the gateway: without a licence
    from there the player may not show a picture. `seat` is to be shown there; an account without a plan has none.
    """

    title: str
    playlist: str
    streams: tuple[Rendition, ...]
    edges: tuple[str, ...]
    region: str
    licence: str
    seat: str
    dash: str = ""
    seconds: float = 0
    languages: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    thumbnails: str = ""
    artwork: dict[str, str] = {}
    key_id: str = ""
    sealed: str = ""


class Can(Struct, frozen=True):
    """What the device can show; see media/offer.py."""

    codecs: tuple[str, ...] = ()
    max_height: int = 0


class Starting(Struct, frozen=True):
    """`who` is nobody in particular when a start is asked for without a gateway.

    `provider` is REGION/NAME of the internet provider that the viewer comes by; who comes by none is a stranger.
    """

    who: Claims = Claims("")
    can: Can = Can()
    provider: str = ""


class Order(Struct, frozen=True):
    """Names of servers, best first."""

    edges: tuple[str, ...]


def routes(instance: Instance) -> Sequence[Route]:
    return [Route("/start/{title}", Playback(instance).start, methods=["POST"])]


class Playback:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._listed = instance.policies.steering.edges_listed
        self._ways = Ways(shipped_providers(), self._region, instance.config.settings)
        self._ladder = shipped_ladder()
        self._shown = Shown(instance)
        self._tokens = Tokens(instance.config.settings["session_key"])
        self._seat_seconds = instance.policies.licences.valid_seconds

    async def start(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        asked = await read_body(request, Starting) if await request.body() else Starting()
        name = request.path_params["title"]
        limits = self._shown.limits(name)
        if is_outside(asked.who.home, limits):
            return problem(451, outside(name, limits))
        offer = self._offer(name)
        if limits:
            offer = offer.behind(watch_prefix(self._tokens, name, asked.who.home))
        streams = offered(offer.streams, asked.can.codecs, asked.can.max_height)
        if not streams:
            codecs = ", ".join(dict.fromkeys(each.codec for each in offer.streams))
            only = ", ".join(asked.can.codecs)
            return problem(406, f"{title} is offered in {codecs}, and this device decodes only {only}")
        known = await self._instance.call("catalog", f"/titles/{title}", {"unchecked": _unchecked})
        if known.status != 200:
            return passed_on(known)
        edges, refusal = await asyncio.gather(self._best(title, asked.provider), self._take_seat(asked.who, name))
        if refusal is not None:
            return passed_on(refusal)
        stream = Stream(
            **structs.asdict(structs.replace(offer, streams=streams)),
            title=title,
            edges=edges,
            region=self._region,
            licence="/licence",
            seat=self._seat(asked.who, name),
        )
        return answer(stream)

    def _offer(self, title: str) -> Offer:
        published = self._shown.title(title)
        return of_published(published) if published else clip(self._ladder, quote(title, safe=""))

    async def _best(self, title: str, provider: str) -> tuple[str, ...]:
        """Base URLs of servers."""
        ways = self._ways.of(provider, {service: self._servers(service) for service in TIERS})
        static = in_order(title, ways)
        path = f"/edges/{title}?provider={quote(provider, safe='')}"
        reply = await self._instance.call("steering", path, {"static": partial(_all_of, static)})
        named = {way.server.instance: way for way in ways}
        # Steering may have heard of a server before this instance has, or know none yet.
        order = [named[name] for name in msgspec.json.decode(reply.body, type=Order).edges if name in named] or static
        return tuple(f"http://{address}" for address in addresses(order, self._listed))

    async def _take_seat(self, who: Claims, title: str) -> Reply | None:
        """The answer to pass on when there is no seat. At the account's home first, where its seats are counted."""
        if not who.plan:
            return None
        if not who.device:
            raise HTTPException(
                403, f"the plan {who.plan} counts devices, and this session names none: sign in with one"
            )
        ask = Ask(
            path=f"/seats/{quote(who.user, safe='')}",
            method="POST",
            body=msgspec.json.encode({"device": who.device, "title": title, "plan": who.plan}),
            region=who.home,
        )
        reply = await self._instance.call("streams", ask, {"uncounted": _uncounted})
        return reply if reply.status == 409 else None

    def _seat(self, who: Claims, title: str) -> str:
        """What shows the licence server that this start was allowed."""
        return self._tokens.issue(f"{who.device} {who.user} {title}", "seat", self._seat_seconds) if who.plan else ""

    def _servers(self, service: str) -> Sequence[Endpoint]:
        known = self._instance.registry.known(service)
        return known.listed or known.all


async def _all_of(ways: Sequence[Way]) -> Reply:
    return Reply(body=msgspec.json.encode(Order(tuple(way.server.instance for way in ways))))


async def _uncounted() -> Reply:
    """Counted by the kit as a fallback, if not as a seat."""
    return Reply()


async def _unchecked() -> Reply:
    """A title that cannot be looked up is started unchecked: the edges will know whether it exists."""
    return Reply()


SERVICE = Service(
    name="playback",
    calls=("catalog", "origin", "steering", "streams"),
    refers_to=TIERS,
    fallbacks=("static", "unchecked", "uncounted"),
    criticality="critical",
    routes=routes,
)
