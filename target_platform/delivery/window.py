"""When a cache may fetch what nobody has asked for, and how fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from target_platform.kit.policy import FillPolicy


class Window:
    """Open by the policy's hours, and for as long as somebody has said. `now` gives epoch seconds."""

    def __init__(self, policy: FillPolicy, region: str, now: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._offset_hours = policy.utc_offset_hours.get(region, 0.0)
        self._now = now
        self._opened_until = 0.0

    def open_for(self, seconds: float) -> None:
        """From now on; 0 closes what was opened so."""
        self._opened_until = self._now() + seconds

    @property
    def is_open(self) -> bool:
        return self._now() < self._opened_until or self._policy.when == "always" or self._is_night()

    def _is_night(self) -> bool:
        """From the hour of the region's clock to the other one; also over midnight."""
        if self._policy.when != "night":
            return False
        there = datetime.fromtimestamp(self._now(), UTC) + timedelta(hours=self._offset_hours)
        hour = there.hour + there.minute / 60
        begin, end = self._policy.from_hour, self._policy.until_hour
        return begin <= hour < end if begin <= end else hour >= begin or hour < end


class Pace:
    """So many bytes a second, over any second; what was not used is not saved up."""

    def __init__(
        self,
        bytes_per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    async def took(self, size: int) -> None:
        """So many bytes have come: wait until the next may."""
        self._free_at = max(self._free_at, self._clock()) + size / self._rate
        await self._sleep(max(0.0, self._free_at - self._clock()))
