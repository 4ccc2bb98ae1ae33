"""Profiles: which codecs, qualities and pictures are made of a master. Data is in profiles.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform.pipeline.errors import Rejected


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a master may be."""

    longest_seconds: float
    shortest_seconds: float


class Codec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture encoder. `share` is what it needs of H.264's bits for about the same picture; `words` go to ffmpeg."""

    share: float
    capped: bool
    words: tuple[str, ...]


class Sound(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sound encoder; `dubs` says whether dubbed tracks are made in it too."""

    words: tuple[str, ...]
    dubs: bool


class Rung(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quality, with the bounds of its rate in H.264."""

    height: int
    least_kbps: int
    most_kbps: int


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`chunk_segments` segments are one task; `rungs` go from the lowest to the highest."""

    segment_seconds: float
    chunk_segments: int
    codecs: tuple[str, ...]
    sounds: tuple[str, ...]
    rungs: tuple[Rung, ...]


class Thumbnails(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Small pictures for a seek bar, `columns` x `rows` of them in one file."""

    every_seconds: int
    width: int
    columns: int
    rows: int


class Artwork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shape of the picture that stands for a title."""

    name: str
    width: int
    height: int


class Shipped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of profiles.yaml."""

    limits: Limits
    codecs: dict[str, Codec]
    sounds: dict[str, Sound]
    profiles: dict[str, Profile]
    thumbnails: Thumbnails
    artwork: tuple[Artwork, ...]

    def profile(self, name: str) -> Profile:
        """Raises Rejected for a profile that does not exist."""
        if name not in self.profiles:
            raise Rejected(f"There is no profile {name!r} (known: {', '.join(self.profiles)}).")
        return self.profiles[name]


@cache
def shipped() -> Shipped:
    return msgspec.yaml.decode(Path(__file__).with_name("profiles.yaml").read_bytes(), type=Shipped)
