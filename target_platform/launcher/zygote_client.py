"""The launcher's end of the zygote's socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from target_platform.launcher.errors import StartFailed
from target_platform.launcher.process import Identity
from target_platform.launcher.zygote import ForkRequest

TIMEOUT_SECONDS = 10.0
LINE_LIMIT_BYTES = 4 * 1024 * 1024


class ZygoteClient:
    """One connection, one request at a time; connects again after a failure."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def fork(self, request: ForkRequest) -> Identity:
        """Have a process forked. Raises StartFailed when the zygote does not answer."""
        async with self._turn:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    return await self._exchange(request)
            except (OSError, TimeoutError) as error:
                self.close()
                raise StartFailed(f"the zygote did not answer ({type(error).__name__})") from error

    async def until_ready(self) -> None:
        """Return when the zygote takes requests, which is when it has imported everything."""
        async with self._turn:
            self.close()
            while self._streams is None:
                try:
                    self._streams = await asyncio.open_unix_connection(str(self._path), limit=LINE_LIMIT_BYTES)
                except OSError:
                    await asyncio.sleep(0.02)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: ForkRequest) -> Identity:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(str(self._path), limit=LINE_LIMIT_BYTES)
        reader, writer = self._streams
        writer.write(msgspec.json.encode(request) + b"\n")
        await writer.drain()
        line = await reader.readline()
        try:
            return msgspec.json.decode(line, type=Identity)
        except msgspec.DecodeError as error:
            raise StartFailed(f"the zygote answered {line.decode(errors='replace').strip() or 'nothing'}") from error
