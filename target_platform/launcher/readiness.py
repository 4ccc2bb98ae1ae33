"""Asks an instance whether it can serve."""

from __future__ import annotations

import asyncio

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 2.0


async def until_ready(port: int, path: str) -> None:
    """Return when GET path answers 2xx, or, with an empty path, when the port accepts a connection."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while not await is_ready(port, path):
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(LONGEST_PAUSE_SECONDS, pause_seconds * 1.5)


async def is_ready(port: int, path: str) -> bool:
    """Ask once; no answer within 2 s is a no."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _ask(port, path)
    except (OSError, TimeoutError):
        return False


async def _ask(port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if not path:
            return True
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.readline()).split()
        return len(status) >= 2 and status[1].startswith(b"2")
    finally:
        writer.close()
