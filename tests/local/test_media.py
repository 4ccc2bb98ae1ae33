"""The media as ffprobe sees it, and the cache when things go wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from target_platform.media import MediaError, cache, prepare
from target_platform.media.ffmpeg import encode, find_binary
from target_platform.media.ladder import Ladder, shipped_ladder
from target_platform.viewers.hls import parse_master, parse_media

LADDER = shipped_ladder()


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoded once, by the command that users have."""
    folder = tmp_path_factory.mktemp("media")
    root = Path(__file__).resolve().parents[2]
    call = [sys.executable, "-m", "target_platform.media", "--cache", str(folder)]
    printed = subprocess.run(call, cwd=root, capture_output=True, text=True, check=True).stdout
    return Path(json.loads(printed)["media"])


@pytest.mark.parametrize("rung", LADDER.rungs, ids=lambda rung: rung.name)
def test_every_rung_is_h264_and_aac_in_its_size(media: Path, rung: Any) -> None:
    video, audio = _probe(media / rung.name / "segment-03.ts", "-show_streams")["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", rung.width, rung.height)
    assert (audio["codec_name"], audio["codec_type"]) == ("aac", "audio")


@pytest.mark.parametrize("rung", LADDER.rungs, ids=lambda rung: rung.name)
def test_every_segment_is_four_seconds_that_begin_with_a_key_frame(media: Path, rung: Any) -> None:
    playlist = media / rung.name / "playlist.m3u8"
    segments = parse_media(playlist.read_text(), str(playlist)).segments
    assert [segment.seconds for segment in segments] == [4.0] * 15
    for segment in segments:
        packets = _probe(Path(segment.path), "-show_packets", "-select_streams", "v")["packets"]
        assert len(packets) == 4 * LADDER.clip.frames_per_second
        assert [number for number, packet in enumerate(packets) if "K" in packet["flags"]] == [0]


def test_there_is_sound_all_along(media: Path) -> None:
    seconds = _probe(media / "240p" / "playlist.m3u8", "-show_packets", "-select_streams", "a")["packets"]
    played = sum(float(packet["duration_time"]) for packet in seconds)
    assert played == pytest.approx(60, abs=0.1)
    detect = ["-i", str(media / "240p" / "playlist.m3u8"), "-af", "volumedetect", "-vn", "-f", "null", "-"]
    told = subprocess.run([find_binary("ffmpeg"), *detect], capture_output=True, text=True, check=True).stderr
    assert float(told.split("max_volume: ")[1].split(" dB")[0]) > -30


def test_the_master_playlist_lists_the_ladder_at_honest_rates(media: Path) -> None:
    variants = parse_master((media / "master.m3u8").read_text(), str(media / "master.m3u8"))
    assert [variant.height for variant in variants] == [240, 480, 720]
    for variant, rung in zip(variants, LADDER.rungs, strict=True):
        assert Path(variant.path).is_file()
        sizes = [path.stat().st_size for path in (media / rung.name).glob("*.ts")]
        assert max(sizes) * 8 / 4 <= variant.bits_per_second * 1.01
        assert variant.bits_per_second < 2 * 1000 * (rung.video_kbps + LADDER.clip.audio_kbps)


def test_a_second_prepare_takes_what_is_there(media: Path) -> None:
    before = (media / "master.m3u8").stat().st_mtime_ns
    assert prepare(media.parent) == media
    assert (media / "master.m3u8").stat().st_mtime_ns == before
    assert sorted(path.name for path in media.parent.iterdir()) == [media.name, f"{media.name}.lock"]


def test_two_at_the_same_time_encode_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []

    def counted(ladder: Ladder, folder: Path) -> None:
        encoded.append(folder)
        encode(ladder, folder)

    monkeypatch.setattr(cache, "encode", counted)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: prepare(tmp_path, _tiny()), range(2))
    assert first == second
    assert len(encoded) == 1


def test_a_half_finished_one_is_never_used_and_is_cleared_away(tmp_path: Path) -> None:
    left_over = tmp_path / f".media-{_tiny().key}.killed"
    left_over.mkdir()
    (left_over / "master.m3u8").touch()
    folder = prepare(tmp_path, _tiny())
    assert (folder / "240p" / "playlist.m3u8").read_text().endswith("#EXT-X-ENDLIST\n")
    assert not left_over.exists()


def test_an_encoder_that_fails_is_told_with_its_last_words_and_leaves_nothing(tmp_path: Path) -> None:
    clip = msgspec.structs.replace(LADDER.clip, preset="no-such-preset")
    with pytest.raises(MediaError, match=r"exit status \d+.*\n.*"):
        prepare(tmp_path, msgspec.structs.replace(_tiny(), clip=clip))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_segments_that_a_full_disk_cut_short_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ffmpeg exits with 0 on a full disk; a limit on the size of files stands in for the disk."""
    real = subprocess.run

    def limited(call: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        return real(["/bin/sh", "-c", 'ulimit -f 16; trap "" XFSZ; exec "$@"', "sh", *call], **more)

    monkeypatch.setattr(subprocess, "run", limited)
    with pytest.raises(MediaError):
        prepare(tmp_path, _tiny())
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(MediaError, match="The media cache /proc/no-such-place cannot be written: "):
        prepare(Path("/proc/no-such-place"), _tiny())


def _tiny() -> Ladder:
    """Eight seconds of the lowest rung."""
    clip = msgspec.structs.replace(LADDER.clip, seconds=8)
    return msgspec.structs.replace(LADDER, clip=clip, rungs=LADDER.rungs[:1])


def _probe(path: Path, *what: str) -> dict[str, Any]:
    call = [find_binary("ffprobe"), "-v", "error", "-of", "json", *what, str(path)]
    answer: dict[str, Any] = json.loads(subprocess.run(call, capture_output=True, check=True).stdout)
    return answer
