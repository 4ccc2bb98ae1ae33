"""What of a ladder a device is offered: what it can decode, and no more lines than it has."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from target_platform.media.ladder import Ladder, Rung

CODEC = "h264"
"""What all rungs of the ladder are encoded in."""


class Rendition(Struct, frozen=True):
    """One quality; `playlist` is a path at every edge."""

    codec: str
    width: int
    height: int
    bits_per_second: int
    playlist: str


def offered(ladder: Ladder, title: str, codecs: Collection[str] = (), max_height: int = 0) -> tuple[Rendition, ...]:
    """Lowest first. Without `codecs` any, with `max_height` 0 any height; `title` as it stands in a path.

    The smallest is offered to a screen of any size: it can be scaled down. Empty when the device decodes none.
    """
    if codecs and CODEC not in codecs:
        return ()
    fitting = [rung for rung in ladder.rungs if not max_height or rung.height <= max_height]
    return tuple(_rendition(ladder, rung, title) for rung in fitting or ladder.rungs[:1])


def _rendition(ladder: Ladder, rung: Rung, title: str) -> Rendition:
    bits_per_second = 1000 * (rung.video_kbps + ladder.clip.audio_kbps)
    return Rendition(CODEC, rung.width, rung.height, bits_per_second, f"/media/{title}/{rung.name}/playlist.m3u8")
