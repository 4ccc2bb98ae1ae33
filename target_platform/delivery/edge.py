"""A cache in front of the media origin: what an edge and a hub have in common.

When an edge is gone, players turn to the next one, which was never asked for those titles: all of them would go to the
tier behind it together. So an edge tells the next one every two seconds which files more than one viewer has wanted,
and that one fetches those that it does not have, one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from contextvars import Context
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.cache import Cache
from target_platform.delivery.kept import Kept
from target_platform.delivery.pieces import Pieces
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
    "Cache-Control": "public, max-age=3600",
}

log = logging.getLogger("edge")


class Wanted(Struct, frozen=True):
    """Paths of files that viewers of another edge want."""

    paths: tuple[str, ...]


def edge_routes(instance: Instance, tiers: Sequence[str]) -> Sequence[Route]:
    """Of a cache that gets its files from `tiers`; see Upstream."""
    limit_bytes = int(instance.config.settings.get("cache_bytes", CACHE_BYTES))
    cache = Cache(limit_bytes, Path(instance.config.data_dir) / "cache")
    edge = Edge(instance, cache, Upstream(instance, tiers))
    if instance.policies.caches.warm_next and "edge" in instance.service.calls:
        instance.every(TELL_EVERY_SECONDS, edge.tell_next)
    instance.at_close(edge.close)
    return [
        Route("/media/{title}/{path:path}", edge.media),
        Route("/load", edge.load),
        Route("/wanted", edge.wanted, methods=["POST"]),
    ]


class Edge:
    """However many viewers miss the same file at once, the tier behind it is asked once."""

    def __init__(self, instance: Instance, cache: Cache, upstream: Upstream) -> None:
        self._instance = instance
        self._upstream = upstream
        self._cache = cache
        self._coalesce = instance.policies.caches.coalesce
        self._under_way: dict[str, asyncio.Task[Kept | Reply]] = {}
        self._asking = 0
        self._wanted: set[str] = set()
        self._warming: asyncio.Task[None] | None = None
        self._asked = instance.metrics.counter("edge_cache", "Files asked for", "cache")
        self._kept = instance.metrics.counter("edge_kept", "Files fetched that were not there yet")

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
        for edge, paths in by_edge.items():
            body = msgspec.json.encode(Wanted(tuple(paths[:TOLD_AT_ONCE])))
            await self._instance.call("edge", Ask(path="/wanted", method="POST", body=body, only=edge))

    async def wanted(self, request: Request) -> Response:
        """Another edge's viewers want these files. What is told while the last ones are still fetched is told again."""
        told = await read_body(request, Wanted, TOLD_BYTES)
        if self._warming is None or self._warming.done():
            paths = [path for path in told.paths if path.startswith("/media/") and not self._cache.has(path)]
            self._warming = asyncio.get_running_loop().create_task(self._warm(paths), context=Context())
        return Response(status_code=204)

    async def close(self) -> None:
        if self._warming is not None:
            self._warming.cancel()

    async def _warm(self, paths: Sequence[str]) -> None:
        try:
            for path in paths:
                await asyncio.shield(self._fetching(path))
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
            return await self._media(request)
        finally:
            self._asking -= 1

    async def _media(self, request: Request) -> Response:
        path = quote(request.scope["path"])
        kept = self._cache.get(path)
        found = "hit" if kept else "miss"
        self._asked.labels(found).inc()
        if kept is None:
            fetched = await (asyncio.shield(self._fetching(path)) if self._coalesce else self._fetch(path))
            if isinstance(fetched, Reply):
                return passed_on(fetched)
            kept = fetched
        else:
            self._wanted.add(path)  # by a second one at least
        return Pieces(kept.content(), media_type=kept.content_type, headers={**HEADERS, "X-Cache": found})

    def _fetching(self, path: str) -> asyncio.Task[Kept | Reply]:
        """The one request for this file.

        It belongs to nobody in particular: in a context of its own, so that the deadline of who came first does not
        bind the others, and shielded, so that it goes on when who came first goes away.
        """
        task = self._under_way.get(path)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch(path), context=Context())
            self._under_way[path] = task
            task.add_done_callback(lambda done: self._fetched(path, done))
        return task

    async def _fetch(self, path: str) -> Kept | Reply:
        """What is kept now; or the answer as it came, when it is one that is not."""
        reply = await self._upstream.fetch(path)
        if reply.status != 200:
            return reply
        if not self._cache.has(path):
            self._kept.inc()
        return self._cache.put(path, reply)

    def _fetched(self, path: str, done: asyncio.Task[Kept | Reply]) -> None:
        del self._under_way[path]
        if not done.cancelled():
            done.exception()  # whoever waited has been told; if nobody waits any more, nobody needs to be
