"""The pool of connections to a dependency: each is given back; and what becomes of a pool that loses some."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

import pytest

from target_platform.kit import deadline
from target_platform.kit.client import Ask
from target_platform.kit.connections import Connections
from target_platform.kit.errors import CallFailed, FailureKind
from target_platform.kit.policy import ConnectionsPolicy
from tests.unit.kit.stage import Stage, stage

LEAKS: Literal["unless-given-up"] = "unless-given-up"
IN_USE = 'connections_in_use{target="callee"}'
PATIENT = {"deadline_ms": 60_000, "attempts": 1, "breaker": {"failures": 10_000}}


async def attempt(connections: Connections, ending: FailureKind | None) -> None:
    async with connections.one(time.monotonic() + 0.005):
        if ending is not None:
            raise CallFailed("it failed", ending)


async def failed_with(connections: Connections, ending: FailureKind | None) -> str:
    with pytest.raises(CallFailed) as caught:
        await attempt(connections, ending)
    return caught.value.kind


@pytest.mark.parametrize("ending", ["timeout", "reset", "status", "open"])
def test_a_connection_is_given_back_however_the_attempt_ends(ending: FailureKind) -> None:
    async def run() -> None:
        connections = Connections(ConnectionsPolicy(most=1), "a>b")
        for _ in range(3):
            assert await failed_with(connections, ending) == ending
        await attempt(connections, None)
        assert connections.in_use == 0

    asyncio.run(run())


def test_a_cancelled_attempt_gives_its_connection_back() -> None:
    async def run() -> None:
        connections = Connections(ConnectionsPolicy(most=1, given_back=LEAKS), "a>b")

        async def hold() -> None:
            async with connections.one(time.monotonic() + 60):
                await asyncio.sleep(3600)

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        assert connections.in_use == 1
        assert await failed_with(connections, None) == "deadline"
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await attempt(connections, None)

    asyncio.run(run())


def test_a_pool_that_loses_what_was_given_up_is_empty_after_as_many_and_for_ever() -> None:
    async def run() -> None:
        connections = Connections(ConnectionsPolicy(most=2, given_back=LEAKS), "a>b")
        for ending in ("reset", "timeout", "status", "timeout"):
            assert await failed_with(connections, ending) == ending
        assert connections.in_use == 2
        with pytest.raises(CallFailed, match="a>b: none of 2 connections became free in time"):
            await attempt(connections, None)

    asyncio.run(run())


async def hurried(made: Stage, path: str = "/x") -> FailureKind:
    """How a call ends whose caller has 15 ms left."""
    with deadline.inherited("15"), pytest.raises(CallFailed) as caught:
        await made.calls.call("callee", Ask(path=path))
    return caught.value.kind


def test_a_dependency_that_was_silent_is_asked_again_when_connections_were_given_back() -> None:
    async def run() -> None:
        async with asyncio.timeout(30), stage({"here-1": "hang"}, connections={"most": 3}, **PATIENT) as made:
            for _ in range(6):
                await hurried(made)
            assert made.metric(IN_USE) == 0
            made.instances[0].behaviour = "ok"
            assert (await made.calls.call("callee", Ask(path="/x"))).body == b"here-1"

    asyncio.run(run())


def test_a_dependency_that_is_well_is_not_asked_any_more_when_all_connections_were_lost() -> None:
    async def run() -> None:
        pool = {"most": 3, "given_back": LEAKS}
        async with asyncio.timeout(30), stage({"here-1": "hang"}, connections=pool, **PATIENT) as made:
            while made.metric(IN_USE) < 3:
                assert await hurried(made) in ("timeout", "deadline")
            made.instances[0].behaviour = "ok"
            assert await hurried(made, "/late") == "deadline"
            assert all(headers[":path"] != "/late" for headers in made.instances[0].seen)

    asyncio.run(run())
