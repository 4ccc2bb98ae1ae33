"""Errors in place of answers: for each request of a kept connection, whatever the chunks that it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from chaos.proxy.requests import Requests
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics.http_status import HttpStatus
from tests.unit.proxy.carried import Carried, carried, run

GET = b"GET /titles/1?x=y HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /start HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nhello\r\n\r\nGET"
CHUNKED = (
    b"PUT /kept HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;note=1\r\nhello\r\nA\r\nGET / HTTP\r\n0\r\nTrailer: x\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Destination:
    """Answers each whole request with OK; `seen` is every byte that reached it."""

    def __init__(self) -> None:
        self.seen = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = Requests()
        while data := await reader.read(65536):
            self.seen += data
            for piece in requests.feed(data):
                if piece.is_last:
                    writer.write(OK)


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return head + await reader.readexactly(int(length.split(b":")[1]))


def trial(body: Callable[[Carried, Destination], Coroutine[Any, Any, None]]) -> None:
    async def test() -> None:
        destination = Destination()
        async with carried(destination.serve) as link:
            await body(link, destination)

    run(test())


def put(link: Carried, toxic: HttpStatus) -> None:
    link.add(NamedToxic(name="e", type="http_status", stream="upstream", toxicity=1.0, attributes=toxic))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_requests_are_cut_where_they_end_whatever_the_chunks(size: int) -> None:
    text = GET + POST + CHUNKED + b"\r\n" + GET
    requests = Requests()
    pieces = [piece for at in range(0, len(text), size) for piece in requests.feed(text[at : at + size])]
    assert b"".join(piece.data for piece in pieces) == text
    whole, found = [], b""
    for piece in pieces:
        found += piece.data
        if piece.is_last:
            whole.append(found)
            found = b""
    assert whole == [GET, POST, CHUNKED, b"\r\n" + GET]
    paths = [piece.head.words[1] for piece in pieces if piece.head]
    assert paths == [
        "/titles/1?x=y",
        "/start",
        "/kept",
        "/titles/1?x=y",
    ]


@pytest.mark.parametrize("text", [b"\x16\x03\x01\x02\x00binary", b'{"the": "middle of a body"}', b"GET /\r\n\r\n"])
def test_what_is_no_request_is_handed_out_as_it_comes(text: bytes) -> None:
    requests = Requests()
    assert b"".join(piece.data for piece in requests.feed(text)) == text
    assert [piece.data for piece in requests.feed(GET)] == [GET]


@pytest.mark.parametrize("request_text", [GET, POST, CHUNKED])
def test_a_failed_request_gets_the_error_and_never_reaches_the_destination(request_text: bytes) -> None:
    async def test(link: Carried, destination: Destination) -> None:
        reader, writer = await link.connect()
        writer.write(GET)
        assert (await answer(reader)).startswith(b"HTTP/1.1 200")
        put(link, HttpStatus(status=502))
        for at in range(0, len(request_text), 9):
            writer.write(request_text[at : at + 9])
            await asyncio.sleep(0)
        assert (await answer(reader)).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        link.remove("e")
        writer.write(request_text)
        assert (await answer(reader)) == OK, "the connection is as good as before"
        assert destination.seen == GET + request_text

    trial(test)


def test_each_request_of_a_kept_connection_is_drawn_for_itself() -> None:
    async def test(link: Carried, destination: Destination) -> None:
        put(link, HttpStatus(share=0.3))
        reader, writer = await link.connect()
        failed = 0
        for _ in range(400):
            writer.write(CHUNKED)
            failed += (await answer(reader)).startswith(b"HTTP/1.1 503")
        assert 80 <= failed <= 160
        assert destination.seen == CHUNKED * (400 - failed)

    trial(test)


def test_only_what_matches_is_failed() -> None:
    async def test(link: Carried, destination: Destination) -> None:
        put(link, HttpStatus(path="/titles", method="get"))
        reader, writer = await link.connect()
        seen = []
        for text in (GET, POST, GET.replace(b"GET", b"PUT"), GET):
            writer.write(text)
            seen.append((await answer(reader))[9:12])
        assert seen == [b"503", b"200", b"200", b"503"]

    trial(test)


def test_a_client_that_wants_the_connection_closed_sees_it_end() -> None:
    async def test(link: Carried, destination: Destination) -> None:
        put(link, HttpStatus())
        for text in (GET.replace(b"Host", b"Connection: close\r\nHost"), GET.replace(b"1.1", b"1.0")):
            reader, writer = await link.connect()
            writer.write(text)
            assert (await reader.read()).endswith(b"503 Service Unavailable\n")

    trial(test)


def test_an_error_never_overtakes_an_answer_that_is_due() -> None:
    async def test(link: Carried, destination: Destination) -> None:
        put(link, HttpStatus(path="/titles"))
        reader, writer = await link.connect()
        writer.write(POST + GET)
        assert [(await answer(reader))[9:12] for _ in range(2)] == [b"200", b"200"]

    trial(test)


def test_a_head_that_never_becomes_whole_reaches_the_destination_at_the_end() -> None:
    async def test(link: Carried, destination: Destination) -> None:
        put(link, HttpStatus())
        reader, writer = await link.connect()
        writer.write(GET[:20])
        writer.write_eof()
        assert await reader.read() == b""
        assert destination.seen == GET[:20]

    trial(test)
