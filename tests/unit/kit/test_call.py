"""The way out of a service: what reaches the dependency, when the caller gets its answer, and what that answer is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from target_platform.kit import deadline
from target_platform.kit.client import Ask, Reply
from target_platform.kit.errors import CallFailed, Undeclared
from tests.unit.kit.stage import Stage, stage

GET = Ask(path="/x")
ONE_ATTEMPT = {"attempts": 1, "breaker": {"failures": 1000}}
QUICK = {"backoff": {"first_ms": 0.1, "max_ms": 0.1}}
PATIENT = {"deadline_ms": 60_000}
"""Where a test is not about time: on a busy machine also what is well may take long."""


def on_stage(play: Callable[[Stage], Awaitable[None]], behaviours: dict[str, str], **policy: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(30):
            async with stage(behaviours, **{**QUICK, **PATIENT, **policy}) as made:
                await play(made)

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for is a server's count
        await asyncio.sleep(0.001)


async def failure_of(call: Awaitable[Reply]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await call
    return caught.value


def test_instances_of_the_own_region_take_turns_and_the_other_region_is_left_alone() -> None:
    async def play(made: Stage) -> None:
        answers = [(await made.calls.call("callee", GET)).body for _ in range(4)]
        assert answers == [b"here-1", b"here-2", b"here-1", b"here-2"]

    on_stage(play, {"here-1": "ok", "here-2": "ok", "there-1": "ok"}, failover="other-region")


@pytest.mark.parametrize("sick", ["503", "reset", "hang"])
def test_a_retry_goes_to_the_next_instance(sick: str) -> None:
    async def play(made: Stage) -> None:
        answers = [(await made.calls.call("callee", GET)).body for _ in range(3)]
        assert set(answers) == {b"here-2"}
        assert made.metric('call_retries_total{target="callee"}') >= 1

    many = {"attempts": 20, "retry_budget": {"burst": 100}, "breaker": {"failures": 1000}}
    on_stage(play, {"here-1": sick, "here-2": "ok"}, attempt_ms=200, **many)


def test_a_sick_instance_is_the_first_in_every_second_call_and_no_oftener() -> None:
    async def play(made: Stage) -> None:
        for _ in range(10):
            assert (await made.calls.call("callee", GET)).body == b"here-2"
        assert made.instances[0].calls == 5

    on_stage(play, {"here-1": "503", "here-2": "ok"}, breaker={"failures": 1000})


def test_a_retry_is_made_when_nobody_listens() -> None:
    async def play(made: Stage) -> None:
        await made.instances[0].stop()
        assert (await made.calls.call("callee", GET)).body == b"here-2"
        line = 'call_attempts_total{caller="caller",outcome="refused",region="here",target="callee"}'
        assert made.metric(line) == 1

    on_stage(play, {"here-1": "ok", "here-2": "ok"})


def test_an_answer_of_400_is_an_answer() -> None:
    async def play(made: Stage) -> None:
        for _ in range(10):
            assert (await made.calls.call("callee", GET)).status == 404
        assert made.total == 10
        assert made.metric('breaker_state{caller="caller",region="here",target="callee"}') == 0

    on_stage(play, {"here-1": "404"}, breaker={"failures": 2})


def test_what_is_not_idempotent_is_asked_once() -> None:
    async def play(made: Stage) -> None:
        ask = Ask(path="/x", method="POST", body=b"{}", idempotent=False)
        assert (await failure_of(made.calls.call("callee", ask))).kind == "status"
        assert made.total == 1

    on_stage(play, {"here-1": "503", "here-2": "503"}, attempts=3)


@pytest.mark.parametrize(("attempt_ms", "least_attempts"), [(25, 2), (5000, 1)])
def test_the_deadline_bounds_the_whole_call_whatever_the_dependency_does(attempt_ms: int, least_attempts: int) -> None:
    async def play(made: Stage) -> None:
        while made.total < least_attempts:  # a busy machine may need all the time for the first one
            for each in made.instances:
                each.seen.clear()
            began = time.monotonic()
            assert (await failure_of(made.calls.call("callee", GET))).kind in ("timeout", "deadline")
            assert 0.05 <= time.monotonic() - began < 4

    many = {"attempts": 20, "retry_budget": {"burst": 1000}, "breaker": {"failures": 1000}}
    on_stage(play, {"here-1": "hang", "here-2": "hang"}, deadline_ms=60, attempt_ms=attempt_ms, **many)


def test_the_time_left_is_sent_along_and_shrinks() -> None:
    async def play(made: Stage) -> None:
        with deadline.inherited("40000"):
            await asyncio.sleep(0.02)
            await made.calls.call("callee", GET)
        await made.calls.call("callee", GET)
        shrunk, fresh = (int(head["x-deadline-ms"]) for head in made.instances[0].seen)
        assert shrunk <= 39_980
        assert 40_000 < fresh <= 60_000

    on_stage(play, {"here-1": "ok"}, deadline_ms=60_000)


def test_nobody_is_asked_when_the_callers_deadline_is_over() -> None:
    async def play(made: Stage) -> None:
        with deadline.inherited("0"):
            assert (await failure_of(made.calls.call("callee", GET))).kind == "deadline"
        assert made.total == 0

    on_stage(play, {"here-1": "ok"})


def test_a_hurried_callers_timeouts_do_not_open_the_breaker() -> None:
    async def play(made: Stage) -> None:
        for _ in range(4):
            with deadline.inherited("5"):
                await failure_of(made.calls.call("callee", GET))
        made.instances[0].behaviour = "ok"
        assert (await made.calls.call("callee", GET)).body == b"here-1"

    on_stage(play, {"here-1": "hang"}, breaker={"failures": 2}, attempts=1)


def test_an_open_breaker_answers_at_once_and_spares_the_dependency() -> None:
    async def play(made: Stage) -> None:
        for _ in range(3):
            await failure_of(made.calls.call("callee", GET))
        assert made.metric('breaker_state{caller="caller",region="here",target="callee"}') == 2
        made.instances[0].behaviour = "hang"
        before = made.total
        for _ in range(20):
            assert (await failure_of(made.calls.call("callee", GET))).kind == "open"
        assert made.total == before

    on_stage(play, {"here-1": "503"}, attempts=1, breaker={"failures": 3, "reset_seconds": 60})


def test_a_dead_instance_is_left_alone_and_the_living_one_is_not() -> None:
    async def play(made: Stage) -> None:
        dead, living = made.instances
        for _ in range(12):
            assert (await made.calls.call("callee", GET)).body == b"here-2"
        assert (dead.calls, living.calls) == (3, 12)
        labels = 'caller="caller",instance="here-1",region="here",target="callee"'
        assert made.metric(f"breaker_instance_state{{{labels}}}") == 2
        assert made.metric('breaker_state{caller="caller",region="here",target="callee"}') == 0

    on_stage(play, {"here-1": "503", "here-2": "ok"}, breaker={"failures": 3})


def test_after_the_reset_time_one_of_twenty_calls_is_let_through_and_the_breaker_closes() -> None:
    async def play(made: Stage) -> None:
        [instance] = made.instances
        await failure_of(made.calls.call("callee", GET))
        await asyncio.sleep(0.03)
        instance.behaviour = "ok"
        calls = [made.calls.call("callee", GET) for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(each, Reply) for each in ended) == 1
        assert instance.calls == 2
        assert (await made.calls.call("callee", GET)).body == b"here-1"

    on_stage(play, {"here-1": "503"}, attempts=1, breaker={"failures": 1, "reset_seconds": 0.02})


def test_a_cancelled_caller_is_no_failure_of_the_dependency() -> None:
    async def play(made: Stage) -> None:
        [instance] = made.instances
        for number in range(5):
            task = asyncio.create_task(made.calls.call("callee", GET))
            await until(lambda: instance.calls > number)  # noqa: B023  it is asked in this round only
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        instance.behaviour = "ok"
        assert (await made.calls.call("callee", GET)).body == b"here-1"
        line = 'call_attempts_total{caller="caller",outcome="cancelled",region="here",target="callee"}'
        assert made.metric(line) == 5

    on_stage(play, {"here-1": "hang"}, breaker={"failures": 2})


def test_a_failing_dependency_sees_a_tenth_more_calls_and_no_more() -> None:
    async def play(made: Stage) -> None:
        for _ in range(200):
            await failure_of(made.calls.call("callee", GET))
        assert 200 * 1.1 - 1 <= made.total <= 200 * 1.1 + 5

    budget = {"share": 0.1, "burst": 5}
    on_stage(play, {"here-1": "503"}, attempts=4, retry_budget=budget, breaker={"failures": 10_000})


def test_without_spread_the_pauses_before_retries_are_never_shorter_than_written() -> None:
    """20, 40 and 80 ms. With spread they are as short as chance has it, half of that on average."""

    async def play(made: Stage) -> None:
        began = time.monotonic()
        await failure_of(made.calls.call("callee", GET))
        assert time.monotonic() - began >= 0.139

    failing = {"attempts": 4, "retry_budget": {"burst": 100}, "breaker": {"failures": 1000}}
    on_stage(play, {"here-1": "503"}, backoff={"first_ms": 20, "max_ms": 100, "spread": "none"}, **failing)


def test_beyond_the_bulkhead_and_its_queue_a_call_is_refused_at_once() -> None:
    async def play(made: Stage) -> None:
        waiting = [asyncio.create_task(made.calls.call("callee", GET)) for _ in range(5)]
        await until(lambda: made.total == 3)
        assert (await failure_of(made.calls.call("callee", GET))).kind == "full"
        assert made.total == 3
        await made.instances[0].stop()
        assert [(await failure_of(each)).kind for each in waiting] == ["refused"] * 5
        line = 'call_attempts_total{caller="caller",outcome="refused",region="here",target="callee"}'
        assert made.metric(line) == 5, "those of the queue came to their turn"

    on_stage(play, {"here-1": "hang"}, bulkhead={"concurrent": 3, "queue": 2}, **ONE_ATTEMPT)


def test_a_place_in_the_bulkhead_is_waited_for_until_the_deadline_and_is_free_again_afterwards() -> None:
    async def play(made: Stage) -> None:
        first = asyncio.create_task(made.calls.call("callee", GET))
        await until(lambda: made.total == 1)
        with deadline.inherited("20"):
            assert (await failure_of(made.calls.call("callee", GET))).kind == "deadline"
        assert made.total == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        made.instances[0].behaviour = "ok"
        assert (await made.calls.call("callee", GET)).body == b"here-1"

    on_stage(play, {"here-1": "hang"}, bulkhead={"concurrent": 1, "queue": 1}, **ONE_ATTEMPT)


def test_the_other_region_answers_when_the_own_one_cannot() -> None:
    async def play(made: Stage) -> None:
        for _ in range(8):
            assert (await made.calls.call("callee", GET)).body == b"there-1"
        assert made.instances[0].calls == made.instances[1].calls == 2  # then their breakers are open

    behaviours = {"here-1": "503", "here-2": "503", "there-1": "ok"}
    on_stage(play, behaviours, failover="other-region", attempts=3, breaker={"failures": 2})


def test_a_call_that_is_bound_to_a_region_is_asked_nowhere_else() -> None:
    async def play(made: Stage) -> None:
        for _ in range(4):
            assert (await made.calls.call("callee", GET)).body == b"there-1"

    on_stage(play, {"here-1": "ok", "there-1": "ok"}, only_region="there")


def test_without_failover_the_other_region_is_never_asked() -> None:
    async def play(made: Stage) -> None:
        for _ in range(4):
            await failure_of(made.calls.call("callee", GET))
        assert made.instances[1].calls == 0

    on_stage(play, {"here-1": "503", "there-1": "ok"}, failover="none", attempts=3, breaker={"failures": 2})


async def popular() -> Reply:
    return Reply(body=b"popular")


@pytest.mark.parametrize("sick", ["503", "reset", "hang"])
def test_the_fallback_that_the_policy_names_answers_instead(sick: str) -> None:
    async def play(made: Stage) -> None:
        for _ in range(5):
            reply = await made.calls.call("callee", GET, {"popular": popular})
            assert (reply.body, reply.fallback) == (b"popular", "popular")
        assert made.metric('call_fallbacks_total{fallback="popular",target="callee"}') == 5

    on_stage(play, {"here-1": sick}, fallback="popular", attempt_ms=10, deadline_ms=30, breaker={"failures": 3})


def test_a_fallback_that_the_policy_does_not_name_stays_unused() -> None:
    async def play(made: Stage) -> None:
        with pytest.raises(CallFailed):
            await made.calls.call("callee", GET, {"popular": popular})

    on_stage(play, {"here-1": "503"}, fallback="none")


def test_whom_a_service_calls_it_must_declare() -> None:
    async def play(made: Stage) -> None:
        with pytest.raises(Undeclared, match="caller calls stranger"):
            await made.calls.call("stranger", GET)

    on_stage(play, {"here-1": "ok"})
