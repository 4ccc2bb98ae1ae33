"""A served instance, over real sockets: health, deadlines, failures as answers, the access log, the end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.access_log import Served
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import PolicyError
from target_platform.kit.serve import access_log_path, running
from target_platform.kit.service import Instance, Service
from tests.unit.kit.stage import config_for

NOBODY = Endpoint(instance="here/b-1", region="here", address="127.0.0.1:1")


async def hello(request: Request) -> Response:
    return Response(b"x" * 100_000)


def routes(instance: Instance) -> Sequence[Route]:
    async def asking(request: Request) -> Response:
        await instance.call("b", "/")
        return Response("unreachable")

    async def slow(request: Request) -> Response:
        await asyncio.sleep(3600)
        return Response("late")

    return [Route("/hello", hello), Route("/ask/{what}", asking), Route("/slow", slow)]


SERVICE = Service(name="a", calls=("b",), criticality="critical", routes=routes)


class Site:
    def __init__(self, instance: Instance, session: aiohttp.ClientSession) -> None:
        self.instance = instance
        self._session = session
        self.address = f"http://127.0.0.1:{instance.config.port}"

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, self.address + path, headers=named) as response:
            return response.status, await response.text()

    def log(self) -> list[Served]:
        lines = access_log_path(self.instance.config).read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Served) for line in lines]


@asynccontextmanager
async def site(folder: Path, policies: str = "") -> AsyncIterator[Site]:
    (folder / "policies.yaml").write_text(policies)
    config = config_for(folder, "a", {"b": (NOBODY,)})
    async with aiohttp.ClientSession() as session, running(SERVICE, config) as instance:
        yield Site(instance, session)


def visit(folder: Path, play: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(30), site(folder) as made:
            await play(made)

    asyncio.run(run())


def test_health_is_told_and_exempt_from_deadlines_and_logs(tmp_path: Path) -> None:
    async def play(made: Site) -> None:
        assert (await made.get("/healthz", X_Deadline_Ms="0"))[0] == 200
        assert (await made.get("/readyz"))[0] == 200
        status, text = await made.get("/metrics")
        assert status == 200
        assert 'breaker_state{caller="a",region="here",target="b"} 0.0' in text
        assert made.log() == []

    visit(tmp_path, play)


def test_work_that_nobody_waits_for_any_more_is_not_begun(tmp_path: Path) -> None:
    async def play(made: Site) -> None:
        status, text = await made.get("/hello", X_Deadline_Ms="0")
        assert (status, "deadline" in text) == (504, True)

    visit(tmp_path, play)


def test_a_failed_dependency_is_an_answer_of_503_and_the_instance_stays_healthy(tmp_path: Path) -> None:
    async def play(made: Site) -> None:
        for _ in range(8):
            status, text = await made.get("/ask/it")
            assert status == 503
            assert "error" in text
        assert (await made.get("/healthz"))[0] == 200
        assert (await made.get("/readyz"))[0] == 200
        text = (await made.get("/metrics"))[1]
        assert 'breaker_state{caller="a",region="here",target="b"} 2.0' in text
        assert 'requests_total{route="/ask/{what}",status="503"} 8.0' in text

    visit(tmp_path, play)


def test_what_does_not_exist_is_a_404_in_json(tmp_path: Path) -> None:
    async def play(made: Site) -> None:
        assert await made.get("/nothing") == (404, '{"error":"Not Found"}')

    visit(tmp_path, play)


def test_the_access_log_counts_the_bytes_of_bodies(tmp_path: Path) -> None:
    async def play(made: Site) -> None:
        await made.get("/hello")
        await made.get("/hello", method="HEAD")
        assert [(line.method, line.status, line.bytes) for line in made.log()] == [
            ("GET", 200, 100_000),
            ("HEAD", 200, 0),
        ]
        assert "sent_bytes_total 100000.0" in (await made.get("/metrics"))[1]

    visit(tmp_path, play)


def test_an_instance_that_stops_cuts_off_what_does_not_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(30):  # what is not cut off takes an hour
            async with site(tmp_path) as made:
                slow = asyncio.create_task(made.get("/slow"))
                while "requests_under_way 1.0" not in (await made.get("/metrics"))[1]:
                    pass
            with pytest.raises((aiohttp.ClientError, RuntimeError)):  # cut off, and then the session is closed
                await slow

    asyncio.run(run())


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    async def run(port: int) -> None:
        (tmp_path / "policies.yaml").write_text("")
        config = msgspec.structs.replace(config_for(tmp_path, "a"), port=port)
        async with running(SERVICE, config):
            pytest.fail("it must not run")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} cannot be listened on: Address already in use"):
            asyncio.run(run(port))


def test_a_fallback_that_the_service_does_not_offer_is_found_at_the_start(tmp_path: Path) -> None:
    async def run() -> None:
        async with site(tmp_path, "calls: {a>b: {fallback: populer}}"):
            pytest.fail("it must not run")

    with pytest.raises(PolicyError, match=r"calls\.a>b\.fallback: a offers no 'populer'"):
        asyncio.run(run())
