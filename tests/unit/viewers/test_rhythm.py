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


@pytest.mark.parametrize("begun", [0.4, 5.1, 7.9])
def test_by_the_clock_all_do_it_when_the_clock_says_so_as_well_as_their_clocks_agree(begun: float) -> None:
    now = begun
    devices = [Rhythm(8.0, Random(device), by_the_clock=True, now=lambda: now) for device in range(20)]
    first = [now + device.pause_seconds() for device in devices]
    assert all(at % 8.0 <= 0.3 for at in first)
    now = max(first) + 0.05
    then = [now + device.pause_seconds() for device in devices]
    assert then == [pytest.approx(at + 8.0) for at in first], "each one's clock is always as late"


def test_a_timer_that_ends_a_moment_too_early_does_not_make_it_happen_twice() -> None:
    now = 0.4
    rhythm = Rhythm(8.0, Random("a device"), by_the_clock=True, now=lambda: now)
    due = now + rhythm.pause_seconds()
    now = due - 0.001
    assert now + rhythm.pause_seconds() == pytest.approx(due + 8.0)
