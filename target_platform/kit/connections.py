"""The pool of connections to one dependency: who has taken one gives it back, whatever becomes of the attempt.

A pool knows only what it has lent. An attempt that is given up and keeps its connection makes the pool smaller by one,
for ever: after as many of them as there are connections nobody is served any more, and that stays so when the
dependency is well again. Every client gives back after an answer; what leaks is the way out taken when there is none.

Source: Nygard, "Release It!", "Blocked Threads" (a pool whose connections do not come back).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from target_platform.kit.deadline import left_seconds
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import ConnectionsPolicy


class Connections:
    """`name` says in errors whose they are."""

    def __init__(self, policy: ConnectionsPolicy, name: str) -> None:
        self._most = policy.most
        self._leaks = policy.given_back == "unless-given-up"
        self._name = name
        self._free = asyncio.Semaphore(policy.most)
        self.in_use = 0

    @asynccontextmanager
    async def one(self, ends_at: float) -> AsyncIterator[None]:
        """Hold a connection, waiting for one until `ends_at` at most. Raises CallFailed("deadline")."""
        await self._take(ends_at)
        lost = False
        try:
            yield
        except CallFailed as failure:
            lost = self._leaks and failure.kind == "timeout"
            raise
        finally:
            if not lost:
                self.in_use -= 1
                self._free.release()

    async def _take(self, ends_at: float) -> None:
        try:
            async with asyncio.timeout(left_seconds(ends_at)):
                await self._free.acquire()
        except TimeoutError as error:
            raise CallFailed(
                f"{self._name}: none of {self._most} connections became free in time", "deadline"
            ) from error
        self.in_use += 1
