"""The ladder: which clip is made and in which qualities it is offered. Data is in ladder.yaml."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

# Raise it when the encoder's command changes: what is cached was made by the old one.
ENCODER_VERSION = 1


class Clip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The generated source. `picture` and `sound` are ffmpeg lavfi sources; `preset` is x264's."""

    seconds: int
    segment_seconds: int
    frames_per_second: int
    picture: str
    sound: str
    audio_kbps: int
    preset: str


class Rung(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quality. The name is also its folder."""

    name: str
    width: int
    height: int
    video_kbps: int


class Ladder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rungs from the lowest to the highest."""

    clip: Clip
    rungs: tuple[Rung, ...]

    @property
    def key(self) -> str:
        """Names everything the encoded files depend on; two ladders with one key encode to the same."""
        content = msgspec.json.encode([ENCODER_VERSION, self])
        return hashlib.sha256(content).hexdigest()[:12]


def shipped_ladder() -> Ladder:
    text = Path(__file__).with_name("ladder.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Ladder)
