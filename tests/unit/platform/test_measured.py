"""What players report of their ways, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from target_platform.delivery.measured import (
    BEHIND_SECONDS,
    ENOUGH_REPORTS,
    FAILING_TIMES,
    TRIED_ONCE_IN,
    Measured,
    Report,
)
from target_platform.delivery.reports import HELD_WAYS, MOST_WAYS, Fetched, Sums
from target_platform.delivery.ways import Way
from target_platform.kit.config import Endpoint
from tests.clock import Clock

FAST, SLOW = 50_000.0, 3_000.0


def way(name: str, reach: int = 0) -> Way:
    server = Endpoint(instance=name, region="here", address=name)
    return Way(provider="p", server=server, service="edge", reach=reach, km=0, is_far=False, address=name)


ONE, OTHER, HUB = way("one"), way("other"), way("hub", reach=1)
WAYS = [ONE, OTHER, HUB]


class Trial:
    def __init__(self) -> None:
        self.clock = Clock()
        self.measured = Measured(self.clock)

    def say(
        self, server: str, kbps: float = FAST, failed: int = 0, fetched: int = 4, times: int = ENOUGH_REPORTS
    ) -> None:
        self.measured.take([report(server, kbps, failed, fetched)] * times, WAYS)
        self.measured.judge(WAYS)

    def is_behind(self, each: Way) -> bool:
        return self.measured.is_behind(each, "slow") or self.measured.is_behind(each, "fails")

    def sent(self, each: Way, starts: int) -> int:
        """How many of so many starts are sent there as if nothing was known."""
        return sum(not self.measured.goes_behind(each, "slow") for _ in range(starts))


def report(server: str, kbps: float = FAST, failed: int = 0, fetched: int = 4, players: int = 1) -> Report:
    return Report(provider="p", server=server, kbps=kbps, failed=failed, fetched=fetched, players=players)


def test_a_way_much_slower_than_its_like_goes_behind() -> None:
    trial = Trial()
    trial.say("other")
    trial.say("one", SLOW)
    assert (trial.measured.is_behind(ONE, "slow"), trial.is_behind(OTHER)) == (True, False)


def test_a_few_reports_say_nothing_and_nor_does_one_slow_one_among_many() -> None:
    trial = Trial()
    trial.say("other")
    trial.say("one", SLOW, times=ENOUGH_REPORTS - 1)
    assert not trial.is_behind(ONE)
    for _ in range(2):
        trial.say("hub", FAST)
    trial = Trial()
    trial.say("other")
    trial.say("one")
    trial.say("one", SLOW, times=1)
    assert not trial.is_behind(ONE)


def test_who_is_alone_is_not_slow_and_nor_is_who_is_fast_enough_for_anybody() -> None:
    trial = Trial()
    trial.say("hub", SLOW)
    trial.say("one", 10_000)
    trial.say("other", 10_000_000)
    assert not any(map(trial.is_behind, WAYS))


def test_a_way_by_which_much_fails_again_and_again_goes_behind_whatever_its_likes_do() -> None:
    trial = Trial()
    for _ in range(FAILING_TIMES):
        assert not trial.is_behind(HUB)
        trial.say("hub", kbps=0, failed=3, fetched=1)
    assert trial.measured.is_behind(HUB, "fails")


def test_a_server_that_dies_and_is_back_is_not_behind_for_it() -> None:
    trial = Trial()
    trial.say("one", failed=1, fetched=1, times=30)
    for _ in range(FAILING_TIMES):
        trial.measured.judge(WAYS)
    assert not trial.is_behind(ONE), "nobody has said anything since"
    trial.say("one", failed=1, fetched=1)
    trial.measured.forget([ONE])
    trial.say("one", failed=1, fetched=1)
    assert not trial.is_behind(ONE)


def test_after_a_while_a_few_are_sent_there_and_what_they_say_decides() -> None:
    trial = Trial()
    trial.say("other")
    trial.say("one", SLOW)
    trial.say("one", FAST)
    assert trial.sent(ONE, starts=80) == 0, "who is still there is not listened to"
    trial.clock.now += BEHIND_SECONDS
    trial.measured.judge(WAYS)
    assert trial.sent(ONE, starts=80) == 80 // TRIED_ONCE_IN
    trial.say("one", SLOW)
    trial.clock.now += BEHIND_SECONDS
    trial.measured.judge(WAYS)
    assert trial.sent(ONE, starts=80) == 0, "the second time it takes twice as long"
    trial.clock.now += BEHIND_SECONDS
    trial.measured.judge(WAYS)
    trial.say("one", FAST)
    assert trial.sent(ONE, starts=80) == 80


@pytest.mark.parametrize(
    "nonsense",
    [
        {"kbps": -1.0},
        {"kbps": float("inf")},
        {"kbps": float("nan")},
        {"kbps": 1e300},
        {"failed": -5},
        {"fetched": 10**9},
        {"players": 0},
        {"players": 10**9},
        {"provider": "nobody"},
        {"server": "elsewhere:80"},
    ],
)
def test_nonsense_changes_nothing(nonsense: dict[str, object]) -> None:
    measured = Measured(Clock())
    sane: dict[str, object] = {"provider": "p", "server": "one", "kbps": FAST, "fetched": 1}
    assert measured.take([Report(**{**sane, **nonsense})], WAYS) == []  # type: ignore[arg-type]  # on purpose
    assert len(measured.take([Report(**sane)], WAYS)) == 1  # type: ignore[arg-type]


def test_no_more_is_kept_than_there_are_ways() -> None:
    measured = Measured(Clock())
    kept: Sequence[Way] = WAYS
    for number in range(100):
        kept = [way(f"pod-{number}-{each}") for each in range(3)]
        measured.take([report(each.address) for each in kept], kept)
        measured.judge(kept)
    assert len(measured) == 3


def test_a_gateway_sums_up_what_its_players_say_by_way_and_one_liar_changes_nothing() -> None:
    sums = Sums(["p"])
    for kbps in (40_000.0, 1.0, 44_000.0):
        sums.add("p", [Fetched(server="one", kbps=kbps, fetched=3, failed=1)])
    sums.add("p", [Fetched(server="other", failed=2)])
    assert sums.take() == (
        Report(provider="p", server="one", kbps=40_000, fetched=2.25, failed=0.75, players=3),
        Report(provider="p", server="other", failed=1),
    )
    assert sums.take() == ()


def test_a_gateway_keeps_so_much_and_no_more_whatever_players_say() -> None:
    sums = Sums(["p"])
    for number in range(HELD_WAYS + 10):
        sums.add("p", [Fetched(server=f"server-{number}", kbps=1e308, fetched=-5, failed=10**12)] * 9)
    sums.add("p", [Fetched(server="x" * 1000)])
    taken = sums.take()
    assert len(taken) == MOST_WAYS
    assert all((each.players, each.kbps, each.fetched, each.failed) == (1, 0, 0, 1) for each in taken)


def test_speeds_that_cannot_be_spoil_no_report() -> None:
    sums = Sums(["p"])
    sums.add("p", [Fetched(server="one", kbps=1e308), Fetched(server="other", kbps=1e308)])
    sums.add("p", [Fetched(server="one", kbps=1e308), Fetched(server="other", kbps=FAST)])
    read = msgspec.json.decode(msgspec.json.encode(sums.take()), type=tuple[Report, ...])
    assert [(each.server, each.kbps, each.is_possible) for each in read] == [("one", 0, True), ("other", FAST, True)]


def test_servers_that_are_invented_keep_nothing_of_those_that_are_there_away() -> None:
    sums = Sums(["p"])
    for number in range(2 * HELD_WAYS):
        sums.add("p", [Fetched(server=f"invented-{number}")])
        if number % 100 == 0:
            sums.add("p", [Fetched(server="one", kbps=FAST, fetched=1)])
    for number in range(HELD_WAYS):
        sums.add(f"invented-{number}", [Fetched(server="one")])
    report, *_ = sums.take()
    assert (report.provider, report.server, report.players) == ("p", "one", 21)


def test_one_liar_among_ten_puts_nobody_behind_however_much_it_says_has_failed() -> None:
    trial = Trial()
    for _ in range(300):
        sums = Sums(["p"])
        for _ in range(10):
            sums.add("p", [Fetched(server="one", kbps=FAST, fetched=3)])
        sums.add("p", [Fetched(server="one", failed=10**9)] * 4)
        trial.measured.take(sums.take(), WAYS)
        trial.measured.judge(WAYS)
        assert not trial.is_behind(ONE)
