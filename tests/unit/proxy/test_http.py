"""The API's HTTP layer on real sockets."""

from __future__ import annotations

import asyncio

from chaos.proxy.http import BODY_LIMIT_BYTES, Request, Response, listen
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
