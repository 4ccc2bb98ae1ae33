"""What a link lets through, measured on the link itself: the end of a stream (no work for anybody), or one request.

Many links are knocked at together, in one event loop: a region has a hundred of them, and silence takes a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

from chaos.model.links import Heard, Knock, Reaction

Way = tuple[str, str]
"""Two addresses: the link's, and that of what it leads to."""


def knock(ways: Mapping[str, Way], patience_ms: float, paths: Mapping[str, str] | None = None) -> dict[str, Knock]:
    """Send the end of a stream over each link and straight to its destination, and see what comes back.

    A link that has a path in `paths` is sent a GET of it instead. An end without an answer to that is a reset.
    """
    return asyncio.run(_knock(ways, patience_ms / 1000, paths or {}))


async def reactions(addresses: Sequence[str], patience_ms: float) -> list[tuple[Reaction, float]]:
    """What each address does about the end of a stream, and after how many ms; all at once."""
    return list(await asyncio.gather(*(_reaction(each, patience_ms / 1000) for each in addresses)))


def ask(address: str, path: str, patience_ms: float) -> Heard:
    """GET a path. What is no whole answer within the time has status 0."""
    connection = HTTPConnection(address, timeout=patience_ms / 1000)
    began = time.perf_counter()
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        size = sum(len(name) + len(value) + 4 for name, value in response.getheaders()) + len(response.read())
        return Heard(status=response.status, bytes=size, ms=(time.perf_counter() - began) * 1000)
    except (OSError, HTTPException, ValueError):
        return Heard(status=0, bytes=0, ms=(time.perf_counter() - began) * 1000)
    finally:
        connection.close()


async def _knock(ways: Mapping[str, Way], patience: float, paths: Mapping[str, str]) -> dict[str, Knock]:
    seen = await asyncio.gather(*(_one(way, patience, paths.get(name, "")) for name, way in ways.items()))
    return dict(zip(ways, seen, strict=True))


async def _one(way: Way, patience: float, path: str) -> Knock:
    (over, ms), (behind, _) = await asyncio.gather(*(_reaction(address, patience, path) for address in way))
    return Knock(over=over, behind=behind, ms=ms)


async def _reaction(address: str, patience: float, path: str = "") -> tuple[Reaction, float]:
    """What an address does about the end of a stream or a GET of the path, and after how many ms."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(patience):
            reaction = await (_request(address, path) if path else _exchange_ends(address))
    except TimeoutError:
        reaction = "silent"
    return reaction, (time.perf_counter() - began) * 1000


async def _exchange_ends(address: str) -> Reaction:
    host, _, port = address.rpartition(":")
    writer: asyncio.StreamWriter | None = None
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write_eof()
        while await reader.read(65536):
            pass
    except (OSError, ValueError):  # refused or reset; ValueError: an instance that has no address
        return "reset"
    finally:
        if writer is not None:
            writer.transport.abort()
    return "answered"


async def _request(address: str, path: str) -> Reaction:
    """To the end of the answer, and of the connection."""
    host, _, port = address.rpartition(":")
    writer: asyncio.StreamWriter | None = None
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read(65536)
        while await reader.read(65536):
            pass
    except (OSError, ValueError):  # as above
        return "reset"
    finally:
        if writer is not None:
            writer.transport.abort()
    return "answered" if answer else "reset"
