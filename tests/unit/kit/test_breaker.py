"""The breaker as services meet it."""

from __future__ import annotations

import asyncio

import pytest

from target_platform.kit.breaker import Breaker
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BreakerPolicy
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(BreakerPolicy(failures=3, reset_seconds=2), "here/catalog-1", clock)


def state(breaker: Breaker) -> str:
    return breaker.state.name


def fail(breaker: Breaker) -> None:
    with pytest.raises(CallFailed, match="answered 503"), breaker.calling():
        raise CallFailed("it answered 503", "status")


def succeed(breaker: Breaker) -> None:
    with breaker.calling():
        pass


def open_it(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker)


def test_opens_after_so_many_failures_in_a_row_and_hands_on_the_error_that_tripped_it(breaker: Breaker) -> None:
    open_it(breaker)
    assert state(breaker) == "OPEN"
    with pytest.raises(CallFailed, match="left alone") as refused, breaker.calling():
        pytest.fail("an open breaker must not let a call through")
    assert refused.value.kind == "open"


def test_a_success_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    fail(breaker)
    assert state(breaker) == "CLOSED"


def test_admits_nobody_until_the_reset_time_is_over(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now += 1.99
    assert not breaker.admits
    clock.now += 0.02
    assert breaker.admits


def test_a_successful_trial_closes_it(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now += 2.1
    succeed(breaker)
    assert state(breaker) == "CLOSED"


def test_a_failed_trial_opens_it_for_another_reset_time(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now += 2.1
    fail(breaker)
    assert state(breaker) == "OPEN"
    clock.now += 1.9
    assert not breaker.admits


def test_of_twenty_calls_at_once_one_is_the_trial(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now += 2.1
    entered = 0

    async def call() -> None:
        nonlocal entered
        with breaker.calling():
            entered += 1
            assert state(breaker) == "HALF_OPEN"
            await asyncio.sleep(0.001)

    async def all_at_once() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(20)), return_exceptions=True)

    refused = [result for result in asyncio.run(all_at_once()) if isinstance(result, CallFailed)]
    assert (entered, len(refused)) == (1, 19)
    assert state(breaker) == "CLOSED"


def test_failing_calls_overlap_and_are_counted(breaker: Breaker) -> None:
    under_way = most = 0

    async def call() -> None:
        nonlocal under_way, most
        with breaker.calling():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            raise CallFailed("sick", "status")

    async def all_at_once() -> None:
        await asyncio.gather(*(call() for _ in range(10)), return_exceptions=True)

    asyncio.run(all_at_once())
    assert most == 10
    assert state(breaker) == "OPEN"


def test_cancellation_is_neither_a_failure_nor_a_success(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    for _ in range(5):
        with pytest.raises(asyncio.CancelledError), breaker.calling():
            raise asyncio.CancelledError
    assert state(breaker) == "CLOSED"
    fail(breaker)
    assert state(breaker) == "OPEN"  # the two failures before the cancellations were not forgotten


def test_a_cancelled_trial_decides_nothing_and_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    open_it(breaker)
    clock.now += 2.1
    with pytest.raises(asyncio.CancelledError), breaker.calling():
        raise asyncio.CancelledError
    assert state(breaker) == "HALF_OPEN"
    fail(breaker)
    assert state(breaker) == "OPEN"


def test_a_timeout_of_a_hurried_caller_says_nothing_about_the_dependency(breaker: Breaker) -> None:
    for _ in range(10):
        with pytest.raises(CallFailed), breaker.calling():
            raise CallFailed("no answer within 3 ms", "timeout", hurried=True)
    assert state(breaker) == "CLOSED"


def test_a_late_failure_from_before_does_not_prolong_the_opening(breaker: Breaker, clock: Clock) -> None:
    slow = breaker.calling()
    slow.__enter__()
    open_it(breaker)
    clock.now += 1.9
    late = CallFailed("it answered 503 at last", "status")
    assert not slow.__exit__(CallFailed, late, None)
    clock.now += 0.2
    assert breaker.admits


def test_a_late_success_from_before_does_not_close_it(breaker: Breaker, clock: Clock) -> None:
    slow = breaker.calling()
    slow.__enter__()
    open_it(breaker)
    slow.__exit__(None, None, None)
    assert state(breaker) == "OPEN"
    clock.now += 2.1
    fail(breaker)
    assert state(breaker) == "OPEN"
