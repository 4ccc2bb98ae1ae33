"""Reading playlists."""

from __future__ import annotations

import pytest

from target_platform.viewers.hls import BadPlaylist, Segment, Variant, parse_master, parse_media

MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=1401352,AVERAGE-BANDWIDTH=1326728,RESOLUTION=1280x720,CODECS="avc1.42c01f,mp4a.40.2"
720p/playlist.m3u8

#EXT-X-STREAM-INF:BANDWIDTH=321104,CODECS="avc1.42c015,mp4a.40.2",RESOLUTION=426x240
240p/playlist.m3u8
"""
MEDIA = "#EXTM3U\r\n#EXT-X-VERSION:6\r\n#EXTINF:4.000000,\r\na.ts\r\n#EXTINF:2.5,t\r\n/b.ts\r\n#EXT-X-ENDLIST\r\n"


def test_variants_come_lowest_first_with_paths_relative_to_the_playlist() -> None:
    assert parse_master(MASTER, "/media/one/master.m3u8") == (
        Variant(321104, 240, "/media/one/240p/playlist.m3u8"),
        Variant(1401352, 720, "/media/one/720p/playlist.m3u8"),
    )


def test_segments_come_in_order_with_their_durations() -> None:
    assert parse_media(MEDIA, "/media/one/240p/playlist.m3u8") == (
        Segment(4.0, "/media/one/240p/a.ts"),
        Segment(2.5, "/b.ts"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "#EXTM3U\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x1\na\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n",
    ],
)
def test_what_is_no_master_playlist_is_refused(text: str) -> None:
    with pytest.raises(BadPlaylist):
        parse_master(text, "/m")


@pytest.mark.parametrize("text", ["", "#EXTM3U\n#EXTINF:x,\na.ts\n", "#EXTM3U\na.ts\n", "#EXTM3U\n#EXT-X-ENDLIST\n"])
def test_what_is_no_media_playlist_is_refused(text: str) -> None:
    with pytest.raises(BadPlaylist):
        parse_media(text, "/m")
