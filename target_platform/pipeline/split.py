"""Where a master is cut: by frames, so that nothing is lost, doubled or rounded at a border."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct


class Chunk(Struct, frozen=True, kw_only=True):
    """What one task encodes: a few whole segments. Only the last chunk may end with a shorter segment."""

    number: int
    first_frame: int
    frames: int


def frames_a_segment(rate: Fraction, segment_seconds: float) -> int:
    """As near to the wanted length as whole frames come: 4 s are 120 frames at 29.97 (4.004 s)."""
    return max(1, round(rate * Fraction(segment_seconds)))


def segments(frames: int, segment_frames: int) -> int:
    """How many segments a track of so many frames has."""
    return -(-frames // segment_frames)


def chunks(frames: int, segment_frames: int, chunk_segments: int) -> tuple[Chunk, ...]:
    """All frames, each of them in one chunk."""
    size = segment_frames * chunk_segments
    return tuple(
        Chunk(number=number, first_frame=first, frames=min(size, frames - first))
        for number, first in enumerate(range(0, frames, size))
    )
