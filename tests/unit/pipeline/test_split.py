"""Every frame is in exactly one chunk, whatever the numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_platform.pipeline.split import chunks, frames_a_segment, segments


@given(frames=st.integers(1, 100_000), segment_frames=st.integers(12, 1800), chunk_segments=st.integers(1, 8))
def test_no_frame_is_lost_or_doubled(frames: int, segment_frames: int, chunk_segments: int) -> None:
    cut = chunks(frames, segment_frames, chunk_segments)
    assert [chunk.number for chunk in cut] == list(range(len(cut)))
    assert cut[0].first_frame == 0
    assert all(one.first_frame + one.frames == other.first_frame for one, other in pairwise(cut))
    assert cut[-1].first_frame + cut[-1].frames == frames
    assert min(chunk.frames for chunk in cut) > 0


@given(frames=st.integers(1, 100_000), segment_frames=st.integers(12, 1800), chunk_segments=st.integers(1, 8))
def test_borders_of_chunks_are_borders_of_segments(frames: int, segment_frames: int, chunk_segments: int) -> None:
    cut = chunks(frames, segment_frames, chunk_segments)
    assert all(chunk.first_frame % segment_frames == 0 for chunk in cut)
    assert sum(segments(chunk.frames, segment_frames) for chunk in cut) == segments(frames, segment_frames)


@pytest.mark.parametrize(
    ("rate", "seconds", "frames"), [("24", 4, 96), ("30000/1001", 4, 120), ("24000/1001", 4, 96), ("25", 0.001, 1)]
)
def test_a_segment_is_a_whole_number_of_frames(rate: str, seconds: float, frames: int) -> None:
    assert frames_a_segment(Fraction(rate), seconds) == frames
