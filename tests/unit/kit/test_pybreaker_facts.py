"""What pybreaker really does, and why kit/breaker.py stands in front of it. A new version that differs shows here."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pybreaker
import pytest


class Sick(Exception):
    pass


def half_open(**settings: Any) -> pybreaker.CircuitBreaker:
    breaker = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=60, **settings)
    breaker.half_open()
    return breaker


def test_call_holds_a_lock_during_the_call_so_calls_pass_one_after_the_other() -> None:
    breaker = pybreaker.CircuitBreaker()
    threads = [threading.Thread(target=breaker.call, args=(time.sleep, 0.02)) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 4 * 0.02


def test_a_decorated_coroutine_never_counts_a_failure() -> None:
    breaker = pybreaker.CircuitBreaker(fail_max=3)

    @breaker
    async def sick() -> None:
        raise Sick

    async def fail() -> None:
        for _ in range(10):
            with pytest.raises(Sick):
                await sick()

    asyncio.run(fail())
    assert (breaker.current_state, breaker.fail_counter) == ("closed", 0)


def test_calling_around_an_await_counts_failures_and_lets_calls_overlap() -> None:
    breaker = pybreaker.CircuitBreaker(fail_max=10, throw_new_error_on_trip=False)

    under_way = most = 0

    async def fail() -> None:
        nonlocal under_way, most
        with breaker.calling():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            raise Sick

    async def all_at_once() -> None:
        results = await asyncio.gather(*(fail() for _ in range(10)), return_exceptions=True)
        assert all(isinstance(result, Sick) for result in results)

    asyncio.run(all_at_once())
    assert most == 10
    assert breaker.current_state == "open"


def test_half_open_lets_everybody_through() -> None:
    breaker = half_open()
    entered = 0

    async def trial() -> None:
        nonlocal entered
        with breaker.calling():
            entered += 1
            await asyncio.sleep(0)

    async def all_at_once() -> None:
        await asyncio.gather(*(trial() for _ in range(20)))

    asyncio.run(all_at_once())
    assert entered == 20


def test_a_cancelled_call_counts_as_a_failure_unless_excluded() -> None:
    breaker = pybreaker.CircuitBreaker(fail_max=5)
    with pytest.raises(asyncio.CancelledError), breaker.calling():
        raise asyncio.CancelledError
    assert breaker.fail_counter == 1


def test_an_excluded_cancellation_counts_as_a_success_and_closes_a_half_open_breaker() -> None:
    breaker = half_open(exclude=[asyncio.CancelledError])
    with pytest.raises(asyncio.CancelledError), breaker.calling():
        raise asyncio.CancelledError
    assert breaker.current_state == "closed"


def test_the_tripping_error_is_hidden_by_default() -> None:
    breaker = pybreaker.CircuitBreaker(fail_max=1)
    with pytest.raises(pybreaker.CircuitBreakerError), breaker.calling():
        raise Sick
