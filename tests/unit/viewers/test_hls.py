"""Reading playlists."""

from __future__ import annotations

import pytest

from target_platform.viewers.hls import BadPlaylist, Segment, Track, Variant, parse_master, parse_media

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
    assert parse_media(MEDIA, "/media/one/240p/playlist.m3u8") == Track(
        (Segment(4.0, "/media/one/240p/a.ts"), Segment(2.5, "/b.ts"))
    )


def test_what_a_decoder_needs_first_is_named() -> None:
    text = '#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES\n#EXT-X-MAP:URI="h264-240/init.mp4"\n#EXTINF:4,\nh264-240/1.m4s\n'
    track = parse_media(text, "/media/one/v/video/h264-240.m3u8")
    assert track.init == "/media/one/v/video/h264-240/init.mp4"
    assert [each.path for each in track.segments] == ["/media/one/v/video/h264-240/1.m4s"]


def test_a_picture_with_several_sounds_is_one_variant_with_the_sound_to_begin_with() -> None:
    media = '#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/{0}-{1}.m3u8",GROUP-ID="{0}",LANGUAGE="{1}",DEFAULT={2}'
    variant = '#EXT-X-STREAM-INF:BANDWIDTH={},RESOLUTION=426x240,AUDIO="{}"\nvideo/h264-240.m3u8'
    lines = [
        "#EXTM3U",
        media.format("aac", "de", "NO"),
        media.format("aac", "en", "YES"),
        media.format("ac3", "en", "YES"),
    ]
    text = "\n".join([*lines, variant.format(600_000, "ac3"), variant.format(400_000, "aac")])
    assert parse_master(text, "/media/one/v/master.m3u8") == (
        Variant(400_000, 240, "/media/one/v/video/h264-240.m3u8", "/media/one/v/audio/aac-en.m3u8"),
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
