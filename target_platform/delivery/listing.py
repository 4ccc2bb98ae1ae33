"""Which files there are of each title, and how large they are: what a cache plans by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer, problem

SHIPPED_TITLES = Path(__file__).parents[1] / "services" / "titles.yaml"


class Titles(Struct, frozen=True):
    """Ids, most popular first."""

    titles: tuple[str, ...]


class Files(Struct, frozen=True):
    """Bytes by path."""

    files: Mapping[str, int]


def listing_routes(media_dir: Path, titles_file: Path = SHIPPED_TITLES) -> Sequence[Route]:
    """Of an origin that shows the clip in `media_dir` as each of the titles in a catalogue's file."""
    listing = Listing(media_dir, titles_file)
    return [Route("/files", listing.titles), Route("/files/{title}", listing.files)]


class Listing:
    def __init__(self, media_dir: Path, titles_file: Path) -> None:
        self._media_dir = media_dir
        self._titles = tuple(each.id for each in msgspec.yaml.decode(titles_file.read_bytes(), type=tuple[_Title, ...]))
        self._known = frozenset(self._titles)
        self._clip: Mapping[str, int] = {}

    async def titles(self, request: Request) -> Response:
        return answer(Titles(self._titles))

    async def files(self, request: Request) -> Response:
        title = request.path_params["title"]
        if title not in self._known:
            return problem(404, f"there is no title {title!r}")
        if not self._clip:
            self._clip = await asyncio.to_thread(self._seen)
        return answer(Files({f"/media/{quote(title)}/{name}": size for name, size in self._clip.items()}))

    def _seen(self) -> Mapping[str, int]:
        """The clip never changes, so it is looked at once."""
        found = sorted(path for path in self._media_dir.rglob("*") if path.is_file())
        return {quote(path.relative_to(self._media_dir).as_posix()): path.stat().st_size for path in found}


class _Title(Struct, frozen=True):
    id: str
