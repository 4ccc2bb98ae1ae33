"""An answer that is sent piece by piece."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE_BYTES = 64 * 1024


class Pieces(Response):
    """Sent piece by piece, and no further when the viewer has gone: so what is counted as sent has been sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if len(self.body) <= PIECE_BYTES:
            await send({"type": "http.response.body", "body": self.body})
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            whole = memoryview(self.body)
            for start in range(0, len(whole), PIECE_BYTES):
                more = start + PIECE_BYTES < len(whole)
                await send(
                    {"type": "http.response.body", "body": whole[start : start + PIECE_BYTES], "more_body": more}
                )
                if gone.done():
                    return
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
