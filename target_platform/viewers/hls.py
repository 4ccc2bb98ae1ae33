"""The part of HLS (RFC 8216) that a simple player reads: a master playlist's variants, a media playlist's segments."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from msgspec import Struct

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')


class BadPlaylist(Exception):
    """What was served is no playlist that can be played."""


class Variant(Struct, frozen=True):
    """One quality: declared peak rate, height (0 when not told) and the path of its media playlist.

    `sound` is that of the sound which goes with it; empty when the segments of the picture have it in them.
    """

    bits_per_second: int
    height: int
    path: str
    sound: str = ""


class Segment(Struct, frozen=True):
    seconds: float
    path: str


class Track(Struct, frozen=True):
    """`init` is the path of what a decoder needs before the first segment; empty when there is no such thing."""

    segments: tuple[Segment, ...]
    init: str = ""


def parse_master(text: str, path: str) -> tuple[Variant, ...]:
    """The variants, lowest rate first. `path` is the playlist's own, which the others are relative to.

    Of a picture that is there with several sounds, the one with the lowest rate.
    """
    variants: dict[str, Variant] = {}
    lines = _lines(text, path)
    sounds = _sounds(lines, path)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = dict(_ATTRIBUTE.findall(line.partition(":")[2]))
            if not attributes.get("BANDWIDTH", "").isdigit() or not following or following.startswith("#"):
                raise BadPlaylist(f"{path}: a variant without BANDWIDTH or without its URI")
            height = attributes.get("RESOLUTION", "").partition("x")[2]
            sound = sounds.get(attributes.get("AUDIO", "").strip('"'), "")
            found = Variant(int(attributes["BANDWIDTH"]), int(height or 0), urljoin(path, following), sound)
            known = variants.get(found.path, found)
            variants[found.path] = min(known, found, key=lambda each: each.bits_per_second)
    if not variants:
        raise BadPlaylist(f"{path}: no variants")
    return tuple(sorted(variants.values(), key=lambda variant: variant.bits_per_second))


def parse_media(text: str, path: str) -> Track:
    """The segments in order. `path` is the playlist's own."""
    segments, init = [], ""
    seconds: float | None = None
    for line in _lines(text, path):
        if line.startswith("#EXTINF:"):
            try:
                seconds = float(line.removeprefix("#EXTINF:").partition(",")[0])
            except ValueError as error:
                raise BadPlaylist(f"{path}: {line!r} is no duration") from error
        elif line.startswith("#EXT-X-MAP:"):
            uri = dict(_ATTRIBUTE.findall(line.partition(":")[2])).get("URI", "")
            init = urljoin(path, uri.strip('"'))
        elif not line.startswith("#"):
            if seconds is None:
                raise BadPlaylist(f"{path}: {line!r} has no duration")
            segments.append(Segment(seconds, urljoin(path, line)))
            seconds = None
    if not segments:
        raise BadPlaylist(f"{path}: no segments")
    return Track(tuple(segments), init)


def _sounds(lines: list[str], path: str) -> dict[str, str]:
    """The path of the sound to begin with, by the name of its group: the one that is marked, or the first."""
    chosen: dict[str, tuple[bool, str]] = {}
    for line in lines:
        attributes = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}
        if line.startswith("#EXT-X-MEDIA:") and attributes.get("TYPE") == "AUDIO" and attributes.get("URI"):
            group, is_marked = attributes.get("GROUP-ID", ""), attributes.get("DEFAULT") == "YES"
            if group not in chosen or is_marked > chosen[group][0]:
                chosen[group] = is_marked, urljoin(path, attributes["URI"])
    return {group: uri for group, (_, uri) in chosen.items()}


def _lines(text: str, path: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise BadPlaylist(f"{path}: does not begin with #EXTM3U")
    return lines
