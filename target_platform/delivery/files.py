"""What the path of a file says: which title, which quality of it, and the how manyth segment."""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec import Struct

_NUMBER = re.compile(r"\d+(?=\D*$)")


class File(Struct, frozen=True):
    """A file of a title, from /media/TITLE/QUALITY/NAME. `title` is as it is spoken, and not as it stands in a path.

    `number` is the segment's own number in its name, -1 for what is no segment: playlists, manifests, headers.
    """

    title: str
    quality: str
    number: int


_SEGMENTS = (".ts", ".m4s")


def file_of(path: str) -> File | None:
    """None for what is no file of a title."""
    parts = path.split("/")
    if len(parts) < 4 or parts[:2] != ["", "media"] or not parts[2]:
        return None
    stem, dot, suffix = parts[-1].rpartition(".")
    number = _NUMBER.search(stem) if dot + suffix in _SEGMENTS else None
    return File(unquote(parts[2]), "/".join(parts[3:-1]), int(number[0]) if number else -1)


def following(path: str, steps: int) -> str:
    """The path of the segment so many further on in the same quality: its number has as many digits at least."""
    folder, _, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    counted = _NUMBER.sub(lambda found: str(int(found[0]) + steps).zfill(len(found[0])), stem)
    return f"{folder}/{counted}{dot}{suffix}"
