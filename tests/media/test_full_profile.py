"""Every codec of the profile `full`, once, on a master of ten seconds: what players are offered, and that it decodes.

Run by `make test-media`.
"""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_platform.media.ffmpeg import find_binary
from target_platform.pipeline.publish import Published
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
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
    tracks = {
        each.find(f"{DASH}SegmentTemplate").get("media").rpartition("/")[0]  # type: ignore[union-attr]  # fails if None
        for each in mpd.iter(f"{DASH}Representation")
    }
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
