"""Whom a call asks first: each in turn, but not who fails too often; and what the quickest first makes of that."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from target_platform.kit.balance import Balance
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BalancePolicy
from tests.clock import Clock
from tests.unit.kit.stage import stage

A, B, FAR = (
    Endpoint(instance=name, region=name.partition("-")[0], address=name) for name in ("here-1", "here-2", "there-1")
)


def names(order: list[Endpoint]) -> list[str]:
    return [each.instance for each in order]


def test_turns_are_kept_until_somebody_fails_too_often() -> None:
    balance = Balance(BalancePolicy(eject_failures=3))
    for failed in (True, False, True, False, False):
        balance.heard(A, 0.001, failed)
    assert names(balance.ordered([A, B])) == ["here-1", "here-2"]
    balance.heard(A, 0.001, failed=True)
    assert names(balance.ordered([A, B])) == ["here-2", "here-1"]


def test_failures_that_are_long_past_do_not_count() -> None:
    balance = Balance(BalancePolicy(eject_failures=3))
    for failed in (True, True, *[False] * 9, True):
        balance.heard(A, 0.001, failed)
    assert names(balance.ordered([A, B])) == ["here-1", "here-2"]


def test_who_was_put_last_comes_before_other_regions_and_has_a_new_beginning_after_its_time() -> None:
    clock = Clock(now=0.0)
    balance = Balance(BalancePolicy(eject_failures=1, eject_seconds=20), clock)
    balance.heard(A, 0.001, failed=True)
    clock.now = 19.9
    assert names(balance.ordered([A, B, FAR])) == ["here-2", "here-1", "there-1"]
    clock.now = 20.0
    assert names(balance.ordered([A, B, FAR])) == ["here-1", "here-2", "there-1"]


def test_when_all_fail_they_go_on_taking_turns() -> None:
    balance = Balance(BalancePolicy(eject_failures=1))
    for each in (A, B):
        balance.heard(each, 0.001, failed=True)
    assert names(balance.ordered([B, A])) == ["here-2", "here-1"]


def test_nobody_is_put_last_unless_the_policy_says_so() -> None:
    balance = Balance(BalancePolicy())
    for _ in range(20):
        balance.heard(A, 0.001, failed=True)
    assert names(balance.ordered([A, B])) == ["here-1", "here-2"]


def test_the_quickest_first_loves_who_fails_at_once() -> None:
    balance = Balance(BalancePolicy(by="quickest"))
    for _ in range(3):
        balance.heard(B, 0.001, failed=True)
        balance.heard(A, 0.004, failed=False)
    assert names(balance.ordered([A, B])) == ["here-2", "here-1"]


def test_who_is_not_known_any_more_is_forgotten() -> None:
    balance = Balance(BalancePolicy(eject_failures=1))
    balance.heard(A, 0.001, failed=True)
    balance.keep([B])
    balance.keep([A, B])
    assert names(balance.ordered([A, B])) == ["here-1", "here-2"]


def slow(draw: float) -> tuple[Balance, Clock]:
    """Of 60 s; whoever is back has its turn when `draw` is less than the share of these that has passed."""
    clock = Clock(now=0.0)
    return Balance(BalancePolicy(slow_start_seconds=60), clock, lambda: draw), clock


def test_who_is_back_has_a_tenth_of_its_turns_at_first_and_all_of_them_in_the_end() -> None:
    for draw, has_its_turn_at in ((0.09, 0.0), (0.11, 6.7), (0.49, 30.0), (0.99, 60.0)):
        balance, clock = slow(draw)
        balance.came_back(A)
        for clock.now in (has_its_turn_at - 1.0, has_its_turn_at):
            has_its_turn = names(balance.ordered([A, B, FAR])) == ["here-1", "here-2", "there-1"]
            assert has_its_turn == (clock.now == has_its_turn_at) or clock.now < 0, (draw, clock.now)


def test_who_is_back_and_has_not_its_turn_comes_before_who_fails_and_before_other_regions() -> None:
    clock = Clock(now=0.0)
    balance = Balance(BalancePolicy(slow_start_seconds=60, eject_failures=1), clock, lambda: 0.5)
    balance.heard(A, 0.001, failed=True)
    balance.came_back(B)
    assert names(balance.ordered([A, B, FAR])) == ["here-2", "here-1", "there-1"]


def test_without_a_slow_start_who_is_back_has_its_turn_at_once() -> None:
    balance = Balance(BalancePolicy(), Clock(now=0.0), lambda: 1.0)
    balance.came_back(A)
    assert names(balance.ordered([A, B])) == ["here-1", "here-2"]


def test_a_call_asks_an_instance_seldom_whose_breaker_has_just_closed() -> None:
    async def run(slow_start_seconds: float, guards: str = "instance") -> int:
        policy = {
            "balance": {"slow_start_seconds": slow_start_seconds},
            "breaker": {"failures": 1, "reset_seconds": 0.001, "guards": guards},
            "backoff": {"first_ms": 0.1, "max_ms": 0.1},
            "deadline_ms": 50_000,
        }
        async with asyncio.timeout(30), stage({"here-1": "500", "here-2": "ok"}, **policy) as made:
            back = made.instances[0]
            with suppress(CallFailed):  # one breaker for both keeps it from the other one as well
                await made.calls.call("callee", Ask(path="/x"))
            back.behaviour = "ok"
            await asyncio.sleep(0.002)
            while back.calls < 2:  # the trial
                await made.calls.call("callee", Ask(path="/x"))
            for _ in range(60):
                await made.calls.call("callee", Ask(path="/x"))
            return back.calls - 2

    assert asyncio.run(run(0)) == 30
    assert asyncio.run(run(3600)) <= 15  # 3 on average; 16 once in a hundred million times
    assert asyncio.run(run(3600, guards="service")) == 30


def test_a_call_leaves_an_instance_alone_that_fails_every_other_time() -> None:
    async def run() -> None:
        policy = {"balance": {"eject_failures": 3}, "backoff": {"first_ms": 0.1, "max_ms": 0.1}, "deadline_ms": 50_000}
        async with asyncio.timeout(30), stage({"here-1": "ok", "here-2": "ok"}, **policy) as made:
            sick = made.instances[0]
            for _ in range(12):  # six turns of the sick one, of which three fail
                sick.behaviour = "500" if sick.behaviour == "ok" else "ok"
                await made.calls.call("callee", Ask(path="/x"))
            before = sick.calls
            for _ in range(6):
                await made.calls.call("callee", Ask(path="/x"))
            assert sick.calls == before

    asyncio.run(run())


def test_how_quick_somebody_was_is_forgotten_so_that_it_is_asked_again() -> None:
    clock = Clock(now=0.0)
    balance = Balance(BalancePolicy(by="quickest"), clock)
    balance.heard(A, 0.001, failed=False)
    balance.heard(B, 0.009, failed=False)
    clock.now = 3.0
    balance.heard(A, 0.001, failed=False)
    clock.now = 3.1
    assert names(balance.ordered([A, B])) == ["here-2", "here-1"]
    balance.heard(B, 0.0005, failed=True)
    assert names(balance.ordered([A, B])) == ["here-2", "here-1"]
