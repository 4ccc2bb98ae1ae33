"""An instance that is too full serves what matters most: over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.breaker import Breaker, BreakerState
from target_platform.kit.client import Ask, Client
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BreakerPolicy, parse_policies
from target_platform.kit.serve import running
from target_platform.kit.service import Instance, Service
from target_platform.kit.shedding import TICK_SECONDS, TICKS, Rate
from target_platform.weaknesses import effective_policies
from tests.unit.kit.stage import config_for

POLICIES = """
shedding:
  concurrent: 4
  delay_ms: 60000
  retry_after_seconds: 3
  otherwise: 0.5
  priorities:
    playing: {share: 1.0, paths: [/play]}
    heartbeats: {share: 0.5, paths: [/heartbeat]}
"""
"""The delay at which nobody is let in any more is one that also a busy machine never makes by itself."""


class Crowd:
    """Requests that stay under way until `leave` is set, and others that ask whether they are let in."""

    def __init__(self, instance: Instance, session: aiohttp.ClientSession, leave: asyncio.Event) -> None:
        self.base = f"http://127.0.0.1:{instance.config.port}"
        self._session = session
        self.leave = leave
        self._inside: list[asyncio.Task[int]] = []

    async def enter(self, path: str, number: int) -> None:
        for _ in range(number):
            self._inside.append(asyncio.create_task(self.status(f"{path}/and-stay")))
        while f"requests_under_way {float(len(self._inside))}" not in await self.text("/metrics"):
            pass

    async def statuses(self) -> list[int]:
        return await asyncio.gather(*self._inside)

    async def status(self, path: str) -> int:
        async with self._session.get(self.base + path) as response:
            return response.status

    async def headers(self, path: str) -> Mapping[str, str]:
        async with self._session.get(self.base + path) as response:
            return response.headers.copy()

    async def text(self, path: str) -> str:
        async with self._session.get(self.base + path) as response:
            return await response.text()


def visit(folder: Path, play: Callable[[Crowd], Awaitable[None]], policies: str = POLICIES) -> None:
    async def run() -> None:
        leave = asyncio.Event()

        async def stay(request: Request) -> Response:
            await leave.wait()
            return Response()

        async def pass_by(request: Request) -> Response:
            return Response()

        routes = [Route("/{kind}/and-stay", stay), Route("/{kind}", pass_by), Route("/{kind}/{title}", pass_by)]
        service = Service(name="door", criticality="critical", routes=lambda instance: routes)
        (folder / "policies.yaml").write_text(policies)
        async with (
            asyncio.timeout(50),
            running(service, config_for(folder, "door")) as instance,
            aiohttp.ClientSession() as session,
        ):
            crowd = Crowd(instance, session, leave)
            try:
                await play(crowd)
            finally:
                leave.set()
                await crowd.statuses()

    asyncio.run(run())


def test_the_less_important_is_refused_first_and_health_never(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        paths = ("/play/x", "/heartbeat", "/whatever")
        assert [await crowd.status(path) for path in paths] == [200, 200, 200]
        await crowd.enter("/play", 2)
        assert [await crowd.status(path) for path in paths] == [200, 503, 503]
        await crowd.enter("/play", 2)
        assert [await crowd.status(path) for path in paths] == [503, 503, 503]
        assert [await crowd.status(path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
        crowd.leave.set()
        assert await crowd.statuses() == [200, 200, 200, 200]
        assert [await crowd.status(path) for path in paths] == [200, 200, 200]

    visit(tmp_path, play)


def test_a_refusal_says_when_to_come_back_and_is_counted(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.enter("/play", 3)
        headers = await crowd.headers("/heartbeat")
        assert (headers["Retry-After"], headers["X-Shed"]) == ("3", "heartbeats")
        metrics = await crowd.text("/metrics")
        assert 'requests_shed_total{priority="heartbeats"} 1.0' in metrics
        assert "fullness 0.75" in metrics

    visit(tmp_path, play)


def test_a_path_that_only_begins_like_another_is_another(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.enter("/play", 2)
        assert await crowd.status("/playlist") == 503

    visit(tmp_path, play)


def test_a_delay_that_stands_refuses_too_and_is_forgotten_with_the_last_request(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.enter("/play", 1)
        assert await crowd.status("/heartbeat") == 200
        # For as long as it stands: a single timer that is on time ends it, and may come before the question does.
        standing = asyncio.create_task(_hog_on())
        while await crowd.status("/heartbeat") != 503:
            pass
        standing.cancel()
        crowd.leave.set()
        await crowd.statuses()
        await asyncio.sleep(2 * TICK_SECONDS)
        assert await crowd.status("/heartbeat") == 200

    visit(tmp_path, play, POLICIES.replace("60000", "100"))


def test_a_single_hiccup_refuses_nobody(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.enter("/play", 1)
        await asyncio.sleep(TICKS * TICK_SECONDS)
        await _hog(1, 0.6)
        assert await crowd.status("/heartbeat") == 200

    # Half of it refuses a heartbeat, four times in a row.
    visit(tmp_path, play, POLICIES.replace("60000", "1000"))


def test_a_refusal_under_load_is_worth_asking_another_and_opens_no_breaker(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.enter("/play", 2)
        target = Endpoint(instance="here/door-1", region="here", address=crowd.base.removeprefix("http://"))
        client, breaker = Client(), Breaker(BreakerPolicy(failures=2), "door")
        try:
            for _ in range(4):
                with pytest.raises(CallFailed) as refused, breaker.calling():
                    await client.request(target, Ask(path="/heartbeat"), 1, {})
                assert (refused.value.kind, refused.value.worth_a_retry) == ("shed", True)
        finally:
            await client.close()
        assert breaker.state is BreakerState.CLOSED

    visit(tmp_path, play)


def test_a_rate_lets_a_burst_in_and_then_as_many_as_come_by_its_clock() -> None:
    now = [0.0]
    rate = Rate(per_second=2, burst=4, clock=lambda: now[0])
    for _ in range(4):
        assert rate.used < 1
        rate.take()
    assert rate.used == 1
    now[0] = 0.5
    assert rate.used == 0.75
    now[0] = 60.0
    assert rate.used == 0


def test_more_than_its_rate_is_refused_and_the_less_important_first(tmp_path: Path) -> None:
    async def play(crowd: Crowd) -> None:
        statuses = [await crowd.status("/heartbeat") for _ in range(4)]
        assert statuses == [200, 200, 503, 503]
        assert [await crowd.status("/play/x") for _ in range(3)] == [200, 200, 503]
        assert "requests_under_way 0.0" in await crowd.text("/metrics")

    limited = POLICIES + "  per_second: 0.001\n  burst: 4\n"
    visit(tmp_path, play, limited)


def test_what_is_played_goes_first_and_what_has_a_substitute_last() -> None:
    shedding = parse_policies(effective_policies()).shedding
    playing = ("/media/x/master.m3u8", "/play/x", "/licence", "/start/x", "/edges/x")
    paths = (*playing, "/home", "/progress/ann/x", "/heartbeat", "/charges/month", "/for/ann")
    shares = [shedding.priority(path).share for path in paths]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == 6
    assert shedding.priority("/anything-else").share == shedding.otherwise
    assert msgspec.to_builtins(shedding)["concurrent"] >= 64


async def _hog_on() -> None:
    """Every other turn the timer comes, at least 0.06 s late."""
    while True:
        await _hog(1, TICK_SECONDS + 0.01)


async def _hog(times: int, seconds: float) -> None:
    """Keep the event loop from everything else."""
    for _ in range(times):
        time.sleep(seconds)  # noqa: ASYNC251  blocking is what is tested
        await asyncio.sleep(0)
