"""The clock and the buffer of a playing title."""

from __future__ import annotations

import pytest

from target_platform.viewers.playback import Playback


def test_the_buffer_drains_while_it_plays() -> None:
    playback = Playback(now=10.0, time_scale=1.0)
    playback.add(10.0, 4.0)
    playback.advance(13.0)
    assert (playback.level, playback.played, playback.stalled) == (1.0, 3.0, 0.0)


def test_an_empty_buffer_is_a_stall_until_the_next_segment() -> None:
    playback = Playback(now=0.0, time_scale=1.0)
    playback.add(0.0, 4.0)
    assert playback.stalled_for(3.0) == 0.0
    assert playback.stalled_for(5.0) == 1.0
    assert playback.stalled_for(5.5) == 1.5
    playback.add(6.0, 4.0)
    assert playback.stalled_for(7.0) == 0.0
    assert (playback.played, playback.stalled) == (5.0, 2.0)


def test_at_a_time_scale_media_runs_faster_and_patience_does_not() -> None:
    playback = Playback(now=0.0, time_scale=4.0)
    playback.add(0.0, 4.0)
    assert playback.stalled_for(1.5) == 0.5
    assert (playback.played, playback.stalled) == (4.0, 2.0)


def test_rebuffering_is_the_stalled_share_of_the_whole() -> None:
    playback = Playback(now=0.0, time_scale=1.0)
    playback.add(0.0, 4.0)
    playback.add(5.0, 4.0)
    playback.advance(8.0)
    playback.finish()
    assert playback.played == 8.0
    assert playback.rebuffer_permille == pytest.approx(1000 * 1 / 9)


def test_nothing_watched_is_no_division_by_zero() -> None:
    assert Playback(now=0.0, time_scale=1.0).rebuffer_permille == 0.0
