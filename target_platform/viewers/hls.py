"""The part of HLS (RFC 8216) that a simple player reads: a master playlist's variants, a media playlist's segments."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from msgspec import Struct

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


class BadPlaylist(Exception):
    """What was served is no playlist that can be played."""


class Variant(Struct, frozen=True):
    """One quality: declared peak rate, height (0 when not told) and the path of its media playlist."""

    bits_per_second: int
    height: int
    path: str


class Segment(Struct, frozen=True):
    seconds: float
    path: str


def parse_master(text: str, path: str) -> tuple[Variant, ...]:
    """The variants, lowest rate first. `path` is the playlist's own, which the others are relative to."""
    variants = []
    lines = _lines(text, path)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = dict(_ATTRIBUTE.findall(line.partition(":")[2]))
            if not attributes.get("BANDWIDTH", "").isdigit() or not following or following.startswith("#"):
                raise BadPlaylist(f"{path}: a variant without BANDWIDTH or without its URI")
            height = attributes.get("RESOLUTION", "").partition("x")[2]
            variants.append(Variant(int(attributes["BANDWIDTH"]), int(height or 0), urljoin(path, following)))
    if not variants:
        raise BadPlaylist(f"{path}: no variants")
    return tuple(sorted(variants, key=lambda variant: variant.bits_per_second))


def parse_media(text: str, path: str) -> tuple[Segment, ...]:
    """The segments in order. `path` is the playlist's own."""
    segments = []
    seconds: float | None = None
    for line in _lines(text, path):
        if line.startswith("#EXTINF:"):
            try:
                seconds = float(line.removeprefix("#EXTINF:").partition(",")[0])
            except ValueError as error:
                raise BadPlaylist(f"{path}: {line!r} is no duration") from error
        elif not line.startswith("#"):
            if seconds is None:
                raise BadPlaylist(f"{path}: {line!r} has no duration")
            segments.append(Segment(seconds, urljoin(path, line)))
            seconds = None
    if not segments:
        raise BadPlaylist(f"{path}: no segments")
    return tuple(segments)


def _lines(text: str, path: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise BadPlaylist(f"{path}: does not begin with #EXTM3U")
    return lines
