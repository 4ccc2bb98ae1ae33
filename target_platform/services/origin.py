"""The media of one region, as files. All titles show the one clip that is encoded; the title is only in the address."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.file_answer import file_answer
from target_platform.delivery.kept import Kept
from target_platform.delivery.lifetime import cache_control
from target_platform.kit.answer import problem
from target_platform.kit.policy import CachePolicy
from target_platform.kit.service import Instance, Service

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}


def routes(instance: Instance) -> Sequence[Route]:
    origin = Origin(Path(instance.config.settings["media_dir"]), instance.policies.caches)
    return [Route("/media/{title}/{path:path}", origin.file)]


class Origin:
    """Serves files below a folder, and nothing else; and says with each how long caches may use it."""

    def __init__(self, media_dir: Path, policy: CachePolicy) -> None:
        self._media_dir = media_dir.resolve()
        self._policy = policy

    async def file(self, request: Request) -> Response:
        path = self._inside(request.path_params["path"])
        if path is None:
            return problem(404, f"there is no {request.url.path}")
        content_type = TYPES.get(path.suffix, "application/octet-stream")
        file = await asyncio.to_thread(lambda: Kept.made(path.read_bytes(), content_type))
        return file_answer(request, file, {"Cache-Control": cache_control(path.name, self._policy)})

    def _inside(self, asked: str) -> Path | None:
        """The file, unless a `..`, an absolute path or a symbolic link leads out of the folder."""
        try:
            path = (self._media_dir / asked).resolve(strict=True)
        except (ValueError, OSError):  # a NUL in it, a name that is too long, or nothing there
            return None
        return path if path.is_relative_to(self._media_dir) and path.is_file() else None


SERVICE = Service(name="origin", criticality="critical", routes=routes, replicas=1)
