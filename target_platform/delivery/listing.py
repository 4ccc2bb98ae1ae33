"""Which files there are of each title, and how large they are: what a cache plans by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer, problem
from target_platform.stores.objects.interface import ObjectsFailed

SHIPPED_TITLES = Path(__file__).parents[1] / "services" / "titles.yaml"


class Titles(Struct, frozen=True):
    """Ids, most popular first."""

    titles: tuple[str, ...]


class Files(Struct, frozen=True):
    """Bytes by path."""

    files: Mapping[str, int]


class Shown(Protocol):
    """What an origin has apart from the clip."""

    def published_titles(self) -> Sequence[str]: ...

    def published_files(self, title: str) -> Mapping[str, int]:
        """Bytes by path; empty when it is not published. Blocks. Raises ObjectsFailed."""
        ...


def listing_routes(shown: Shown, media_dir: Path, titles_file: Path = SHIPPED_TITLES) -> Sequence[Route]:
    """Of an origin that shows the clip in `media_dir` as each title of a catalogue's file that is not published."""
    listing = Listing(shown, media_dir, titles_file)
    return [Route("/files", listing.titles), Route("/files/{title}", listing.files)]


class Listing:
    def __init__(self, shown: Shown, media_dir: Path, titles_file: Path) -> None:
        self._shown = shown
        self._media_dir = media_dir
        self._titles = tuple(each.id for each in msgspec.yaml.decode(titles_file.read_bytes(), type=tuple[_Title, ...]))
        self._known = frozenset(self._titles)
        self._clip: Mapping[str, int] = {}

    async def titles(self, request: Request) -> Response:
        others = (title for title in self._shown.published_titles() if title not in self._known)
        return answer(Titles((*self._titles, *others)))

    async def files(self, request: Request) -> Response:
        title = request.path_params["title"]
        try:
            if published := await asyncio.to_thread(self._shown.published_files, title):
                return answer(Files(published))
        except ObjectsFailed as failure:
            return problem(503, str(failure))
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
