"""Fetching the first files of a title as soon as it is published, before anybody asks for it.

Nobody knows yet how popular it will be, but whoever starts it needs these. Hubs and edges hear of it at the same time
and fetch at the same time: whichever edges come first to a hub wait for the one request that it makes for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from target_platform.delivery.ahead import Source
from target_platform.delivery.files import file_of
from target_platform.delivery.listing import Files
from target_platform.delivery.shown import Shown
from target_platform.kit.service import Instance

LOOK_SECONDS = 0.5
FIRST_SEGMENTS = 5
SHARE = 0.1
"""Of what a cache keeps, at most so much is fetched at one look: after a start all that is published is new to it."""


class Newcomers:
    """Of a cache that keeps `limit_bytes`."""

    def __init__(self, instance: Instance, shown: Shown, source: Source, limit_bytes: int) -> None:
        self._instance = instance
        self._shown = shown
        self._source = source
        self._budget_bytes = SHARE * limit_bytes
        self._seen: set[str] = set()
        instance.every(LOOK_SECONDS, self.look)

    async def look(self) -> None:
        """Raises CallFailed; what is not there yet is tried again at the next look."""
        left = self._budget_bytes
        for title in self._shown.listing.titles:
            if title.folder not in self._seen:
                left = await self._fetch_first(title.title, left)
                self._seen.add(title.folder)

    async def _fetch_first(self, title: str, budget_bytes: float) -> float:
        """How much of the budget is left."""
        reply = await self._instance.call("origin", f"/files/{quote(title)}")
        sizes = msgspec.json.decode(reply.body, type=Files).files if reply.status == 200 else {}
        for path in first_files(sizes):
            if not self._source.has(path) and sizes[path] <= budget_bytes:
                await self._source.fetch(path)
                budget_bytes -= sizes[path]
        return budget_bytes


def first_files(paths: Iterable[str]) -> list[str]:
    """What a start needs first: playlists and headers, then the first segments of all qualities, by number."""
    numbers = {path: file.number for path in paths if (file := file_of(path)) and file.number <= FIRST_SEGMENTS}
    return sorted(numbers, key=lambda path: (numbers[path], path))
