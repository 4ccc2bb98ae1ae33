"""The API's HTTP layer on real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

from chaos.proxy.http import BODY_LIMIT_BYTES, Patience, Request, Response, listen
from tests.unit.proxy.carried import both_loops, run


def repeat(request: Request) -> Response:
    said = f"{request.method} {request.path} {len(request.body)}\n".encode()
    return Response(200, {"X-Seen": request.headers.get("x-sent", "")}, said)


async def talk(*parts: bytes) -> bytes:
    """Send the parts, each in a packet of its own, and return all that comes back until the server closes."""
    server = await listen(repeat, "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        try:
            return await reader.read()
        finally:
            writer.close()
    finally:
        server.close()


CLOSE = b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"


@both_loops
def test_a_request_may_come_in_pieces(loop: str) -> None:
    async def test() -> None:
        answer = await talk(
            b"POST /a?b", b"=c HTTP/1.1\r\nX-Se", b"nt: 1\r\nContent-Length: 5\r\n\r\n12", b"345", CLOSE
        )
        assert b"POST /a 5\n" in answer
        assert b"X-Seen: 1\r\n" in answer

    run(test(), loop)


@both_loops
def test_requests_on_one_connection_are_answered_in_turn(loop: str) -> None:
    async def test() -> None:
        answer = await talk(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n" + CLOSE)
        assert [line for line in answer.split(b"\n") if line.startswith(b"GET")] == [
            b"GET /1 0",
            b"GET /2 0",
            b"GET /last 0",
        ]

    run(test(), loop)


@both_loops
def test_what_is_not_http_is_told_so_and_closed(loop: str) -> None:
    async def test() -> None:
        assert (await talk(b"SSH-2.0-OpenSSH\r\n\r\n")).startswith(b"HTTP/1.1 400 ")

    run(test(), loop)


@both_loops
def test_bodies_and_heads_have_a_limit(loop: str) -> None:
    async def test() -> None:
        body = bytes(BODY_LIMIT_BYTES + 1)
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert (await talk(head + body)).startswith(b"HTTP/1.1 413 ")
        many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(100))
        assert (await talk(b"GET / HTTP/1.1\r\n" + many)).startswith(b"HTTP/1.1 431 ")

    run(test(), loop)


SOON_SECONDS = 0.15
NOT_BEFORE_SECONDS = SOON_SECONDS - 0.01
"""Timers of event loops go by whole milliseconds of a clock that is read once a turn."""
HOURS = {"idle_seconds": 7200.0, "request_seconds": 7200.0, "answer_seconds": 7200.0}


async def ends_after(patience: Patience, sent: bytes = b"", trickled: bytes = b"") -> float:
    """Seconds until the server ended it. Who trickles something goes on with it for ever, and takes no answer."""
    server = await listen(lambda request: Response(200, {}, bytes(20_000_000)), "127.0.0.1", 0, patience)
    began, loop = time.perf_counter(), asyncio.get_running_loop()
    try:
        with socket.create_connection(("127.0.0.1", server.sockets[0].getsockname()[1])) as client:
            client.setblocking(False)
            with suppress(ConnectionError):
                await loop.sock_sendall(client, sent)
                while trickled:
                    await asyncio.sleep(0.02)
                    await loop.sock_sendall(client, trickled)
                while await loop.sock_recv(client, 1_000_000):
                    pass
        return time.perf_counter() - began
    finally:
        server.close()


@both_loops
def test_a_request_must_have_arrived_in_time_however_busily_it_is_sent(loop: str) -> None:
    async def test() -> None:
        patience = Patience(**{**HOURS, "request_seconds": SOON_SECONDS})
        assert await ends_after(patience, b"GET / HT") >= NOT_BEFORE_SECONDS
        head = b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"
        assert await ends_after(patience, head, trickled=b"x") >= NOT_BEFORE_SECONDS

    run(test(), loop)


@both_loops
def test_who_asks_nothing_is_let_go_before_and_after_a_request(loop: str) -> None:
    async def test() -> None:
        patience = Patience(**{**HOURS, "idle_seconds": SOON_SECONDS})
        assert await ends_after(patience) >= NOT_BEFORE_SECONDS
        assert await ends_after(patience, b"GET / HTTP/1.1\r\n\r\n") >= NOT_BEFORE_SECONDS

    run(test(), loop)


@both_loops
def test_who_takes_no_answers_is_let_go(loop: str) -> None:
    async def test() -> None:
        patience = Patience(**{**HOURS, "answer_seconds": SOON_SECONDS})
        assert await ends_after(patience, b"GET / HTTP/1.1\r\n\r\n", trickled=b"G") >= NOT_BEFORE_SECONDS

    run(test(), loop)
