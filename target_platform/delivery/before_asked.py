"""All that a cache does before it is asked: it counts what is wanted, fills, and fetches ahead of its viewers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.routing import Route

from target_platform.delivery.ahead import Ahead, Source
from target_platform.delivery.cache import Cache
from target_platform.delivery.fill import Filling
from target_platform.delivery.kept import Kept
from target_platform.delivery.lookup import Lookup
from target_platform.delivery.newcomers import Newcomers
from target_platform.delivery.shown import Shown
from target_platform.delivery.wishes import Wishes
from target_platform.kit import deadline
from target_platform.kit.service import Instance


class BeforeAsked:
    """Of the cache in front of `tiers`, the nearest first, the last of which is the origin."""

    def __init__(self, instance: Instance, cache: Cache, lookup: Lookup, tiers: Sequence[str], shown: Shown) -> None:
        async def fetch(path: str) -> bool:
            return isinstance(await lookup.fetch(path), Kept)

        source = Source(cache.has, fetch)
        self._wishes = Wishes(instance, behind=tiers[0] if len(tiers) > 1 else "")
        self._filling = Filling(instance, cache, source, self._wishes)
        self._newcomers = Newcomers(instance, shown, source, cache.limit_bytes)
        self._ahead = Ahead(source, instance.policies.fill.ahead_segments)
        instance.at_close(self._ahead.close)

    def routes(self) -> list[Route]:
        return [*self._wishes.routes(), *self._filling.routes()]

    def asked(self, request: Request, path: str) -> None:
        """Somebody has. Who calls as services do is a cache: it tells of its viewers, and walks for them, itself."""
        if deadline.HEADER in request.headers:
            return
        self._wishes.asked(path)
        if request.client is not None:
            self._ahead.asked(f"{request.client.host}:{request.client.port}", path)
