"""Fetching the first files of a title as soon as it is published, before anybody asks for it.

Nobody knows yet how popular it will be, but whoever starts it needs these. Hubs and edges hear of it at the same time
and fetch at the same time: whichever edges come first to a hub wait for the one request that it makes for all of them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from target_platform.delivery.ahead import Source
from target_platform.delivery.files import file_of
from target_platform.delivery.listing import Files
from target_platform.delivery.shown import Shown
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance

LOOK_SECONDS = 1.0
FIRST_SEGMENTS = 5
SHARE, AGAIN_SECONDS = 0.1, 60.0
"""At once no more is fetched than this share of what a cache keeps, and as much again in so long: after a start all
that is published is new to it."""

log = logging.getLogger("edge")


class Newcomers:
    """Of a cache that keeps `limit_bytes`."""

    def __init__(self, instance: Instance, shown: Shown, source: Source, limit_bytes: int) -> None:
        self._instance = instance
        self._shown = shown
        self._source = source
        self._most_bytes = self._left_bytes = SHARE * limit_bytes
        self._lacking: dict[str, deque[tuple[str, int]]] = {}
        self._seen: set[str] = set()
        instance.every(LOOK_SECONDS, self.look)

    async def look(self) -> None:
        """What is not there yet, and what there is no room for now, is tried again at the next look."""
        self._left_bytes = min(self._most_bytes, self._left_bytes + self._most_bytes * LOOK_SECONDS / AGAIN_SECONDS)
        shown = {each.folder: each.title for each in self._shown.listing.titles}
        self._lacking = {folder: files for folder, files in self._lacking.items() if folder in shown}
        for folder, title in shown.items():
            if folder not in self._seen and folder not in self._lacking:
                await self._list(folder, title)
        turns = deque(self._lacking)
        while turns:  # one file of each title, then the next of each: so all have a part of what may be fetched
            folder = turns.popleft()
            if await self._fetch_next(folder):
                turns.append(folder)

    async def _list(self, folder: str, title: str) -> None:
        """Nothing of it is done when it cannot be said yet."""
        try:
            reply = await self._instance.call("origin", f"/files/{quote(title)}")
        except CallFailed as failure:
            log.info("%s, which is new: %s", title, failure)
            return
        if reply.status == 200:
            sizes = msgspec.json.decode(reply.body, type=Files).files
            fitting = (path for path in first_files(sizes) if sizes[path] <= self._most_bytes)
            self._lacking[folder] = deque((path, sizes[path]) for path in fitting)

    async def _fetch_next(self, folder: str) -> bool:
        """Whether there may be more to fetch of it at this look."""
        files = self._lacking[folder]
        if not files:
            del self._lacking[folder]
            self._seen.add(folder)
            return False
        path, size = files[0]
        if not self._source.has(path):
            if size > self._left_bytes:
                return False
            try:
                await self._source.fetch(path)
            except CallFailed as failure:
                log.info("%s, which is new: %s", path, failure)
                return False
            self._left_bytes -= size
        files.popleft()
        return True


def first_files(paths: Iterable[str]) -> list[str]:
    """What a start needs first: playlists and headers, then the first segments of all qualities, by number."""
    numbers = {path: file.number for path in paths if (file := file_of(path)) and file.number <= FIRST_SEGMENTS}
    return sorted(numbers, key=lambda path: (numbers[path], path))
