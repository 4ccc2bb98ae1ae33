"""A small HTTP/1.1 server for the API: parsed by httptools, answered within one call, so an answer never waits.

A web framework would cost each proxy process ten times the start-up time and three times the memory. Whoever comes can
be slow, silent, endless or speak no HTTP at all: each connection has limits of time and bytes, and there is a number of
connections.
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

_REFUSED_SECONDS = 2.0
"""So long the rest of a refused request is read and dropped: closed at once, its sender would miss the reason."""

_MOST_CONNECTIONS = 256
_UNREAD_LIMIT_BYTES = 4 * 1024 * 1024
"""Who sends request after request without reading the answers is not answered for ever."""


class Patience(Struct, frozen=True):
    """How long a client may take before its connection ends: for nothing at all between two requests, for a request
    from its first byte to its last, and to take an answer."""

    idle_seconds: float = 60.0
    request_seconds: float = 15.0
    answer_seconds: float = 30.0


_USUAL = Patience()


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


async def listen(answer: Answer, host: str, port: int, patience: Patience = _USUAL) -> asyncio.Server:
    """Serve until the returned server is closed. Raises BadInput when the port cannot be listened on."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    split_address(address)
    open_ones: dict[_Exchange, None] = {}
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: _Exchange(answer, open_ones, patience), host, port
        )
    except OSError as error:
        raise cannot_listen("the API", address, error) from error


class _Exchange(asyncio.Protocol):
    """One client's connection: request after request. The `on_` methods are called by the parser."""

    def __init__(self, answer: Answer, open_ones: dict[_Exchange, None], patience: Patience) -> None:
        self._answer = answer
        self._patience = patience
        self._open_ones = open_ones
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._open_ones) >= _MOST_CONNECTIONS:
            next(iter(self._open_ones))._transport.abort()  # the one that has been silent longest
        self._open_ones[self] = None
        self._within(self._patience.idle_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._open_ones.pop(self, None)
        self._open_ones[self] = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._transport.close()
        except httptools.HttpParserError:
            self._refuse(400)

    def pause_writing(self) -> None:
        """The client takes no answers: read no further requests."""
        self._transport.pause_reading()
        self._within(self._patience.answer_seconds)

    def resume_writing(self) -> None:
        self._transport.resume_reading()
        self._within(self._patience.idle_seconds)

    def on_message_begin(self) -> None:
        self._request = Request(headers={})
        self._body = []
        self._head_bytes = self._body_bytes = 0
        self._within(self._patience.request_seconds)

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")
        self._limit(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._limit(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """A body that is announced as too large is refused before it comes."""
        length = self._request.headers.get("content-length", "")
        if length.isdigit() and int(length) > BODY_LIMIT_BYTES:
            self._refuse(413)
        elif self._request.headers.get("expect", "").lower() == "100-continue" and not self._refused:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT_BYTES:
            self._refuse(413)
        elif not self._refused:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._refused or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES:
            self._transport.abort()
            return
        self._request.method = self._parser.get_method().decode()
        self._request.path = self._request.path.partition("?")[0]
        self._request.body = b"".join(self._body)
        self._send(self._answer(self._request), keep=self._parser.should_keep_alive())

    def _limit(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._refuse(431)

    def _refuse(self, status: int) -> None:
        """Say why, and hear no more: what still comes is dropped until the client has had time to read the answer."""
        if self._refused or self._transport.is_closing():
            return
        self._refused = True
        self._body = []
        self._write(Response(status, {"Connection": "close"}))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._within(_REFUSED_SECONDS)

    def _send(self, response: Response, keep: bool) -> None:
        if not keep:
            response.headers["Connection"] = "close"
        self._within(self._patience.idle_seconds)
        self._write(response)
        if not keep:
            self._transport.close()
            self._within(self._patience.answer_seconds)

    def _write(self, response: Response) -> None:
        headers = dict(response.headers)
        if response.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(response.body))
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join((*lines, "", "")).encode("latin-1") + response.body)

    def _within(self, seconds: float) -> None:
        """So long the connection lives, unless something happens."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)
