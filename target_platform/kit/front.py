"""Everything that happens to a request before and after a service's own handler, in one layer.

Health first; then the deadline that came with the request, and whether there is room for it; then the handler; at the
end metrics and the access log.
"""

from __future__ import annotations

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_platform.kit import deadline, health
from target_platform.kit.access_log import AccessLog, Served
from target_platform.kit.answer import problem
from target_platform.kit.health import Health
from target_platform.kit.metrics import Metrics
from target_platform.kit.sendfile import ZEROCOPY
from target_platform.kit.shedding import Shedding


class Front:
    """The ASGI application that the server runs; `inner` is the service."""

    def __init__(self, inner: ASGIApp, health: Health, shedding: Shedding, metrics: Metrics, log: AccessLog) -> None:
        self._inner = inner
        self._health = health
        self._shedding = shedding
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in health.PATHS:
            await self._health.answer(scope["path"])(scope, receive, send)
            return
        sent = _Sent(send, scope["method"] == "HEAD")
        began = time.time(), time.monotonic()
        try:
            with deadline.inherited(Headers(scope=scope).get(deadline.HEADER)):
                if deadline.is_over():
                    await _too_late(scope, receive, sent)
                    return
                with self._shedding.request(scope["path"]) as refusal:
                    await (refusal or self._inner)(scope, receive, sent)
        finally:
            self._note(scope, sent, *began)

    def _note(self, scope: Scope, sent: _Sent, at: float, began: float) -> None:
        seconds = time.monotonic() - began
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.requests.labels(route, str(sent.status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        self._metrics.sent_bytes.inc(sent.bytes)
        served = Served(
            at=at,
            method=scope["method"],
            path=scope["path"],
            status=sent.status,
            bytes=sent.bytes,
            ms=round(seconds * 1000, 2),
        )
        if not self._log.write(served):
            self._metrics.lost_log_lines.inc()


class _Sent:
    """Counts what passes to the server. Status 0 stays for a request that got no answer at all."""

    def __init__(self, send: Send, headers_only: bool) -> None:
        self._send = send
        self._headers_only = headers_only
        self.status = 0
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == ZEROCOPY:
            await self._send_file(message)
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif not self._headers_only:
            self.bytes += len(message.get("body", b""))

    async def _send_file(self, message: Message) -> None:
        try:
            await self._send(message)
        finally:
            self.bytes += message.get("sent", 0)


async def _too_late(scope: Scope, receive: Receive, send: Send) -> None:
    await problem(504, "the caller's deadline was over before the request was read")(scope, receive, send)
