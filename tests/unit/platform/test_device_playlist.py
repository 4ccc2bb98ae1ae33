"""A master playlist for one screen: made by the cache of the one it has, for which nobody is asked again."""

from __future__ import annotations

from pathlib import Path

from target_platform.media.published import media_path
from tests.unit.platform.published import publish
from tests.unit.platform.stage import Platform, media, visit
from tests.unit.platform.test_published_titles import until

ORIGIN, EDGE = "here/origin-1", "here/edge-1"
HEAD = b"#EXTM3U\n#EXT-X-VERSION:6\n"
SMALL, MIDDLE, LARGE = (
    b'#EXT-X-STREAM-INF:BANDWIDTH=%d,RESOLUTION=%dx%d,CODECS="avc1"\n%dp/playlist.m3u8\n\n'
    % (rate, width, height, height)
    for rate, width, height in ((322232, 426, 240), (645216, 854, 480), (1399096, 1280, 720))
)
SOUND = (
    b'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="sound.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=64000\nsound.m3u8\n'
)
FRAMES = b'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,RESOLUTION=1280x720,URI="frames.m3u8"\n'
MASTER = HEAD + SMALL + MIDDLE + FRAMES + LARGE + SOUND
AT = "/media/t/master.m3u8"


SHOWN = {
    100: SMALL,
    240: SMALL,
    479: SMALL,
    480: SMALL + MIDDLE,
    719: SMALL + MIDDLE,
    720: SMALL + MIDDLE + FRAMES + LARGE,
    2160: SMALL + MIDDLE + FRAMES + LARGE,
}


def test_it_names_what_the_screen_has_lines_for_and_the_smallest_always(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=MASTER)

    async def play(made: Platform) -> None:
        whole = await made.ask(EDGE, AT)
        assert whole.body == MASTER
        for height, shown in SHOWN.items():
            answer = await made.ask(EDGE, f"{AT}?height={height}")
            assert (answer.status, lines(answer.body)) == (200, lines(HEAD + shown + SOUND)), height
            assert answer.headers["X-Cache"] == "hit"
            assert (answer.headers["ETag"] == whole.headers["ETag"]) == (answer.body == whole.body)
        assert (await made.ask(EDGE, AT)).body == MASTER
        assert len(made.log(ORIGIN)) == 1

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_it_is_served_as_a_file_of_its_own(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=MASTER)
    path = f"{AT}?height=480"

    async def play(made: Platform) -> None:
        answer = await made.ask(EDGE, path)
        had = await made.ask(EDGE, path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (had.status, had.body) == (304, b"")
        assert (await made.ask(EDGE, path, "HEAD")).headers["Content-Length"] == str(len(answer.body))
        assert (await made.ask(EDGE, path, headers={"Range": "bytes=1-6"})).body == b"EXTM3U"

    visit(tmp_path, (ORIGIN, EDGE), play)


def test_of_what_is_sealed_and_of_what_is_published_there_is_one_as_well(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=MASTER)
    film = publish(tmp_path / "store", "film")

    async def play(made: Platform) -> None:
        assert LARGE not in (await made.ask(EDGE, "/sealed/t/master.m3u8?height=240")).body
        published = f"{media_path(film.hls)}?height=144"
        answer = await until(lambda: made.ask(EDGE, published), lambda said: said.status == 200)
        assert b"video/h264-240.m3u8" in answer.body

    visit(tmp_path, (ORIGIN, EDGE), play, store=str(tmp_path / "store"))


def test_a_screen_that_cannot_be_is_a_400_with_a_sentence(tmp_path: Path) -> None:
    media(tmp_path, master__m3u8=MASTER, segment__ts=b"segment")

    async def play(made: Platform) -> None:
        for height in ("", "0", "-1", "720p", "7.2", "1e3", "%C2%B2", "1" * 6):
            answer = await made.ask(EDGE, f"{AT}?height={height}")
            assert (answer.status, "number of lines" in answer.json["error"]) == (400, True), height
        assert not made.log(ORIGIN), "nor is anybody asked for it"
        assert (await made.ask(EDGE, "/media/t/segment.ts?height=x")).status == 200

    visit(tmp_path, (ORIGIN, EDGE), play)


def lines(playlist: bytes) -> list[bytes]:
    """But for empty ones, which say nothing."""
    return [line for line in playlist.splitlines() if line]
