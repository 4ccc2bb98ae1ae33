"""Fetching ahead of a viewer: who walks along a title will ask for its next segments soon.

In which quality is learnt from those who walked there before: players begin low and climb, all alike, so what follows
segment n of a quality is hardly ever a surprise. A walker is whoever asks on one connection. What is expected is
fetched one file after the other, nearest first, until the walker asks for something else; for no more than a few
walkers at a time, and for nobody for a while when the tier behind has failed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context

from msgspec import Struct

from target_platform.delivery.files import File, file_of, following
from target_platform.kit.errors import CallFailed

MOST_WALKERS = 5_000
MOST_STEPS = 10_000
MOST_AT_ONCE = 6
REST_SECONDS = 5.0
WORTH_IT = 0.2
"""What is asked for by fewer of those who walk there is not fetched for all of them."""
SURE_AFTER, HALVED_AT = 5, 2_000
LAST_STEP = 30
"""From there on players have found their quality."""

log = logging.getLogger("edge")


class Source(Struct, frozen=True):
    """What a cache offers: whether it has a file, and how it gets one, or says that there is none (False)."""

    has: Callable[[str], bool]
    fetch: Callable[[str], Awaitable[bool]]


class Ahead:
    """At most `segments` further on than each viewer is."""

    def __init__(self, source: Source, segments: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._segments = segments
        self._clock = clock
        self._walks: OrderedDict[str, File] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._next: OrderedDict[tuple[str, int], Counter[str]] = OrderedDict()
        self._beyond: OrderedDict[str, None] = OrderedDict()
        self._rests_until = 0.0

    def asked(self, walker: str, path: str) -> None:
        """`walker` has asked for this file."""
        file = file_of(path)
        if file is None or file.number < 0 or self._segments == 0:
            return
        walker = (
            f"{walker} {file.kind}"  # sound has segments of its own, which are asked for in turn with the picture's
        )
        before = self._walks.pop(walker, None)
        if before is not None and (before.title, before.number + 1) == (file.title, file.number):
            self._learn(before, file.quality)
        self._walks[walker] = file
        if len(self._walks) > MOST_WALKERS:
            self._walks.popitem(last=False)
        if task := self._tasks.pop(walker, None):
            task.cancel()
        self._follow(walker, path, file)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def expected(self, path: str, file: File) -> Iterator[str]:
        """What who has asked for this file will ask for, nearest first."""
        shares = {file.quality: 1.0}
        for step in range(1, self._segments + 1):
            coming: defaultdict[str, float] = defaultdict(float)
            for quality, share in shares.items():
                for then, part in self._after(quality, file.number + step - 1).items():
                    coming[then] += share * part
            shares = {quality: share for quality, share in coming.items() if share >= WORTH_IT}
            for quality in sorted(shares, key=lambda each: -shares[each]):
                yield following(path, file, step, quality)

    def _learn(self, before: File, quality: str) -> None:
        step = before.quality, min(before.number, LAST_STEP)
        seen = self._next.pop(step, Counter())
        seen[quality] += 1
        self._next[step] = seen
        if len(self._next) > MOST_STEPS:
            self._next.popitem(last=False)
        if seen.total() >= HALVED_AT:
            for each in seen:
                seen[each] //= 2

    def _after(self, quality: str, number: int) -> dict[str, float]:
        seen = self._next.get((quality, min(number, LAST_STEP)))
        if seen is None or seen.total() < SURE_AFTER:
            return {quality: 1.0}
        return {then: times / seen.total() for then, times in seen.items()}

    def _follow(self, walker: str, path: str, file: File) -> None:
        if self._clock() < self._rests_until or len(self._tasks) >= MOST_AT_ONCE:
            return
        wanted = [each for each in self.expected(path, file) if not self._source.has(each) and each not in self._beyond]
        if wanted:
            task = asyncio.get_running_loop().create_task(self._fetch(wanted), context=Context())
            self._tasks[walker] = task
            task.add_done_callback(lambda done: self._ended(walker, done))

    async def _fetch(self, wanted: list[str]) -> None:
        try:
            for path in wanted:
                if not self._source.has(path) and not await self._source.fetch(path):
                    self._remember_end(path)
        except CallFailed as failure:
            log.info("fetching ahead: %s", failure)
            self._rests_until = self._clock() + REST_SECONDS

    def _remember_end(self, path: str) -> None:
        self._beyond[path] = None
        if len(self._beyond) > MOST_WALKERS:
            self._beyond.popitem(last=False)

    def _ended(self, walker: str, done: asyncio.Task[None]) -> None:
        if self._tasks.get(walker) is done:
            del self._tasks[walker]
