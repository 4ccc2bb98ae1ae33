"""Limits how many calls to one dependency are under way, so that a slow one cannot fill the whole service.

Source: Nygard, "Release It!", bulkheads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from target_platform.kit.deadline import left_seconds
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BulkheadPolicy


class Bulkhead:
    """`name` says in errors whom it protects from whom."""

    def __init__(self, policy: BulkheadPolicy, name: str) -> None:
        self._policy = policy
        self._name = name
        self._places = asyncio.Semaphore(policy.concurrent)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._waiting

    @asynccontextmanager
    async def place(self, ends_at: float) -> AsyncIterator[None]:
        """Hold a place, waiting for one until `ends_at` at most. Raises CallFailed ("full" at once, or "deadline").

        Places are given in the order in which they were asked for.
        """
        await self._enter(ends_at)
        try:
            yield
        finally:
            self._places.release()

    async def _enter(self, ends_at: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self._policy.queue:
            busy = f"{self._policy.concurrent} calls are under way and {self._waiting} wait"
            raise CallFailed(f"{self._name}: refused, {busy}", "full")
        self._waiting += 1
        try:
            async with asyncio.timeout(None if self._policy.serves_late else left_seconds(ends_at)):
                await self._places.acquire()
        except TimeoutError as error:
            raise CallFailed(f"{self._name}: no place became free in time", "deadline") from error
        finally:
            self._waiting -= 1
