"""One HTTP request to one instance, and what its failure means. The only importer of the HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from msgspec import Struct
from yarl import URL

from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed

KEEP_ALIVE_SECONDS = 15.0
"""Shorter than a server keeps a connection (serve.py), so that no request meets a connection that is being closed."""


SHED = "X-Shed"
"""A 503 with this header is no failure: the instance is well, and too busy for this request (see shedding.py)."""


class Ask(Struct, frozen=True, kw_only=True):
    """What is asked. `path` begins with / and is quoted. Only what is idempotent is ever asked twice.

    `region` is where that lives which is asked about: its instances are asked first, whatever is nearer. `only` is the
    one instance, or the one region, that may be asked at all, whatever the policy says of failover.
    """

    path: str
    method: str = "GET"
    body: bytes = b""
    headers: Mapping[str, str] = {}
    idempotent: bool = True
    region: str = ""
    only: str = ""


class Reply(Struct, frozen=True, kw_only=True):
    """A whole answer below 500, by `instance`; or by the fallback named in `fallback`. `shed`: refused under load.

    What the HTTP client gives finds `headers` by their names in any case of letters.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"
    instance: str = ""
    fallback: str = ""
    shed: bool = False


class Client:
    """Keeps connections. Create it inside the event loop, and close it there."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            # Each dependency has a pool (connections.py); a second limit here would only hide where calls wait.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def request(self, target: Endpoint, ask: Ask, seconds: float, headers: Mapping[str, str]) -> Reply:
        """The answer, if it is whole within `seconds` and below 500. Raises CallFailed."""
        try:
            async with asyncio.timeout(seconds):
                reply = await self._exchange(target, ask, headers)
        except TimeoutError as error:
            raise CallFailed(f"{target.instance} did not answer within {seconds * 1000:.0f} ms", "timeout") from error
        except aiohttp.ClientConnectorError as error:
            raise CallFailed(f"{target.instance} cannot be reached: {error.os_error.strerror}", "refused") from error
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise CallFailed(f"{target.instance} broke off before its answer was whole: {reason}", "reset") from error
        if reply.shed:
            raise CallFailed(f"{target.instance} is too busy", "shed")
        if reply.status >= 500:
            raise CallFailed(f"{target.instance} answered {reply.status}", "status")
        return reply

    async def _exchange(self, target: Endpoint, ask: Ask, headers: Mapping[str, str]) -> Reply:
        async with self._session.request(
            ask.method,
            URL(f"http://{target.address}{ask.path}", encoded=True),
            data=ask.body or None,
            headers={**ask.headers, **headers},
            allow_redirects=False,
        ) as response:
            body = await response.read()
            return Reply(
                status=response.status,
                body=body,
                headers=response.headers,
                content_type=response.headers.get("Content-Type", "application/octet-stream"),
                instance=target.instance,
                shed=response.status == 503 and SHED in response.headers,
            )
