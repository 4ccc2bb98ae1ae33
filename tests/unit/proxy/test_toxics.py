"""What each toxic does to connections, on real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.proxy.body import ApiError
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxic_request import read_toxic
from chaos.proxy.toxics import Toxic
from chaos.proxy.toxics.bandwidth import Bandwidth
from chaos.proxy.toxics.latency import Latency
from chaos.proxy.toxics.limit_data import LimitData
from chaos.proxy.toxics.reset_peer import ResetPeer
from chaos.proxy.toxics.slow_close import SlowClose
from chaos.proxy.toxics.timeout import Timeout
from tests.unit.proxy.carried import Carried, carried, echo, run, soonest_ms, until


def put(link: Carried, attributes: Toxic, stream: str = "downstream") -> None:
    name = type(attributes).__name__
    link.add(NamedToxic(name=name, type=name, stream=stream, toxicity=1.0, attributes=attributes))


async def is_silent(reader: asyncio.StreamReader, seconds: float = 0.05) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return True
    return False


@asynccontextmanager
async def used(before: bool) -> AsyncIterator[tuple[Carried, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A link with a connection that has carried something already, or has not."""
    async with carried(echo) as link:
        reader, writer = await link.connect()
        if before:
            writer.write(b"first")
            assert await reader.readexactly(5) == b"first"
        yield link, reader, writer


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_black_hole_swallows_data_and_ends_and_tells_nobody(stream: str) -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, Timeout(), stream)
            fresh, its_writer = await link.connect()
            for each in (writer, its_writer):
                each.write(b"lost")
                each.write_eof()
            assert await is_silent(reader)
            assert await is_silent(fresh)

    run(test())


def test_a_connection_that_lost_bytes_is_closed_when_the_black_hole_goes() -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, Timeout())
            writer.write(b"lost")
            await until(link.has_read(answered=len(b"first" + b"lost")))
            assert await is_silent(reader)
            link.remove("Timeout")
            assert await reader.read() == b""
            await until(link.is_unused)
            again, its_writer = await link.connect()
            its_writer.write(b"well")
            assert await again.readexactly(4) == b"well"

    run(test())


def test_a_black_hole_with_a_timeout_closes_after_it_whatever_is_sent() -> None:
    async def test() -> None:
        async with used(before=False) as (link, reader, writer):
            began = time.perf_counter()
            put(link, Timeout(timeout=150))
            while not reader.at_eof():
                writer.write(b"x")
                assert await is_silent(reader, 0.02) or reader.at_eof()
            assert time.perf_counter() - began >= 0.145

    run(test())


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_reset_is_a_real_one_on_old_connections_too(before: bool, stream: str) -> None:
    async def test() -> None:
        async with used(before) as (link, reader, writer):
            put(link, ResetPeer(), stream)
            assert await is_silent(reader), "an idle connection stays"
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            await until(link.is_unused)

    run(test())


def test_a_reset_may_come_later_and_comes_at_once_when_the_toxic_goes() -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, ResetPeer(timeout=60_000), "upstream")
            writer.write(b"x")
            await until(link.has_read(sent=len(b"first" + b"x")))
            assert await is_silent(reader)
            link.remove("ResetPeer")
            with pytest.raises(ConnectionResetError):
                await reader.read()

    run(test())


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_lets_bytes_pass_at_its_rate_and_all_of_them(stream: str) -> None:
    async def took_ms() -> float:
        async with used(before=True) as (link, reader, writer):
            put(link, Bandwidth(rate=100), stream)
            sent = bytes(range(256)) * 120  # 30 720 bytes
            began = time.perf_counter()
            writer.write(sent)
            writer.write_eof()
            assert await reader.read() == sent
            return (time.perf_counter() - began) * 1000

    async def test() -> None:
        assert 290 <= await soonest_ms(took_ms, below_ms=600) < 600

    run(test())


def test_what_a_limit_held_back_comes_at_once_when_it_goes() -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, Bandwidth(rate=1))
            sent = bytes(range(256)) * 400  # of 100 seconds
            writer.write(sent)
            writer.write_eof()
            await until(link.has_read(answered=len(b"first") + 1))
            link.remove("Bandwidth")
            assert await reader.read() == sent

    run(test())


def test_a_slow_close_delays_the_end_and_nothing_else() -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, SlowClose(delay=60_000))
            writer.write(b"data")
            assert await reader.readexactly(4) == b"data"
            link.update("SlowClose", SlowClose(delay=150))
            began = time.perf_counter()
            writer.write_eof()
            assert await reader.read() == b""
            assert time.perf_counter() - began >= 0.145

    run(test())


def test_what_a_limit_lets_pass_arrives_over_toxics_behind_it_and_then_both_ends_see_the_end() -> None:
    async def test() -> None:
        async with used(before=True) as (link, reader, writer):
            put(link, LimitData(bytes=100))
            put(link, Latency(latency=100))
            writer.write(bytes(300))
            assert await reader.read() == bytes(100)
            writer.close()
            await until(link.is_unused)

    run(test())


@pytest.mark.parametrize("attributes", [b'{"rate": 0}', b'{"rate": -1}', b"{}"])
def test_a_bandwidth_of_nothing_is_refused(attributes: bytes) -> None:
    with pytest.raises(ApiError, match="rate"):
        read_toxic(b'{"type": "bandwidth", "attributes": %s}' % attributes, ())
