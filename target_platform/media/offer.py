"""What of a title a device is offered: what it can decode, and no more lines than it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct, structs

from target_platform.media.ladder import Ladder
from target_platform.media.published import Published, media_path

CODEC = "h264"
"""What all rungs of the clip's ladder are encoded in."""


class Rendition(Struct, frozen=True):
    """One quality; `playlist` is a path at every edge."""

    codec: str
    width: int
    height: int
    bits_per_second: int
    playlist: str


class Offer(Struct, frozen=True, kw_only=True):
    """All that there is of one title. Paths are those at every edge; of the clip there is nothing but its qualities."""

    playlist: str
    streams: tuple[Rendition, ...]
    dash: str = ""
    seconds: float = 0
    languages: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    thumbnails: str = ""
    artwork: dict[str, str] = {}
    key_id: str = ""
    sealed: str = ""

    def behind(self, prefix: str) -> Offer:
        """The same with other paths: each begins with `prefix`."""
        return structs.replace(
            self,
            playlist=prefix + self.playlist,
            streams=tuple(structs.replace(each, playlist=prefix + each.playlist) for each in self.streams),
            dash=self.dash and prefix + self.dash,
            sealed=self.sealed and prefix + self.sealed,
            thumbnails=self.thumbnails and prefix + self.thumbnails,
            artwork={shape: prefix + path for shape, path in self.artwork.items()},
        )


def clip(ladder: Ladder, title: str) -> Offer:
    """The clip that every title shows which nobody has published; `title` as it stands in a path."""
    return Offer(
        playlist=f"/media/{title}/master.m3u8",
        streams=_of_clip(ladder, title),
        sealed=f"/sealed/{title}/master.m3u8",
    )


def of_published(title: Published) -> Offer:
    return Offer(
        playlist=media_path(title.hls),
        streams=tuple(
            Rendition(
                codec=each.codec,
                width=each.width,
                height=each.height,
                bits_per_second=1000 * each.kbps,
                playlist=media_path(f"{title.folder}/video/{each.name}.m3u8"),
            )
            for each in title.renditions
        ),
        dash=media_path(title.dash),
        seconds=title.seconds,
        languages=title.languages,
        subtitles=title.subtitles,
        thumbnails=media_path(title.thumbnails),
        artwork={shape: media_path(key) for shape, key in title.artwork.items()},
        key_id=title.key_id,
    )


def _of_clip(ladder: Ladder, title: str) -> tuple[Rendition, ...]:
    """From the lowest to the highest."""
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
