"""Which servers a title is best taken from by a provider's viewers: delivery/ways.py says in which order, and why.

It asks every edge and hub how it is, again and again, and one that is silent at once anew. Who fails twice in a row
leaves the list and comes back with the first answer. When nobody answers at all, it is more likely that steering sees
nothing than that all are gone, so then all are listed.

A server may be well and the way to it bad. That only players see: what they report, gateways hand on once a second
(delivery/measured.py says what comes of it).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.measured import Measured, Report
from target_platform.delivery.providers import shipped_providers
from target_platform.delivery.ways import TIERS, Standing, Way, Ways, in_order
from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service

LOOK_EVERY_SECONDS = 1.2
SURE_AFTER_SECONDS = 0.1
KNOCK_SECONDS = 0.5
GONE_AFTER = 2
BUSY_TIMES, BUSY_MORE = 2.0, 16
"""A server is overrun with more than twice the mean of requests under way, and 16: below that nobody is."""

JUDGE_EVERY_SECONDS = 1.0
REPORTS_BYTES = 256 * 1024

log = logging.getLogger("steering")


class Load(Struct, frozen=True):
    """What a server says of itself."""

    under_way: int


class Order(Struct, frozen=True):
    """Names of instances, best first: of both tiers, although they are called edges."""

    edges: tuple[str, ...]


class Reports(Struct, frozen=True):
    """From one gateway, of a second or so."""

    reports: tuple[Report, ...]


class Seen:
    """The last that was seen of one server; until it has failed it is taken for well."""

    def __init__(self) -> None:
        self.misses = 0
        self.under_way = 0

    @property
    def is_gone(self) -> bool:
        return self.misses >= GONE_AFTER


def routes(instance: Instance) -> Sequence[Route]:
    steering = Steering(instance)
    instance.every(LOOK_EVERY_SECONDS, steering.look)
    if instance.policies.steering.ways == "measured":
        instance.every(JUDGE_EVERY_SECONDS, steering.judge)
    return [Route("/edges/{title}", steering.order), Route("/reports", steering.take_reports, methods=["POST"])]


class Steering:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._providers = shipped_providers()
        self._ways = Ways(self._providers, instance.config.region, instance.config.settings)
        self._watched = instance.policies.steering.edges_watched
        self._accepting_is_enough = instance.policies.steering.edge_is_well == "when-it-accepts"
        self._seen: dict[str, Seen] = {}
        self._measured = Measured(time.monotonic)
        self._behind = instance.metrics.gauges("ways_behind", "Ways that come after their likes", "reason")
        self._reported = instance.metrics.counter("way_reports", "Reports of players that were taken", "provider")

    async def look(self) -> None:
        """Ask every server that is known by now how it is."""
        servers = {each.instance: (service, each) for service in TIERS for each in self._servers(service)}
        self._seen = {name: self._seen_of(each) for name, (_, each) in servers.items()}
        if self._accepting_is_enough:
            await asyncio.gather(*(self._knock(each) for _, each in servers.values()))
            return
        await asyncio.gather(*(self._look_at(service, each) for service, each in servers.values()))

    async def judge(self) -> None:
        ways = self._all_ways()
        self._measured.judge(ways)
        self._behind.labels("slow").set(sum(self._measured.is_behind(each, "slow") for each in ways))
        self._behind.labels("fails").set(sum(self._measured.is_behind(each, "fails") for each in ways))

    async def take_reports(self, request: Request) -> Response:
        """What players say of their ways, summed up by a gateway."""
        said = (await read_body(request, Reports, REPORTS_BYTES)).reports
        for each in self._measured.take(said, self._all_ways()):
            self._reported.labels(each.provider or "none").inc(each.players)
        return Response(status_code=204)

    async def order(self, request: Request) -> Response:
        title = quote(request.path_params["title"], safe="")
        ways = self._ways.of(request.query_params.get("provider", ""), self._by_tier)
        alive = [way for way in ways if not self._is_gone(way.server)] or ways
        mean = sum(self._seen_of(way.server).under_way for way in alive) / max(1, len(alive))
        full = max(BUSY_MORE, BUSY_TIMES * mean)

        def standing(way: Way) -> Standing:
            return Standing(
                fails=self._measured.goes_behind(way, "fails"),
                is_slow=self._measured.goes_behind(way, "slow"),
                is_overrun=self._seen_of(way.server).under_way > full,
            )

        return answer(Order(tuple(way.server.instance for way in in_order(title, alive, standing))))

    @property
    def _by_tier(self) -> dict[str, Sequence[Endpoint]]:
        return {service: self._servers(service) for service in TIERS}

    def _servers(self, service: str) -> Sequence[Endpoint]:
        """Also those that discovery does not list any more: whether they are gone is seen here."""
        return self._instance.registry.known(service).all

    def _all_ways(self) -> list[Way]:
        servers = self._by_tier
        return [way for name in ("", *self._providers.full_names) for way in self._ways.of(name, servers)]

    def _seen_of(self, server: Endpoint) -> Seen:
        return self._seen.get(server.instance) or Seen()

    async def _look_at(self, service: str, server: Endpoint) -> None:
        """Once; and at its first silence soon again, so that looking rarely costs no time in which players go there."""
        if not await self._answers(service, server) and not self._seen_of(server).is_gone:
            await asyncio.sleep(SURE_AFTER_SECONDS)
            await self._answers(service, server)

    async def _knock(self, server: Endpoint) -> None:
        """Whether anything accepts a connection there, which says little about who serves it."""
        host, _, port = server.address.rpartition(":")
        try:
            async with asyncio.timeout(KNOCK_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            self._seen_of(server).misses = 0
        except (OSError, TimeoutError):
            self._seen_of(server).misses += 1

    async def _answers(self, service: str, server: Endpoint) -> bool:
        seen = self._seen_of(server)
        try:
            reply = await self._instance.call(service, Ask(path="/load", only=server.instance))
        except CallFailed as failure:
            seen.misses += 1
            log.info("%s", failure)
            return False
        if seen.misses:
            self._measured.forget(each for each in self._all_ways() if each.server.instance == server.instance)
        seen.misses = 0
        seen.under_way = msgspec.json.decode(reply.body, type=Load).under_way
        return True

    def _is_gone(self, server: Endpoint) -> bool:
        return self._watched and self._seen_of(server).is_gone


SERVICE = Service(name="steering", calls=("edge", "hub"), criticality="degradable", routes=routes, replicas=1)
