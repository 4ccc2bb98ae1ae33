"""Nobody sticks to the region that stood in: players go home again when home is back."""

from __future__ import annotations

from typing import Literal

import pytest

from target_platform.viewers import fetch
from target_platform.viewers.directory import Directory, PlayerPolicy
from target_platform.viewers.dns import Dns
from target_platform.viewers.fetch import Route

HOME, AWAY, FURTHER = "home", "away", "further"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("target_platform.viewers.fetch.time", made)
    return made


def asked(route: Route, clock: Clock, alive: set[str]) -> list[str]:
    """Whom one request asks, the last of them being the one that answers."""
    tried = []
    for base, _ in route.attempts(clock.now + 10):
        tried.append(base)
        if base in alive:
            break
    return tried


def test_a_new_session_begins_at_home(clock: Clock) -> None:
    assert asked(Route([HOME, AWAY]), clock, {HOME, AWAY}) == [HOME]


def test_while_home_is_dead_it_stays_where_it_is_served(clock: Clock) -> None:
    route = Route([HOME, AWAY])
    assert asked(route, clock, {AWAY}) == [HOME, AWAY]
    clock.now += 4
    assert asked(route, clock, {AWAY}) == [AWAY]


def test_it_goes_home_within_a_bounded_time_of_homes_return(clock: Clock) -> None:
    route = Route([HOME, AWAY])
    for _ in range(60):  # a minute of requests, one a second, while home is dead
        asked(route, clock, {AWAY})
        clock.now += 1
    returned_at = clock.now
    while asked(route, clock, {HOME, AWAY}) != [HOME]:
        clock.now += 1
    assert clock.now - returned_at <= fetch.FAILBACK_AT_MOST_SECONDS
    assert asked(route, clock, {HOME, AWAY}) == [HOME]


def test_looks_at_a_home_that_stays_dead_become_rare(clock: Clock) -> None:
    route = Route([HOME, AWAY])
    looks = 0
    for _ in range(120):
        looks += HOME in asked(route, clock, {AWAY})
        clock.now += 1
    assert looks <= 10


def test_who_was_told_where_to_begin_begins_there(clock: Clock) -> None:
    route = Route([HOME, AWAY, FURTHER])
    route.begin_at(FURTHER)
    assert asked(route, clock, {HOME, AWAY, FURTHER}) == [FURTHER]


def test_where_failback_is_done_by_hand_later_sessions_follow_the_first_that_moved() -> None:
    homes: list[tuple[Literal["home", "by-hand"], str]] = [("home", "east"), ("by-hand", "west")]
    for failback, region in homes:
        asking = PlayerPolicy(deadline_ms=1000, attempts=4, failover="other-region", failback=failback)
        directory = Directory(regions=("east", "west"), gateways={"east": ("e",), "west": ("w",)}, ask_gateway=asking)
        dns = Dns(directory)
        dns.answered("east", "e")
        assert dns.region_for("east") == "east"
        dns.answered("east", "w")
        assert (dns.region_for("east"), dns.region_for("west")) == (region, "west")
