"""A cache in front of the media origin: what an edge and a hub have in common.

When an edge is gone, players turn to the next one, which was never asked for those titles: all of them would go to the
tier behind it together. So an edge tells the next one every two seconds which files more than one viewer has wanted,
and that one fetches those that it does not have, one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.before_asked import BeforeAsked
from target_platform.delivery.cache import Cache
from target_platform.delivery.file_answer import file_answer, nobody_has_it
from target_platform.delivery.kept import Kept
from target_platform.delivery.lookup import Lookup
from target_platform.delivery.playlist import HEIGHT, asked_height, for_screen
from target_platform.delivery.seal import CLEAR, SEALED, Clear, Sealing, clear_path
from target_platform.delivery.shown import Shown
from target_platform.delivery.territory import Badge, Door, Limits
from target_platform.delivery.upstream import Upstream
from target_platform.kit.answer import answer, passed_on
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask, Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.rendezvous import steered
from target_platform.kit.service import Instance

CACHE_BYTES = 96 * 1024 * 1024
TELL_EVERY_SECONDS = 2.0
TOLD_AT_ONCE, TOLD_BYTES = 500, 128 * 1024
HEADERS = {
    "Access-Control-Allow-Origin": "*",  # a player in a browser page of another host
    "Access-Control-Expose-Headers": "Content-Range, ETag, Age, X-Cache",
}

log = logging.getLogger("edge")


class Wanted(Struct, frozen=True):
    """Paths of files that viewers of another edge want."""

    paths: tuple[str, ...]


def edge_routes(instance: Instance, tiers: Sequence[str]) -> Sequence[Route]:
    """Of a cache that gets its files from `tiers`; see Upstream."""
    limit_bytes = int(instance.config.settings.get("cache_bytes", CACHE_BYTES))
    cache = Cache(limit_bytes, Path(instance.config.data_dir) / "cache")
    shown = Shown(instance)
    limits = Limits(shown)

    async def clear(path: str) -> Kept | Reply:
        return (await lookup.find(path)).what

    behind = Sealing(
        instance.config.settings["licence_secret"],
        Upstream(instance, tiers, limits),
        shown,
        Clear(clear, age=lambda kept: lookup.age(kept), lost=cache.drop),
    )
    lookup = Lookup(cache, behind, instance.policies.caches, instance.metrics)
    find_out = partial(limits.find_out, fetch=lookup.fetch)
    key = instance.config.settings["session_key"]
    door = Door(key, limits.of, find_out)
    instance.at_close(lookup.close)  # after all who fetch by it, which are closed first
    before_asked = BeforeAsked(instance, cache, lookup, tiers, shown)
    edge = Edge(instance, cache, lookup, before_asked.asked)
    if edge.tells:
        instance.every(TELL_EVERY_SECONDS, edge.tell_next)
    instance.at_close(edge.close)
    return [
        *door.routes(edge.media, (CLEAR, SEALED)),
        *before_asked.routes(),
        Route("/load", edge.load),
        Route("/wanted", Badge(key).between_caches(edge.wanted), methods=["POST"]),
    ]


class Edge:
    """Answers viewers, and edges when it is a hub. `heard` is told who asks for which path."""

    def __init__(self, instance: Instance, cache: Cache, lookup: Lookup, heard: Callable[[Request, str], None]) -> None:
        self._instance = instance
        self._cache = cache
        self._lookup = lookup
        self._heard = heard
        self._asking = 0
        self.tells = instance.policies.caches.warm_next and "edge" in instance.service.calls
        self._wanted: set[str] = set()
        self._badge = Badge(instance.config.settings["session_key"])
        self._warming: asyncio.Task[None] | None = None
        self._asked = instance.metrics.counter("edge_cache", "Files asked for", "cache")

    async def load(self, request: Request) -> Response:
        """How many files are asked for at this moment, for steering."""
        return answer({"under_way": self._asking})

    async def tell_next(self) -> None:
        """Tell the edges that players turn to next what was wanted here since the last time. Raises CallFailed."""
        wanted, self._wanted = self._wanted, set()
        by_edge: defaultdict[str, list[str]] = defaultdict(list)
        for path in wanted:
            if following := self._next(title=path.split("/")[2]):
                by_edge[following].append(path)
        badge = self._badge.headers()
        for edge, paths in by_edge.items():
            body = msgspec.json.encode(Wanted(tuple(paths[:TOLD_AT_ONCE])))
            await self._instance.call("edge", Ask(path="/wanted", method="POST", body=body, headers=badge, only=edge))

    async def wanted(self, request: Request) -> Response:
        """Another edge's viewers want these files. What is told while the last ones are still fetched is told again."""
        told = await read_body(request, Wanted, TOLD_BYTES)
        if self._warming is None or self._warming.done():
            paths = [path for path in told.paths if path.startswith((CLEAR, SEALED)) and not self._cache.has(path)]
            self._warming = asyncio.get_running_loop().create_task(self._warm(paths), context=Context())
        return Response(status_code=204)

    async def close(self) -> None:
        if self._warming is not None:
            self._warming.cancel()

    async def _warm(self, paths: Sequence[str]) -> None:
        try:
            for path in paths:
                await self._lookup.fetch(path)
        except CallFailed as failure:
            log.info("warming: %s", failure)

    def _next(self, title: str) -> str:
        """Who is best for a title in this region after this edge, by name; empty when there is nobody."""
        config = self._instance.config
        others = [
            each
            for each in self._instance.registry.known("edge").listed
            if each.region == config.region and each.instance != config.name
        ]
        return steered(title, others, config.region)[0].instance if others else ""

    async def media(self, request: Request) -> Response:
        self._asking += 1
        try:
            return await self._media(request, quote(request.scope["path"]))
        except CallFailed as failure:
            return nobody_has_it(failure)
        except OSError as error:
            return nobody_has_it(CallFailed(f"the file cannot be opened: {error.strerror}", "status"))
        finally:
            self._asking -= 1

    async def _media(self, request: Request, path: str) -> Response:
        height = asked_height(path, request.query_params.get(HEIGHT))
        found = await self._lookup.find(path)
        self._asked.labels(found.how).inc()
        if isinstance(found.what, Reply):
            return passed_on(found.what)
        self._heard(request, clear_path(path))  # what is sealed here is to be had in the clear
        if found.how == "hit" and self.tells:
            self._wanted.add(path)  # by a second one at least
        try:
            return self._answer(request, found.what, found.how, height)
        except FileNotFoundError as error:
            log.warning("%s is fetched again, its file is gone: %s", path, error.strerror)
            self._lookup.lost(path)
            again = await self._lookup.fetch(path)
        except OSError as error:  # no descriptor is free, say: what is kept is as good as before
            log.warning("%s is passed on, its file cannot be opened: %s", path, error.strerror)
            again = await self._lookup.past(path)
        return passed_on(again) if isinstance(again, Reply) else self._answer(request, again, "miss", height)

    def _answer(self, request: Request, kept: Kept, how: str, height: int | None) -> Response:
        """Raises OSError."""
        headers = {"Cache-Control": kept.cache_control, "Age": f"{self._lookup.age(kept):.0f}", "X-Cache": how}
        return file_answer(request, for_screen(kept, height) if height else kept, HEADERS | headers)
