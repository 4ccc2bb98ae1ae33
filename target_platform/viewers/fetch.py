"""HTTP as a player does it: kept connections, one attempt at a time, moving on to the next server when one fails.

Every byte of a body that arrived is counted, also of attempts that failed half-way, so that what viewers count can be
compared with what the edges say they sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gevent
import msgspec
from geventhttpclient.client import HTTPClient
from geventhttpclient.response import HTTPParseError
from msgspec import Struct

_BLOCK_BYTES = 1 << 16
_TELLING_BYTES = 1 << 15

CONNECT_SECONDS = 0.75
"""Longer than any way on one continent, shorter than the second after which TCP sends its first packet again: who is
cut off does not even say no, and a viewer's patience is better spent on the next server."""

FAILBACK_SECONDS = 5.0
FAILBACK_AT_MOST_SECONDS = 20.0
"""A running player is back at home within this (and one request) of its region's return; a new session begins there."""


class RequestFailed(Exception):
    """A request that the viewer has to do without; the message says why."""


class Tally:
    """Bytes of response bodies that one logical request received."""

    def __init__(self) -> None:
        self.bytes = 0


class Answer(Struct, frozen=True):
    status: int
    body: bytes

    def json(self) -> Any:
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise RequestFailed(f"the answer is not JSON: {error}") from error


class Reception:
    """What came from each server since it was last asked for, as a heartbeat says it."""

    def __init__(self) -> None:
        self._by_server: dict[str, _Had] = {}

    def came(self, base: str, bytes_: int, seconds: float) -> None:
        """One answer. What is small says nothing of a way's speed."""
        had = self._by_server.setdefault(base, _Had())
        had.fetched += 1
        if bytes_ >= _TELLING_BYTES:
            had.bytes, had.seconds = had.bytes + bytes_, had.seconds + seconds

    def failed(self, base: str) -> None:
        self._by_server.setdefault(base, _Had()).failures += 1

    def take(self) -> list[dict[str, Any]]:
        """All of it, and begin anew."""
        by_server, self._by_server = self._by_server, {}
        return [
            {
                "server": base.rpartition("//")[2],
                "kbps": round(had.bytes * 8 / 1000 / had.seconds) if had.seconds > 0 else 0,
                "fetched": had.fetched,
                "failed": had.failures,
            }
            for base, had in by_server.items()
        ]


class _Had:
    def __init__(self) -> None:
        self.fetched = self.failures = self.bytes = 0
        self.seconds = 0.0


class Call(Struct, frozen=True, kw_only=True):
    """One request, whichever server answers it. All attempts end before the monotonic time `until`."""

    path: str
    until: float
    body: dict[str, Any] | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


class Route:
    """Servers in the order of preference. Stays with the one that answered last, but not for ever.

    After `failback_seconds` away it looks whether the preferred one is back; each time that it is not, it waits twice
    as long for the next look, at most FAILBACK_AT_MOST_SECONDS: looking may cost a part of the time for one request.
    """

    def __init__(self, bases: Sequence[str], failback_seconds: float = FAILBACK_SECONDS) -> None:
        if not bases:
            raise RequestFailed("there is no server to ask")
        self.reception = Reception()
        self._bases = tuple(bases)
        self._at = 0
        self._failback_seconds = failback_seconds
        self._away_seconds = failback_seconds
        self._look_at = 0.0

    @property
    def present(self) -> str:
        """The one that is asked first."""
        return self._bases[self._at]

    def begin_at(self, base: str) -> None:
        """Ask this one first from now on, if it is one of these servers."""
        if base in self._bases:
            self._at = self._bases.index(base)
            self._look_at = time.monotonic() + self._failback_seconds

    def attempts(self, until: float) -> Iterator[tuple[str, float]]:
        """Each server once, beginning with the present one, and the seconds that it is given; moving on is remembered.

        An attempt gets half of the time left until the monotonic time `until`, the last one all of it: a server that
        hangs must leave time for another.
        """
        if self._at == 0:
            self._away_seconds = self._failback_seconds
        elif time.monotonic() >= self._look_at:
            self._at = 0
        begin, count = self._at, len(self._bases)
        for step in range(count):
            left = until - time.monotonic()
            if left <= 0:
                return
            if step == 1 and begin == 0:
                self._look_at = time.monotonic() + self._away_seconds
                self._away_seconds = min(2 * self._away_seconds, FAILBACK_AT_MOST_SECONDS)
            self._at = (begin + step) % count
            yield self._bases[self._at], left if step == count - 1 else left / 2


class Connections:
    """One viewer's connections: one a server, kept alive until close()."""

    def __init__(self, user_agent: str) -> None:
        self._clients: dict[str, HTTPClient] = {}
        self._headers = {"User-Agent": user_agent}

    def ask(self, route: Route, call: Call, tally: Tally, headers: Mapping[str, str] | None = None) -> Answer:
        """The first answer below 500 that a server of the route gives. Raises RequestFailed when none does."""
        reason = "no time was left to ask"
        for base, seconds in route.attempts(call.until):
            began = time.monotonic()
            try:
                with gevent.Timeout(seconds, _TooSlow(f"{base} did not answer within {seconds:.1f} s")):
                    answer = self._attempt(base, call, tally, {**self._headers, **(headers or {})})
            except (OSError, HTTPParseError, _TooSlow) as error:
                # A connection in an unknown state is of no further use.
                self._drop(base)
                route.reception.failed(base)
                reason = str(error) if isinstance(error, _TooSlow) else f"{base}: {error}"
                continue
            if answer.status < 500:
                route.reception.came(base, len(answer.body), time.monotonic() - began)
                return answer
            route.reception.failed(base)
            reason = f"{base} answered {answer.status}"
        raise RequestFailed(reason)

    def close(self) -> None:
        for base in list(self._clients):
            self._drop(base)

    def _attempt(self, base: str, call: Call, tally: Tally, headers: dict[str, str]) -> Answer:
        client = self._clients.get(base)
        if client is None:
            client = self._clients[base] = HTTPClient.from_url(
                base, concurrency=2, block_size=_BLOCK_BYTES, connection_timeout=CONNECT_SECONDS
            )
        body = b""
        if call.body is not None:
            body = msgspec.json.encode(call.body)
            headers["Content-Type"] = "application/json"
        response = client.request(call.method, call.path, body, headers)
        content = b""
        try:
            content = response.read()
        finally:
            # The client has no public word for the bytes of a body that broke off.
            tally.bytes += len(content) + len(response._body_buffer)
            response.release()
        return Answer(response.status_code, content)

    def _drop(self, base: str) -> None:
        client = self._clients.pop(base, None)
        if client is not None:
            client.close()


class _TooSlow(Exception):
    pass
