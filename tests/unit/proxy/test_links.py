"""What a carried link does to real connections."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time

import pytest

from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import BUFFER_BYTES
from chaos.proxy.toxics.noop import Noop
from tests.unit.proxy.carried import Carried, carried, run, soonest_ms, until

SLACK_MS = 60
"""How much later than asked for the soonest of some deliveries may be."""


async def round_trip_ms(link: Carried) -> float:
    reader, writer = await link.connect()
    began = time.perf_counter()
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    return (time.perf_counter() - began) * 1000


def test_bytes_and_ends_pass_unchanged_in_both_directions() -> None:
    async def test() -> None:
        async with carried() as link:
            reader, writer = await link.connect()
            sent = random.Random(1).randbytes(3_000_000)
            writer.write(sent)
            writer.write_eof()
            assert await reader.read() == sent

    run(test())


def test_a_latency_toxic_delays_answers_by_what_it_says() -> None:
    async def test() -> None:
        async with carried() as link:
            assert await soonest_ms(lambda: round_trip_ms(link), below_ms=40) < 40
            link.slow(80)
            assert 79 <= await soonest_ms(lambda: round_trip_ms(link), below_ms=80 + SLACK_MS) < 80 + SLACK_MS

    run(test())


def test_the_distance_between_regions_is_passed_in_both_directions() -> None:
    async def test() -> None:
        async with carried(base_delay_ms=40) as link:
            assert 79 <= await soonest_ms(lambda: round_trip_ms(link), below_ms=80 + SLACK_MS) < 80 + SLACK_MS

    run(test())


def test_jitter_stays_within_its_bounds_and_keeps_the_order() -> None:
    async def numbers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for number in range(20):
            writer.write(bytes([number]))
            await writer.drain()
            await asyncio.sleep(0.002)

    async def test() -> None:
        async with carried(numbers) as link:
            link.slow(50, jitter_ms=40)

            async def first_took_ms() -> float:
                reader, writer = await link.connect()
                began = time.perf_counter()
                writer.write(b"x")
                first = await reader.readexactly(1)
                took_ms = (time.perf_counter() - began) * 1000
                assert first + await reader.read() == bytes(range(20))
                return took_ms

            assert 9 <= await soonest_ms(first_took_ms, below_ms=90 + SLACK_MS) < 90 + SLACK_MS

    run(test())


def test_throughput_is_not_limited_by_latency() -> None:
    async def test() -> None:
        async with carried() as link:
            link.slow(100)

            async def took_ms() -> float:
                reader, writer = await link.connect()
                sent = bytes(5_000_000)
                began = time.perf_counter()
                writer.write(sent)
                writer.write_eof()
                assert len(await reader.read()) == len(sent)
                return (time.perf_counter() - began) * 1000

            # Chunk after chunk, each waiting for the one before, 20 chunks of 256 KB would take 2 s.
            assert await soonest_ms(took_ms, below_ms=1000) < 1000

    run(test())


def test_the_end_of_a_stream_is_delayed_and_comes_after_the_data() -> None:
    async def says_bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"bye")

    async def test() -> None:
        async with carried(says_bye) as link:
            link.slow(60)

            async def took_ms() -> float:
                reader, writer = await link.connect()
                began = time.perf_counter()
                writer.write_eof()
                assert await reader.read() == b"bye"
                return (time.perf_counter() - began) * 1000

            assert 59 <= await soonest_ms(took_ms, below_ms=60 + SLACK_MS) < 60 + SLACK_MS

    run(test())


def test_removing_a_toxic_delivers_what_it_held_at_once() -> None:
    async def test() -> None:
        async with carried() as link:
            reader, writer = await link.connect()
            link.slow(60_000)
            writer.write(b"held back")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
            link.remove("slow")
            assert await reader.readexactly(9) == b"held back"

    run(test())


def test_no_byte_is_lost_or_moved_while_toxics_come_and_go() -> None:
    cycles = 0

    async def transfer(link: Carried, seed: int) -> None:
        reader, writer = await link.connect()
        draw, sent = random.Random(seed), bytearray()

        async def send() -> None:
            while len(sent) < 1_500_000 or cycles < 5:
                sent.extend(piece := draw.randbytes(20_000))
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.001)
            writer.write_eof()

        sending = asyncio.create_task(send())
        came = await reader.read()
        await sending
        assert came == sent

    async def test() -> None:
        nonlocal cycles
        async with carried() as link:
            transfers = asyncio.gather(*(transfer(link, seed) for seed in range(8)))
            draw = random.Random(5)
            while not transfers.done():
                link.slow(draw.choice([1, 5, 20, 500]), jitter_ms=draw.choice([0, 5]), name="a")
                await asyncio.sleep(draw.uniform(0, 0.01))
                link.slow(draw.choice([1, 10]), name="b")
                await asyncio.sleep(draw.uniform(0, 0.01))
                link.remove("a")
                await asyncio.sleep(draw.uniform(0, 0.005))
                link.remove("b")
                cycles += 1
            await transfers

    run(test())


def test_a_client_that_has_sent_its_end_still_gets_the_answer() -> None:
    async def answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()
        await asyncio.sleep(0.05)
        writer.write(b"re: " + question)

    async def test() -> None:
        async with carried(answers_late) as link:
            reader, writer = await link.connect()
            writer.write(b"question")
            writer.write_eof()
            assert await reader.read() == b"re: question"

    run(test())


def test_a_server_that_has_sent_its_end_still_gets_what_the_client_says() -> None:
    heard = bytearray()

    async def ends_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        heard.extend(await reader.read())

    async def test() -> None:
        async with carried(ends_first) as link:
            reader, writer = await link.connect()
            assert await reader.read() == b""
            writer.write(b"one more thing")
            writer.write_eof()
            await until(lambda: len(heard) > 0)
            assert bytes(heard) == b"one more thing"

    run(test())


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    linked = writer.get_extra_info("socket")
    linked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_a_reset_by_the_server_reaches_the_client_as_a_reset() -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async def test() -> None:
        async with carried(resets) as link:
            reader, writer = await link.connect()
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()

    run(test())


def test_a_reset_by_the_client_reaches_the_server_as_a_reset() -> None:
    seen: list[type[BaseException]] = []
    read: list[bytes] = []

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(10):
                read.append(data)
        except ConnectionResetError as error:
            seen.append(type(error))
            raise

    async def test() -> None:
        async with carried(notes) as link:
            _, writer = await link.connect()
            writer.write(b"x")
            await until(lambda: read == [b"x"])
            reset(writer)
            await until(lambda: len(seen) > 0)
            assert seen == [ConnectionResetError]

    run(test())


def test_a_refusal_by_the_upstream_reaches_the_client_over_the_link() -> None:
    async def test() -> None:
        async with carried(serve=None) as link:
            link.slow(60)
            reader, _ = await link.connect()
            began = time.perf_counter()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert time.perf_counter() - began >= 0.055

    run(test())


def test_a_socket_connected_to_itself_is_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: TCP does this when the kernel draws the destination's port for the connecting side."""
    real = socket.socket

    async def test() -> None:
        async with carried(serve=None) as link:
            port = int(link.proxy.upstream_address.split(":")[1])

            def drawn_by_the_kernel(
                family: int, kind: int, protocol: int = 0, fileno: int | None = None
            ) -> socket.socket:
                drawn = real(family, kind, protocol, fileno)
                if fileno is None:
                    drawn.bind(("127.0.0.1", port))
                return drawn

            with socket.socket() as client:
                client.setblocking(False)
                monkeypatch.setattr("chaos.proxy.dial.socket.socket", drawn_by_the_kernel)
                loop = asyncio.get_running_loop()
                host, listens = link.proxy.listen_address.split(":")

                async def connect_and_read() -> None:
                    await loop.sock_connect(client, (host, int(listens)))
                    await loop.sock_recv(client, 1)

                with pytest.raises(ConnectionResetError):
                    await connect_and_read()
                await until(link.is_unused)
                monkeypatch.undo()

    run(test())


def test_connections_that_are_over_are_forgotten() -> None:
    async def test() -> None:
        async with carried() as link:
            for _ in range(20):
                reader, writer = await link.connect()
                writer.write_eof()
                assert await reader.read() == b""
            for _ in range(20):
                _, writer = await link.connect()
                reset(writer)
            await until(link.is_unused)

    run(test())


def test_a_toxic_removes_itself_when_its_lease_is_over() -> None:
    async def test() -> None:
        async with carried() as link:
            reader, writer = await link.connect()
            began = time.time()
            link.slow(60_000, seconds=0.15)
            writer.write(b"held")
            assert await reader.readexactly(4) == b"held"
            assert time.time() - began >= 0.145
            assert link.proxy.toxics == {}

    run(test())


def test_of_what_a_reader_that_stands_still_does_not_take_one_piece_is_held_at_most() -> None:
    """With thousands of them, it is their number that counts."""

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(256 * 1024))
            await writer.drain()

    async def test() -> None:
        async with carried(floods) as link:
            link.add(NamedToxic(name="n", type="noop", stream="downstream", toxicity=1.0, attributes=Noop()))
            await link.connect()
            before, looks = -1, 0
            while looks < 20:  # at which something was held and nothing had moved
                await asyncio.sleep(0.005)
                _, _, received, sent = link.loop.ask(lambda: link.proxy.traffic)
                assert received - sent <= BUFFER_BYTES
                looks = looks + 1 if received == before and received > sent else 0
                before = received

    run(test())


def test_a_reader_that_stands_still_stops_the_sender_instead_of_filling_memory() -> None:
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(bytes(256 * 1024))
            await writer.drain()
            sent += 256 * 1024

    async def test() -> None:
        async with carried(floods) as link:
            link.slow(60_000)
            await link.connect()
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.3)
            # What the toxic may hold, and what the kernel's socket buffers take on top.
            assert sent < 32 * 1024 * 1024
            link.remove("slow")

    run(test())
