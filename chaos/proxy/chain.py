"""One direction that carries whole datagrams: nothing is joined or cut, and nothing waits for room."""

from __future__ import annotations

from collections.abc import Callable

from chaos.proxy.stages import Stages
from chaos.proxy.toxics import Chunk

HELD_BYTES_LIMIT = 8 * 1024 * 1024
"""A datagram that comes while more is held is dropped, as a full router does: nobody can be made to wait."""


class Chain(Stages):
    """Hands datagrams through its stages, first to last, to `send`."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self.received_bytes = 0
        self.sent_bytes = 0
        self._send = send

    def take(self, chunk: Chunk) -> None:
        """What has come from the one side, on its way to the other."""
        if isinstance(chunk, bytes):
            self.received_bytes += len(chunk)
        if not self._stages:
            self._leave(chunk)
        elif self._held_bytes() <= HELD_BYTES_LIMIT:
            self._stages[0][1].take(chunk)

    def _leave(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.sent_bytes += len(chunk)
            self._send(chunk)
