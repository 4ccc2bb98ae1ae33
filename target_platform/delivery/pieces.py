"""Sending piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Send

from target_platform.delivery.ranges import Part

PIECE_BYTES = 64 * 1024


async def in_pieces(bytes_of: Callable[[Part], bytes | memoryview], part: Part, receive: Receive, send: Send) -> None:
    """Send a part of something, and no further when the viewer has gone: so what is counted as sent has been sent."""
    end = part.start + part.count
    if part.count <= PIECE_BYTES:
        await send({"type": "http.response.body", "body": bytes_of(part)})
        return
    gone = asyncio.ensure_future(_gone(receive))
    try:
        for start in range(part.start, end, PIECE_BYTES):
            piece = bytes_of(Part(start, min(PIECE_BYTES, end - start)))
            await send({"type": "http.response.body", "body": piece, "more_body": start + PIECE_BYTES < end})
            if gone.done():
                return
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
