"""What of a title a device is offered: what it can decode, and no more lines than it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from target_platform.media.ladder import Ladder

CODEC = "h264"
"""What all rungs of the ladder are encoded in."""


class Rendition(Struct, frozen=True):
    """One quality; `playlist` is a path at every edge."""

    codec: str
    width: int
    height: int
    bits_per_second: int
    playlist: str


def renditions(ladder: Ladder, title: str) -> tuple[Rendition, ...]:
    """Those of the clip that every title shows, from the lowest to the highest; `title` as it stands in a path."""
    return tuple(
        Rendition(
            codec=CODEC,
            width=rung.width,
            height=rung.height,
            bits_per_second=1000 * (rung.video_kbps + ladder.clip.audio_kbps),
            playlist=f"/media/{title}/{rung.name}/playlist.m3u8",
        )
        for rung in ladder.rungs
    )


def offered(of_title: Iterable[Rendition], codecs: Collection[str] = (), max_height: int = 0) -> tuple[Rendition, ...]:
    """Without `codecs` in any, with `max_height` 0 of any height. Empty when the device decodes none.

    The smallest is offered to a screen of any size: it can be scaled down.
    """
    decoded = [each for each in of_title if not codecs or each.codec in codecs]
    least = min((each.height for each in decoded), default=0)
    return tuple(each for each in decoded if not max_height or each.height <= max(max_height, least))
