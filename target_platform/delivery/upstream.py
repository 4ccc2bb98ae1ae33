"""Where a cache gets what it does not have: from the tiers behind it, nearest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from target_platform.delivery.territory import Badge, Limits
from target_platform.kit.client import Ask, Reply
from target_platform.kit.errors import CallFailed
from target_platform.kit.rendezvous import steered
from target_platform.kit.service import Instance


class Upstream:
    """`tiers` are services, the nearest first; the last one is the origin, any instance of which has everything.

    Of a tier of caches the one is asked first that keeps the title, then the next one: each title has an order of its
    own, which is the same for all who ask. What comes with a file of where it may be watched, `limits` learns.
    """

    def __init__(self, instance: Instance, tiers: Sequence[str], limits: Limits) -> None:
        self._instance = instance
        self._limits = limits
        self._badge = Badge(instance.config.settings["session_key"])
        self._caches, self._origin = tiers[:-1], tiers[-1]

    async def fetch(self, path: str, etag: str = "") -> Reply:
        """With the `etag` of what is kept already, the answer may be a 304. Raises CallFailed when nobody has one."""
        headers = self._badge.headers() | ({"If-None-Match": etag} if etag else {})
        title = path.split("/")[2]
        reply = await self._first(path, title, headers)
        self._limits.learn(unquote(title), reply.headers)
        return reply

    async def _first(self, path: str, title: str, headers: Mapping[str, str]) -> Reply:
        for tier in self._caches:
            for cache in self._in_order(tier, title):
                try:
                    return await self._instance.call(tier, Ask(path=path, headers=headers, only=cache))
                except CallFailed:
                    continue  # counted by the kit; the next one can do the same
        return await self._instance.call(self._origin, Ask(path=path, headers=headers))

    def _in_order(self, tier: str, title: str) -> Sequence[str]:
        """The names of the caches of this region."""
        region = self._instance.config.region
        here = [each for each in self._instance.registry.known(tier).listed if each.region == region]
        return [each.instance for each in steered(title, here, region)]
