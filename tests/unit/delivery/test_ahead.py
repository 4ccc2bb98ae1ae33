"""Fetching ahead of viewers who walk along a title."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from target_platform.delivery.ahead import REST_SECONDS, SURE_AFTER, Ahead, Source
from target_platform.kit.errors import CallFailed
from tests.clock import Clock

END = 15


def segment(number: int, quality: str = "480p", title: str = "t") -> str:
    return f"/media/{title}/{quality}/segment-{number:02d}.ts"


class Tier:
    """Has segments up to the end of the title; answers when it is let."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False

    async def fetch(self, path: str) -> bool:
        self.asked.append(path)
        await self.open.wait()
        if self.fails:
            raise CallFailed("it is gone", "refused")
        if segment(END) <= path.replace("720p", "480p"):
            return False
        self.kept.add(path)
        return True

    def ahead(self, segments: int, clock: Clock) -> Ahead:
        return Ahead(Source(self.kept.__contains__, self.fetch), segments, clock)


def play(segments: int, scene: Callable[[Ahead, Tier, Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        tier, clock = Tier(), Clock()
        ahead = tier.ahead(segments, clock)
        await scene(ahead, tier, clock)
        await ahead.close()

    asyncio.run(run())


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_the_next_segments_are_there_before_they_are_asked_for() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        ahead.asked("ann", segment(3))
        await settle()
        assert tier.asked == [segment(4), segment(5)]
        ahead.asked("ann", segment(4))
        await settle()
        assert tier.asked == [segment(4), segment(5), segment(6)], "what is there is not fetched again"

    play(2, scene)


def test_a_playlist_is_not_walked_along() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        ahead.asked("ann", "/media/t/480p/playlist.m3u8")
        ahead.asked("ann", "/metrics")
        await settle()
        assert tier.asked == []

    play(2, scene)


def test_nothing_is_fetched_ahead_when_that_is_switched_off() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        ahead.asked("ann", segment(3))
        await settle()
        assert tier.asked == []

    play(0, scene)


def test_who_goes_elsewhere_is_not_followed_any_further() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        tier.open.clear()
        ahead.asked("ann", segment(3))
        await settle()
        ahead.asked("ann", segment(0, title="other"))
        tier.open.set()
        await settle()
        assert segment(5) not in tier.asked
        assert segment(2, title="other") in tier.asked

    play(2, scene)


def test_in_which_quality_viewers_go_on_is_learnt_from_those_before() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        for viewer in range(SURE_AFTER):
            ahead.asked(f"viewer {viewer}", segment(3, "480p"))
            ahead.asked(f"viewer {viewer}", segment(4, "720p"))
        await settle()
        tier.asked.clear()
        ahead.asked("ann", segment(3, "480p", title="other"))
        await settle()
        assert tier.asked == [segment(4, "720p", title="other"), segment(5, "720p", title="other")]

    play(2, scene)


def test_what_was_learnt_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whoever invents qualities fills no memory."""
    monkeypatch.setattr("target_platform.delivery.ahead.MOST_STEPS", 2)

    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        for viewer in range(SURE_AFTER):
            ahead.asked(f"viewer {viewer}", segment(3, "480p"))
            ahead.asked(f"viewer {viewer}", segment(4, "720p"))
        await settle()
        for quality in ("invented", "invented too"):
            ahead.asked("mallory", segment(3, quality))
            ahead.asked("mallory", segment(4, quality))
        await settle()
        tier.asked.clear()
        ahead.asked("ann", segment(3, "480p", title="other"))
        await settle()
        assert tier.asked == [segment(4, "480p", title="other")]

    play(1, scene)


def test_sound_in_a_track_of_its_own_is_another_walk_of_the_same_viewer() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        for number in (3, 4):
            ahead.asked("ann", segment(number, "video/h264-480"))
            ahead.asked("ann", segment(number, "audio/en"))
            await settle()
        later = [segment(number, quality) for number in (4, 5) for quality in ("video/h264-480", "audio/en")]
        assert sorted(tier.asked) == sorted(later)

    play(1, scene)


def test_a_title_that_has_ended_is_asked_for_more_only_once() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        for viewer in ("ann", "bob"):
            ahead.asked(viewer, segment(END - 1))
            await settle()
        assert tier.asked == [segment(END)]

    play(1, scene)


def test_a_tier_that_has_failed_is_left_alone_for_a_while() -> None:
    async def scene(ahead: Ahead, tier: Tier, clock: Clock) -> None:
        tier.fails = True
        ahead.asked("ann", segment(3))
        await settle()
        assert tier.asked == [segment(4)]
        ahead.asked("bob", segment(7))
        await settle()
        assert tier.asked == [segment(4)]
        clock.now += REST_SECONDS
        ahead.asked("bob", segment(8))
        await settle()
        assert tier.asked == [segment(4), segment(9)]

    play(1, scene)
