"""The media of one region, as files: what the pipeline has published, and for every other title the one bundled clip.

A published file's address has its title's version in it, so no cache ever mixes two versions, and a version that is
replaced while somebody watches goes on being served. Of the clip only the address knows the title.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.file_answer import file_answer
from target_platform.delivery.kept import Kept
from target_platform.delivery.lifetime import cache_control
from target_platform.delivery.listing import SHIPPED_TITLES, listing_routes
from target_platform.delivery.shelf import Shelf
from target_platform.delivery.territory import Door
from target_platform.kit.answer import answer, problem
from target_platform.kit.client import SHED
from target_platform.kit.policy import CachePolicy
from target_platform.kit.service import Instance, Service
from target_platform.media.published import Listing, file_key, media_path
from target_platform.media.titles import LIMITS
from target_platform.stores.objects.interface import BadKey, NotThere, ObjectsFailed

LOOK_SECONDS = 1.0
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".ts": "video/mp2t",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}

log = logging.getLogger("origin")


def routes(instance: Instance) -> Sequence[Route]:
    """The setting `store` is what the pipeline was told as its store (see Shelf); without it nothing is published."""
    settings = instance.config.settings
    shelf = Shelf(settings.get("store", ""))
    origin = Origin(Path(settings["media_dir"]), shelf, instance.policies.caches)
    door = Door(settings["session_key"], origin.limits, origin.nothing_behind)
    instance.every(LOOK_SECONDS, origin.look)
    instance.at_close(origin.close)
    return [
        *listing_routes(origin, Path(settings["media_dir"]), Path(settings.get("titles_file", SHIPPED_TITLES))),
        Route("/published", origin.published),
        *door.routes(origin.file),
    ]


class Origin:
    """Serves files below a folder and those of published titles, and nothing else; and says how long to keep them."""

    def __init__(self, media_dir: Path, shelf: Shelf, policy: CachePolicy) -> None:
        self._media_dir = media_dir.resolve()
        self._shelf = shelf
        self._policy = policy
        self._listing: Listing | None = None

    async def look(self) -> None:
        """Of a store that cannot be read, what was seen last goes on being shown."""
        try:
            self._listing = await asyncio.to_thread(self._shelf.look)
        except ObjectsFailed as failure:
            log.warning("the store: %s", failure)

    def limits(self, title: str) -> Sequence[str] | None:
        """The territories of a title. Before the store was seen only titles.yaml says any; None for all others."""
        return LIMITS.get(title) if self._listing is None else self._listing.limits.get(title, ())

    async def nothing_behind(self, path: str) -> None:
        """Only the store would know."""

    async def close(self) -> None:
        self._shelf.close()

    async def published(self, request: Request) -> Response:
        """A Listing; 204 for who has it already (`?have=MARK`)."""
        if self._listing is None:
            refusal = problem(503, "the store has not been seen yet")
            refusal.headers[SHED] = "store"  # no breaker is to open for it: the clip is served
            return refusal
        if request.query_params.get("have") == self._listing.mark:
            return Response(status_code=204)
        return answer(self._listing)

    def published_titles(self) -> Sequence[str]:
        return [each.title for each in self._listing.titles] if self._listing else []

    def published_files(self, title: str) -> Mapping[str, int]:
        """Bytes by path. Blocks. Raises ObjectsFailed."""
        shown = next((each for each in (self._listing.titles if self._listing else ()) if each.title == title), None)
        sizes = self._shelf.sizes(f"{shown.folder}/") if shown else {}
        return {media_path(key): size for key, size in sizes.items()}

    async def file(self, request: Request) -> Response:
        path = request.path_params["path"]
        if key := file_key(request.path_params["title"], path):
            return await self._published_file(request, key)
        return await self._clip(request, path)

    async def _published_file(self, request: Request, key: str) -> Response:
        if self._listing is None:
            return problem(503, "the store has not been seen yet")
        try:
            content = await asyncio.to_thread(self._shelf.file, key)
        except (NotThere, BadKey) as error:
            return problem(404, str(error))
        except ObjectsFailed as failure:
            return problem(503, str(failure))
        file = await asyncio.to_thread(Kept.made, content, _type_of(key))
        for_ever = f"public, max-age={self._policy.segment_seconds:.0f}, immutable"
        return file_answer(request, file, {"Cache-Control": for_ever})

    async def _clip(self, request: Request, asked: str) -> Response:
        path = self._inside(asked)
        if path is None:
            return problem(404, f"there is no {request.url.path}")
        file = await asyncio.to_thread(lambda: Kept.made(path.read_bytes(), _type_of(path.name)))
        return file_answer(request, file, {"Cache-Control": cache_control(path.name, self._policy)})

    def _inside(self, asked: str) -> Path | None:
        """The file, unless a `..`, an absolute path or a symbolic link leads out of the folder."""
        try:
            path = (self._media_dir / asked).resolve(strict=True)
        except (ValueError, OSError):  # a NUL in it, a name that is too long, or nothing there
            return None
        return path if path.is_relative_to(self._media_dir) and path.is_file() else None


def _type_of(name: str) -> str:
    return TYPES.get(Path(name).suffix, "application/octet-stream")


SERVICE = Service(name="origin", criticality="critical", routes=routes, replicas=1)
