"""A small HTTP/1.1 server for the API: parsed by httptools, answered within one call, so an answer never waits.

A web framework would cost each proxy process ten times the start-up time and three times the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import httptools
from msgspec import Struct

from chaos.proxy.config import split_address
from chaos.proxy.listener import cannot_listen

BODY_LIMIT_BYTES = 1024 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
IDLE_SECONDS = 60.0


class Request(Struct):
    """`path` is as sent, still percent-encoded and without the query; header names are in lower case."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""


class Response(Struct):
    status: int
    headers: dict[str, str] = {}
    body: bytes = b""


Answer = Callable[[Request], Response]


async def listen(answer: Answer, host: str, port: int) -> asyncio.Server:
    """Serve until the returned server is closed. Raises BadInput when the port cannot be listened on."""
    address = f"{host}:{port}"
    split_address(address)
    try:
        return await asyncio.get_running_loop().create_server(lambda: _Exchange(answer), host, port)
    except OSError as error:
        raise cannot_listen("the API", address, error) from error


class _Exchange(asyncio.Protocol):
    """One client's connection: request after request. The `on_` methods are called by the parser."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._head_bytes = 0
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._transport.close()
        except httptools.HttpParserError:
            self._send(Response(400, {"Connection": "close"}), keep=False)

    def on_message_begin(self) -> None:
        self._request = Request(headers={})
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")
        self._limit(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._limit(len(name) + len(value))

    def on_body(self, body: bytes) -> None:
        self._request.body += body
        if len(self._request.body) > BODY_LIMIT_BYTES:
            self._send(Response(413, {"Connection": "close"}), keep=False)

    def on_message_complete(self) -> None:
        if self._transport.is_closing():
            return
        self._request.method = self._parser.get_method().decode()
        self._request.path = self._request.path.partition("?")[0]
        self._send(self._answer(self._request), keep=self._parser.should_keep_alive())

    def _limit(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._send(Response(431, {"Connection": "close"}), keep=False)

    def _send(self, response: Response, keep: bool) -> None:
        if self._transport.is_closing():
            return
        headers = dict(response.headers)
        if response.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(response.body))
        if not keep:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join((*lines, "", "")).encode("latin-1") + response.body)
        if keep:
            self._wait()
        else:
            self._transport.close()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._transport.close)
