"""When a cache may fill, and how fast."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from target_platform.delivery.window import Pace, Window
from target_platform.kit.policy import FillPolicy
from tests.clock import Clock


def at(hour: int, minute: int = 0) -> Clock:
    return Clock(datetime(2026, 3, 1, hour, minute, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("hour", "region", "is_open"),
    [(1, "eu", False), (2, "eu", True), (13, "eu", True), (14, "eu", False), (6, "us", False), (7, "us", True)],
)
def test_the_night_is_that_of_the_region(hour: int, region: str, is_open: bool) -> None:
    policy = FillPolicy(when="night", from_hour=2, until_hour=14, utc_offset_hours={"us": -5})
    assert Window(policy, region, at(hour)).is_open is is_open


@pytest.mark.parametrize(("hour", "is_open"), [(21, False), (22, True), (0, True), (5, True), (6, False)])
def test_a_night_may_go_over_midnight(hour: int, is_open: bool) -> None:
    assert Window(FillPolicy(when="night", from_hour=22, until_hour=6), "eu", at(hour)).is_open is is_open


def test_somebody_may_open_it_at_any_hour_for_a_while() -> None:
    clock = at(20)
    window = Window(FillPolicy(when="never"), "eu", clock)
    seen = [window.is_open]
    window.open_for(60)
    seen.append(window.is_open)
    clock.now += 60
    assert [*seen, window.is_open] == [False, True, False]
    assert Window(FillPolicy(when="always"), "eu", clock).is_open


def test_no_more_bytes_a_second_than_allowed_and_none_saved_up() -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    async def fetch() -> None:
        pace = Pace(1000, clock, sleep)
        began = clock.now
        for _ in range(10):
            await pace.took(500)
        assert clock.now - began == pytest.approx(5)
        clock.now += 100
        began = clock.now
        for _ in range(10):
            await pace.took(500)
        assert clock.now - began == pytest.approx(5)

    asyncio.run(fetch())
