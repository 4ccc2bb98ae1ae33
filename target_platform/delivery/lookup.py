"""What a cache can give for a path: what it keeps while that may be used, else what the tiers behind it give.

kept, fresh                         goes out
kept, old, shortly                  goes out, and a new one is fetched beside (stale-while-revalidate)
kept, older                         is asked for again, with If-None-Match; it goes out when nobody has an answer
                                    (stale-if-error), and then nobody is asked again for `again_seconds`
not there (404), for a moment       is answered as the last time: a storm for it costs the tier behind one request
not kept                            is fetched, once, however many wait for it
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from typing import Literal, Protocol

from msgspec import Struct

from target_platform.delivery.cache import Cache
from target_platform.delivery.kept import Kept
from target_platform.delivery.lifetime import age_on_arrival, cache_control, lifetime
from target_platform.kit.client import Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import CachePolicy

MISSING_AT_MOST = 1000


class Found(Struct, frozen=True):
    """`what` is what is kept for it, or an answer that is not kept; a hit is one whose bytes were here."""

    what: Kept | Reply
    how: Literal["hit", "miss"]


class Behind(Protocol):
    """Where files come from that are not kept."""

    async def fetch(self, path: str, etag: str = "") -> Reply:
        """With the `etag` of what is kept already, the answer may be a 304. Raises CallFailed when nobody has one."""


class Lookup:
    """`clock` is that of `cache`: seconds that never go back."""

    def __init__(
        self,
        cache: Cache,
        upstream: Behind,
        policy: CachePolicy,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._upstream = upstream
        self._policy = policy
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[Kept | Reply]] = {}
        self._missing = Missing(policy.missing_seconds, clock)
        self._new = metrics.counter("edge_kept", "Files fetched that were not there yet")
        self._fetches = metrics.counter("edge_fetches", "Times that the tier behind was asked for a file not kept")
        self._checked = metrics.counter("edge_checked", "Files that were asked for again and had not changed")
        self._stale = metrics.counter(
            "edge_stale", "Answers that were old: while a new one was fetched, or none came", "why"
        )
        metrics.gauge("edge_cache_bytes", "Bytes of files on this cache's disk", lambda: cache.bytes)
        metrics.gauge("edge_unwritten", "Files that this cache's disk did not take", lambda: cache.unwritten)

    async def find(self, path: str) -> Found:
        """Raises CallFailed when it is not kept and nobody has an answer."""
        kept = self._cache.get(path)
        if kept is None:
            missing = self._missing.get(path)
            return Found(missing, "hit") if missing else Found(await self.fetch(path), "miss")
        age = self.age(kept)
        if age < kept.lifetime.fresh:
            return Found(kept, "hit")
        in_vain = self._clock() < kept.again_at
        if kept.lifetime.may_go_out_at(age):
            if not in_vain:
                self._fetching(path)
            return self._old(kept, "revalidating")
        if in_vain and kept.lifetime.may_stand_in_at(age):
            return self._old(kept, "error")
        return await self._check(path, kept)

    async def fetch(self, path: str) -> Kept | Reply:
        """From the tiers behind, together with all who wait for it, and keep it. Raises CallFailed."""
        if not self._policy.coalesce:
            return await self._fetch(path)
        return await asyncio.shield(self._fetching(path))

    async def past(self, path: str) -> Kept | Reply:
        """From the tiers behind past the cache, which is as it was before. Raises CallFailed."""
        reply = await self._upstream.fetch(path)
        return self._dated(path, Kept.of(reply, self._clock()), reply) if reply.status == 200 else reply

    async def close(self) -> None:
        """Nobody waits any more for what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def age(self, kept: Kept) -> float:
        """Seconds since the origin said that this is how the file is (RFC 9111, 4.2.3)."""
        return kept.age_on_arrival + self._clock() - kept.checked_at

    def lost(self, path: str) -> None:
        """The disk does not have it any more."""
        self._cache.drop(path)

    async def _check(self, path: str, kept: Kept) -> Found:
        try:
            found = await self.fetch(path)
            return Found(found, "hit" if found is kept else "miss")
        except CallFailed:
            if not kept.lifetime.may_stand_in_at(self.age(kept)):
                raise
            return self._old(kept, "error")

    def _old(self, kept: Kept, why: str) -> Found:
        self._stale.labels(why).inc()
        return Found(kept, "hit")

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
        kept = self._cache.get(path)
        if kept is None:
            self._fetches.inc()
        try:
            reply = await self._upstream.fetch(path, kept.etag if kept else "")
        except CallFailed:
            if kept is not None:
                kept.again_at = self._clock() + self._policy.again_seconds
            raise
        if kept is not None and reply.status == 304:
            self._checked.inc()
            return self._dated(path, kept, reply)
        return self._taken(path, reply)

    def _taken(self, path: str, reply: Reply) -> Kept | Reply:
        if reply.status != 200:
            if reply.status in (404, 410):
                self._cache.drop(path)
                self._missing.put(path, reply)
            return reply
        self._missing.drop(path)
        life = lifetime(reply.headers, path, self._policy)
        if not life.kept:
            return self._dated(path, Kept.of(reply, self._clock()), reply)
        if not self._cache.has(path):
            self._new.inc()
        return self._dated(path, self._cache.put(path, reply), reply)

    def _dated(self, path: str, kept: Kept, reply: Reply) -> Kept:
        kept.checked_at = self._clock()
        kept.age_on_arrival = age_on_arrival(reply.headers)
        kept.lifetime = lifetime(reply.headers, path, self._policy)
        kept.cache_control = reply.headers.get("Cache-Control", cache_control(path, self._policy))
        kept.again_at = 0.0
        return kept

    def _fetched(self, path: str, done: asyncio.Task[Kept | Reply]) -> None:
        del self._under_way[path]
        if not done.cancelled():
            done.exception()  # whoever waited has been told; if nobody waits any more, nobody needs to be


class Missing:
    """Answers that there is no such file, each for `seconds` (RFC 9111, 4: any answer may be kept); a thousand."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: OrderedDict[str, tuple[float, Reply]] = OrderedDict()

    def get(self, path: str) -> Reply | None:
        until, reply = self._until.get(path, (0.0, None))
        return reply if self._clock() < until else None

    def put(self, path: str, reply: Reply) -> None:
        self.drop(path)
        self._until[path] = (self._clock() + self._seconds, reply)
        if len(self._until) > MISSING_AT_MOST:
            self._until.popitem(last=False)

    def drop(self, path: str) -> None:
        self._until.pop(path, None)
