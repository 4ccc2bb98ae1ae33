"""What the path of a file says: which title, which quality of it, and the how manyth segment."""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec import Struct

_SEGMENTS = (".ts", ".m4s")
_VERSION = re.compile(r"[0-9a-f]{16}/[0-9a-f]{12}(/|$)")
_NUMBER = re.compile(r"(?<!\d)\d{1,9}(?=\D*$)")
"""No segment's number is longer; int() refuses what has thousands of digits."""


class File(Struct, frozen=True):
    """A file of a title, from /media/TITLE/[VERSION/]QUALITY/NAME. `title` is as it is spoken, not as it is in a path.

    `quality` is its folder; `number` the segment's own in its name, -1 for what is no segment: playlists, headers.
    """

    title: str
    quality: str
    number: int

    @property
    def kind(self) -> str:
        """Picture or sound, where these lie in folders of their own; else empty."""
        return self.quality.rpartition("/")[0]


def file_of(path: str) -> File | None:
    """None for what is no file of a title."""
    parts = path.split("/")
    if len(parts) < 4 or parts[:2] != ["", "media"] or not parts[2]:
        return None
    stem, dot, suffix = parts[-1].rpartition(".")
    number = _NUMBER.search(stem) if dot + suffix in _SEGMENTS else None
    folder = _VERSION.sub("", "/".join(parts[3:-1]), count=1)
    return File(unquote(parts[2]), folder, int(number[0]) if number else -1)


def following(path: str, file: File, steps: int, quality: str) -> str:
    """The path of the segment so many further on than this one, in that quality.

    Its number has as many digits at least, as is usual where names are numbered.
    """
    folder, _, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    counted = _NUMBER.sub(lambda found: str(int(found[0]) + steps).zfill(len(found[0])), stem)
    return f"{folder.removesuffix(file.quality)}{quality}/{counted}{dot}{suffix}"
