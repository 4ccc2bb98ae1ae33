"""Requests that are picked by what they are, delayed, and answered with other contents than the server's."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.proxy.messages import Head, Piece
from chaos.proxy.requests import ForRequests
from chaos.proxy.responses import Asked, Responses
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Toxic
from chaos.proxy.toxics.http_body import HttpBody
from chaos.proxy.toxics.http_delay import HttpDelay
from tests.examples import examples
from tests.unit.proxy.carried import Carried, carried, run
from tests.unit.proxy.fake_time import watched

GET = b"GET /a HTTP/1.1\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\nT: x\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TO_THE_END = b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n0123456789"


def asked_for(*texts: bytes) -> Asked:
    asked = Asked()
    watched(asked)
    for text in texts:
        asked.take(text)
    return asked


def content(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces if piece.is_content)


@settings(max_examples=examples(60))
@given(st.lists(st.sampled_from([LONG, CHUNKED, EMPTY, CONTINUE + LONG]), max_size=5), st.integers(1, 70))
def test_answers_are_cut_where_they_end_whatever_the_chunks(answers: list[bytes], size: int) -> None:
    text = b"".join([*answers, TO_THE_END])
    responses = Responses(asked_for(*[GET] * (len(answers) + 1)))
    pieces = [piece for at in range(0, len(text), size) for piece in responses.feed(text[at : at + size])]
    assert b"".join(piece.data for piece in pieces) == text
    assert sum(piece.head is not None for piece in pieces) == len(answers) + 1
    assert sum(piece.is_last for piece in pieces) == len(answers)
    assert content(pieces) == b"0123456789" * (1 + sum(each is not EMPTY for each in answers))


def test_an_answer_to_head_has_no_content_whatever_its_head_says() -> None:
    responses = Responses(asked_for(b"HEAD /a HTTP/1.1\r\n\r\n", GET))
    pieces = list(responses.feed(LONG.removesuffix(b"0123456789") + LONG))
    assert [piece.is_last for piece in pieces] == [True, False, True]


def test_what_answers_a_request_from_before_is_not_looked_at() -> None:
    asked = asked_for()
    responses = Responses(asked)
    assert [piece.head for piece in responses.feed(LONG)] == [None]
    asked.take(GET)
    assert [piece.head is None for piece in responses.feed(LONG)] == [False, True]


def picks(toxic: ForRequests, request: bytes) -> bool:
    asked = asked_for(request)
    return toxic.picks(asked.waiting[0], Random(1))


@pytest.mark.parametrize(
    ("wanted", "picked"),
    [
        ({}, True),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": "/cart?user=7"}, True),
        ({"path": "/carts"}, False),
        ({"header": "X-User"}, True),
        ({"header": "x-user: vip"}, True),
        ({"header": "x-user: gold"}, False),
        ({"header": "x-other"}, False),
        ({"share": 0}, False),
    ],
)
def test_requests_are_picked_by_method_path_header_and_share(wanted: dict[str, Any], picked: bool) -> None:
    request = b"POST /cart?user=7 HTTP/1.1\r\nHost: h\r\nX-User: A-VIP-one\r\n\r\n"
    assert picks(ForRequests(**wanted), request) is picked


def test_a_share_is_of_the_requests() -> None:
    head, random = Head(("GET", "/", "HTTP/1.1"), {}), Random(2)
    assert 270 < sum(ForRequests(share=0.3).picks(head, random) for _ in range(1000)) < 330


@pytest.mark.parametrize("wrong", [{}, {"truncate": 1, "replace": ""}, {"truncate": -1}, {"truncate": 1, "share": 2}])
def test_a_change_of_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"truncate|share"):
        HttpBody(**wrong)


def put(link: Carried, toxic: Toxic) -> None:
    named = NamedToxic(name="t", type="t", stream=toxic.STREAMS[0], toxicity=1.0, attributes=toxic)
    link.add(named)


class Shop:
    """A real HTTP server: `/long` with a length, `/chunked` in pieces; and a real client that keeps its connection."""

    async def __aenter__(self) -> Shop:
        app = web.Application()
        app.add_routes(
            [web.get("/long", self._long), web.get("/chunked", self._chunked), web.post("/long", self._long)]
        )
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _long(self, request: web.Request) -> web.Response:
        answer = web.Response(text="0123456789", headers={"X-Kept": "a"})
        answer.set_cookie("one", "1")
        answer.set_cookie("two", "2")
        return answer

    async def _chunked(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for part in (b"0123", b"456789"):
            await answer.write(part)
        return answer


def shopping(body: Any) -> None:
    async def test() -> None:
        async with Shop() as shop, carried(upstream_port=shop.port) as link:
            base = f"http://{link.proxy.listen_address}"
            connector = aiohttp.TCPConnector(limit=1)
            async with aiohttp.ClientSession(base, connector=connector, headers={"Accept-Encoding": ""}) as client:
                await body(link, client)
            assert link.loop.ask(lambda: len(link.proxy.connections)) <= 1, "one connection served them all"

    run(test())


async def text_of(client: aiohttp.ClientSession, path: str) -> str:
    async with client.get(path) as answer:
        return await answer.text()


def test_content_is_cut_over_a_kept_connection_with_and_without_a_length() -> None:
    async def body(link: Carried, client: aiohttp.ClientSession) -> None:
        await text_of(client, "/long")
        put(link, HttpBody(truncate=6))
        for path in ("/long", "/chunked", "/long"):
            assert await text_of(client, path) == "012345"
        link.update("t", HttpBody(truncate=0))
        assert await text_of(client, "/chunked") == ""
        link.update("t", HttpBody(truncate=60))
        assert await text_of(client, "/chunked") == await text_of(client, "/long") == "0123456789"
        link.remove("t")
        assert await text_of(client, "/long") == "0123456789"

    shopping(body)


def test_content_is_replaced_and_other_headers_stay() -> None:
    async def body(link: Carried, client: aiohttp.ClientSession) -> None:
        put(link, HttpBody(replace="{broken", content_type="application/json", path="/long"))
        for _ in range(2):
            async with client.get("/long") as answer:
                assert await answer.text() == "{broken"
                assert answer.headers["Content-Type"] == "application/json"
                assert answer.headers["X-Kept"] == "a"
                assert set(answer.cookies) == {"one", "two"}
            assert await text_of(client, "/chunked") == "0123456789"

    shopping(body)


def test_only_the_picked_requests_are_delayed() -> None:
    async def body(link: Carried, client: aiohttp.ClientSession) -> None:
        put(link, HttpDelay(delay=60_000, method="POST"))
        assert await text_of(client, "/long") == "0123456789"
        link.update("t", HttpDelay(delay=300, method="POST"))
        began = time.perf_counter()
        async with client.post("/long", data=b"x" * 100_000) as answer:
            assert await answer.text() == "0123456789"
        assert time.perf_counter() - began >= 0.295
        link.update("t", HttpDelay(delay=60_000, method="POST"))
        assert await text_of(client, "/long") == "0123456789"

    shopping(body)


def test_a_delayed_request_comes_at_once_when_the_toxic_goes() -> None:
    async def body(link: Carried, client: aiohttp.ClientSession) -> None:
        put(link, HttpDelay(delay=60_000))
        asking = asyncio.create_task(text_of(client, "/long"))
        await asyncio.sleep(0.05)
        link.remove("t")
        assert await asking == "0123456789"

    shopping(body)
