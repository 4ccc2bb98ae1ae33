"""What the pipeline publishes of a title, and under which keys of the store: read by whoever serves it.

titles/TITLE/VERSION/...   the files of one version, never changed
current/TITLE.json         the pointer: which of them is shown. Written last, as one object
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

POINTERS, FILES = "current/", "titles/"
MOST_GONE = 10_000
"""So many titles that are not published any more are remembered with their limits."""
_VERSION = re.compile(r"[0-9a-f]{16}/[0-9a-f]{12}/.")


class Rendition(Struct, frozen=True, kw_only=True):
    """One picture track. Its name is also its folder."""

    name: str
    codec: str
    width: int
    height: int
    kbps: int


class Published(Struct, frozen=True, kw_only=True):
    """What the pointer says. Paths are keys. `territories` are those in which it may be watched; empty means all."""

    title: str
    version: str
    seconds: float
    hls: str
    dash: str
    key_id: str
    thumbnails: str
    artwork: dict[str, str]
    renditions: tuple[Rendition, ...]
    languages: tuple[str, ...]
    subtitles: tuple[str, ...]
    territories: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """What the keys of all files of this version begin with."""
        return self.hls.rpartition("/")[0]


class Listing(Struct, frozen=True, kw_only=True):
    """All that is published. `mark` names the content: it is another one when anything has changed.

    `limits` are the territories of every title that is not for all of them, published or not.
    """

    mark: str = ""
    titles: tuple[Published, ...] = ()
    limits: Mapping[str, tuple[str, ...]] = {}


def kept_limits(before: Mapping[str, tuple[str, ...]], now: Listing) -> dict[str, tuple[str, ...]]:
    """The limits of a new listing, and those known before of titles that it does not name.

    A title of which nothing is said any more, since its pointer or the whole store cannot be seen, is not one that is
    free by now: its files are still kept here and there.
    """
    named = {each.title for each in now.titles}
    gone = [(title, limit) for title, limit in before.items() if title not in named and title not in now.limits]
    return dict(gone[-MOST_GONE:]) | dict(now.limits)


def published_prefix(title: str, job_id: str) -> str:
    return f"{FILES}{title}/{job_id}/"


def pointer_key(title: str) -> str:
    """The object that says which version of a title is shown. Before it is written, nothing of that is public."""
    return f"{POINTERS}{title}.json"


def media_path(key: str) -> str:
    """Where every edge serves a published file."""
    return f"/media/{quote(key.removeprefix(FILES))}"


def file_key(title: str, path: str) -> str:
    """The key of what is at /media/TITLE/PATH; empty when no version is named there."""
    return f"{FILES}{title}/{path}" if _VERSION.match(path) else ""
