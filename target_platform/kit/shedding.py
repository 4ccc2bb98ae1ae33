"""Load shedding by priority: an instance that cannot serve everybody serves what matters most, and refuses the rest.

How full an instance is: the requests under way as a share of `concurrent`, the delay that stands in its event loop as a
share of `delay_ms`, or how much of `burst` is used up while more than `per_second` come, whichever is most. Each class
of requests is let in up to its own share; so the least important is refused first, and what is left serves the others.
A refusal costs microseconds; a request that is served too late costs as much as one that is served in time.

The delay is that of a timer, and counts only when each of the last few was late: a short burst makes a queue that is
gone a moment later, only one that stands is overload. Sources: Nichols and Jacobson, "Controlling Queue Delay" (CoDel),
ACM Queue 2012; Maurer, "Fail at Scale", ACM Queue 2015; Google SRE Book, "Handling Overload" (criticality).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import ASGIApp

from target_platform.kit.answer import problem
from target_platform.kit.client import SHED
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import SheddingPolicy

TICK_SECONDS = 0.05
TICKS = 4


class Shedding:
    """One an instance. Create it inside the event loop."""

    def __init__(self, policy: SheddingPolicy, metrics: Metrics) -> None:
        self._policy = policy
        self._rate = Rate(policy.per_second, policy.burst) if policy.per_second else None
        self._delay = StandingDelay()
        self._under_way = 0
        self._shed = metrics.counter("requests_shed", "Requests refused because the instance was too full", "priority")
        metrics.gauge("requests_under_way", "Requests that are being served", lambda: self._under_way)
        metrics.gauge("fullness", "1 when nothing more is let in; see kit/shedding.py", lambda: self.fullness)

    @property
    def fullness(self) -> float:
        return max(
            self._under_way / self._policy.concurrent,
            self._delay.seconds * 1000 / self._policy.delay_ms,
            self._rate.used if self._rate else 0.0,
        )

    @contextmanager
    def request(self, path: str) -> Iterator[ASGIApp | None]:
        """Serve a request inside the block; or answer with what is yielded, when the instance is too full for it."""
        priority = self._policy.priority(path)
        if self.fullness >= priority.share:
            self._shed.labels(priority.name).inc()
            yield self._refusal(priority.name)
            return
        if self._rate:
            self._rate.take()
        self._under_way += 1
        self._delay.watch(lambda: self._under_way > 0)
        try:
            yield None
        finally:
            self._under_way -= 1

    def _refusal(self, priority: str) -> Response:
        refusal = problem(503, f"too busy for {priority}: try another instance, or this one later")
        refusal.headers["Retry-After"] = str(self._policy.retry_after_seconds)
        refusal.headers[SHED] = priority
        return refusal


class Rate:
    """A token bucket: filled at `per_second`, it holds `burst`. `clock` gives seconds that never go back."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._filled_at = clock()

    @property
    def used(self) -> float:
        """The share of the burst that is used up: 1 when there is no whole token left."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return 1 - int(self._tokens) / self._burst

    def take(self) -> None:
        """One request is let in."""
        self._tokens -= 1


class StandingDelay:
    """How late the event loop is, at least, each time it is looked at. Looks only while there is something to do."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=TICKS)
        self._busy: Callable[[], bool] = bool  # nothing to do: bool() is False
        self._ticking = False

    @property
    def seconds(self) -> float:
        """The smallest of the last few delays; 0 until there are so many."""
        return min(self._late) if len(self._late) == TICKS else 0.0

    def watch(self, busy: Callable[[], bool]) -> None:
        """Look again and again until `busy` says no."""
        self._busy = busy
        if not self._ticking:
            self._ticking = True
            self._tick_in_a_moment()

    def _tick_in_a_moment(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(TICK_SECONDS, self._tick, loop.time() + TICK_SECONDS)

    def _tick(self, due: float) -> None:
        if not self._busy():
            self._ticking = False
            self._late.clear()  # nobody waits, so no delay stands
            return
        self._late.append(max(0.0, asyncio.get_running_loop().time() - due))
        self._tick_in_a_moment()
