"""Devices do again and again what they do at moments of their own; by the clock on the wall they all do it at once."""

from __future__ import annotations

from random import Random

import pytest

from target_platform.viewers.rhythm import Rhythm

HOUR = 3600.0


def moments(rhythm: Rhythm, begun: float) -> list[float]:
    """When a device that began then does it, up to an hour later; what it does takes 50 ms."""
    at, done = begun, []
    while at < HOUR:
        at += rhythm.pause_seconds()
        done.append(at)
        at += 0.05
    return done


def test_pauses_are_drawn_anew_and_as_long_as_said_on_average() -> None:
    rhythm = Rhythm(8.0, Random("a device"))
    pauses = [rhythm.pause_seconds() for _ in range(1000)]
    assert sum(pauses) / 1000 == pytest.approx(8.0, rel=0.02)
    assert 6.4 <= min(pauses) < 6.6
    assert 9.4 < max(pauses) <= 9.6


def test_devices_that_were_made_to_begin_together_are_soon_apart() -> None:
    """Of fifty that begin in one second, how many are within the same second of eight, ten minutes later?"""
    devices = [Rhythm(8.0, Random(f"device {number}")) for number in range(50)]
    at = [next(moment for moment in moments(device, 0.0) if moment >= 600) for device in devices]
    most = max(sum(1 for other in at if moment <= other < moment + 1) for moment in at)
    assert most < 20


@pytest.mark.parametrize("begun", [0.3, 5.1, 7.99])
def test_by_the_clock_all_do_it_when_the_clock_says_so(begun: float) -> None:
    now = begun
    rhythm = Rhythm(8.0, Random("a device"), by_the_clock=True, now=lambda: now)
    now += rhythm.pause_seconds()
    assert now % 8.0 == pytest.approx(0.0)
    now += 0.05
    assert now + rhythm.pause_seconds() == pytest.approx(now - 0.05 + 8.0)


def test_a_timer_that_ends_a_moment_too_early_does_not_make_it_happen_twice() -> None:
    rhythm = Rhythm(8.0, Random("a device"), by_the_clock=True, now=lambda: 15.999)
    assert rhythm.pause_seconds() == pytest.approx(8.001)
