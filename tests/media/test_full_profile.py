"""Every codec of the profile `full`, once, on a master of ten seconds: what players are offered, and that it decodes.

Run by `make test-media`.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from target_platform.media.ffmpeg import find_binary
from target_platform.media.published import Published
from target_platform.services.licence import content_key
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.topology import LICENCE_SECRET
from tests.browser.test_clearkey import CHROMIUM, PATIENCE_SECONDS, chromium
from tests.local.pipeline_trial import decoded, ingesting, make_master, make_sides, result, segments

SECONDS, RATE, SEGMENTS = 10, 24, 3
CODECS = {"h264": "avc1", "h265": "hvc1", "vp9": "vp09", "av1": "av01"}
DASH = "{urn:mpeg:dash:schema:mpd:2011}"
CENC = "{urn:mpeg:cenc:2013}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("full")


@pytest.fixture(scope="module")
def title(home: Path) -> Published:
    master = make_master(home / "master.mp4", SECONDS, size="640x360", rate=str(RATE))
    words = ["--profile=full", "--workers=2", *make_sides(home, SECONDS)]
    return result(ingesting(master, home / "store", *words))


@pytest.fixture(scope="module")
def objects(title: Published, home: Path) -> Iterator[Objects]:
    made = DiskObjects(home / "store" / "objects")
    yield made
    made.close()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("height", [240, 360])
def test_every_picture_track_decodes_to_all_frames_in_order(
    objects: Objects, title: Published, tmp_path: Path, codec: str, height: int
) -> None:
    track = f"video/{codec}-{height}"
    assert len(segments(objects, title, track)) == SEGMENTS
    assert decoded(objects, title, track, tmp_path) == list(range(SECONDS * RATE))


@pytest.mark.parametrize("track", ["aac-en", "aac-de", "ac3-en"])
def test_every_sound_track_decodes_all_along(objects: Objects, title: Published, tmp_path: Path, track: str) -> None:
    frames = decoded(objects, title, f"audio/{track}", tmp_path)
    a_frame = 1536 if track.startswith("ac3") else 1024
    assert len(frames) * a_frame / 48000 == pytest.approx(SECONDS, abs=0.1)


def test_a_dub_is_made_in_aac_only(objects: Objects, title: Published) -> None:
    assert segments(objects, title, "audio/ac3-de") == []


def test_hls_offers_every_codec_with_both_sounds_and_both_subtitles(objects: Objects, title: Published) -> None:
    hls = objects.get(title.hls).decode()
    offered = re.findall(r'CODECS="(\w+)\.[^"]*,([\w-]+)[^"]*",RESOLUTION=\d+x(\d+).*SUBTITLES="text"', hls)
    assert {(codec, height) for codec, _, height in offered} == {
        (codec, height) for codec in CODECS.values() for height in ("240", "360")
    }
    assert {sound for _, sound, _ in offered} == {"mp4a", "ac-3"}
    assert set(re.findall(r'TYPE=SUBTITLES.*LANGUAGE="(\w+)"', hls)) == {"en", "de"}
    assert re.findall(r'TYPE=AUDIO.*LANGUAGE="(\w+)".*DEFAULT=YES', hls) == ["en", "en"]


def test_dash_offers_the_same_segments_under_the_titles_key(objects: Objects, title: Published) -> None:
    mpd = ElementTree.fromstring(objects.get(title.dash))
    assert mpd.get("type") == "static"
    tracks = set(mime_types(objects, title))
    pictures = {f"video/{codec}-{height}" for codec in CODECS for height in (240, 360)}
    assert tracks == {*pictures, "audio/aac-en", "audio/aac-de", "audio/ac3-en", "text/en-mp4", "text/de-mp4"}
    keys = {each.get(f"{CENC}default_KID") for each in mpd.iter(f"{DASH}ContentProtection")} - {None}
    assert {str(key).replace("-", "") for key in keys} == {title.key_id}


def test_without_the_key_there_is_no_picture(objects: Objects, title: Published, tmp_path: Path) -> None:
    init = f"{title.hls.rpartition('/')[0]}/video/h264-240/init.mp4"
    keys = [init, *segments(objects, title, "video/h264-240")]
    (tmp_path / "encrypted.mp4").write_bytes(b"".join(objects.get(key) for key in keys))
    words = ["-v", "error", "-xerror", "-i", str(tmp_path / "encrypted.mp4"), "-f", "null", "-"]
    done = subprocess.run([find_binary("ffmpeg"), *words], capture_output=True, check=False)
    assert done.returncode != 0 or done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_plays_every_track_it_knows_with_the_key_of_the_licence_servers(
    objects: Objects, title: Published
) -> None:
    """H.265 and AC-3 are not among what Chromium plays; it is the only one here that decodes AV1."""
    seen = asyncio.run(played(objects, title, ["video/h264-360", "video/vp9-360", "video/av1-360", "audio/aac-de"]))
    for name, said in seen.items():
        assert "error" not in said, (name, said)
        assert said["seconds"] == pytest.approx(SECONDS, abs=0.2), name
        if name.startswith("video"):
            assert said["frames"] > 0, name


async def played(objects: Objects, title: Published, tracks: list[str]) -> dict[str, dict[str, Any]]:
    """What the page says of each track."""
    key = content_key(LICENCE_SECRET, title.title)
    folder = title.hls.rpartition("/")[0]
    types = mime_types(objects, title)
    told = [
        {
            "name": track,
            "type": types[track],
            "addresses": [
                f"/media/{each}" for each in [f"{folder}/{track}/init.mp4", *segments(objects, title, track)]
            ],
        }
        for track in tracks
    ]
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=Path(__file__).with_name("player.html").read_text(), content_type="text/html")

    async def wanted(request: web.Request) -> web.Response:
        return web.json_response({"tracks": told, "key": {"kty": "oct", "kid": key.kid, "k": key.k}})

    async def media(request: web.Request) -> web.Response:
        return web.Response(body=objects.get(request.match_info["key"]))

    async def tell(request: web.Request) -> web.Response:
        seen.set_result(await request.read())
        return web.Response()

    site = web.Application()
    site.add_routes([web.get("/", page), web.get("/tracks", wanted), web.get("/media/{key:.+}", media)])
    site.add_routes([web.post("/seen", tell)])
    runner = web.AppRunner(site)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with asyncio.timeout(PATIENCE_SECONDS), chromium(f"http://127.0.0.1:{runner.addresses[0][1]}/"):
            said: dict[str, dict[str, Any]] = json.loads(await seen)
            return said
    finally:
        await runner.cleanup()


def mime_types(objects: Objects, title: Published) -> dict[str, str]:
    """Of each track, as a player tells it to the browser."""
    found = {}
    for each in ElementTree.fromstring(objects.get(title.dash)).iter(f"{DASH}Representation"):
        template = each.find(f"{DASH}SegmentTemplate")
        assert template is not None
        found[str(template.get("media")).rpartition("/")[0]] = f'{each.get("mimeType")}; codecs="{each.get("codecs")}"'
    return found
