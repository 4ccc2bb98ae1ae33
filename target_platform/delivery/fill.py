"""Filling ahead of time: in a window, a cache plans what it is to hold and fetches what it lacks, at a bounded pace.

As Open Connect does it: proactively, in the hours in which the network is idle ("Netflix and Fill", Netflix Technology
Blog, 2016). What was planned is pinned; in the rest of the cache who was not asked for longest goes first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.ahead import Source
from target_platform.delivery.cache import Cache
from target_platform.delivery.forecast import Model, forecast
from target_platform.delivery.listing import Files, Titles
from target_platform.delivery.plan import Member, planned
from target_platform.delivery.territory import Badge
from target_platform.delivery.window import Pace, Window
from target_platform.delivery.wishes import Wishes
from target_platform.kit.answer import answer, problem
from target_platform.kit.body import read_body
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance

LOOK_EVERY_SECONDS = 1.0
PLAN_AGAIN_SECONDS = 300.0
"""How soon a plan is made anew in a window that stays open."""
FAILED_PAUSE_SECONDS = 1.0
IN_PART_AGAIN_SECONDS = 15.0
"""How soon, when the files of some titles could not be listed."""
COLD_LOOKS = 20
"""So often after a start it is asked whether demand was known before it: who is new has nothing to hurry for."""

LOOPBACK = "127.0.0.1"

log = logging.getLogger("edge")


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the window is to be open from now on, whatever the hour; 0 closes it."""

    seconds: Annotated[float, Meta(ge=0, le=86_400)]


class State(Struct, frozen=True, kw_only=True):
    """`planned` and `lacking` are files, of the last plan; `fetched_bytes` what filling has brought since the start."""

    open: bool
    planned: int
    planned_bytes: int
    lacking: int
    fetched_bytes: int


class Filling:
    """Of one cache; `origin` is the service that lists the files there are."""

    def __init__(
        self,
        instance: Instance,
        cache: Cache,
        source: Source,
        wishes: Wishes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._instance = instance
        self._policy = instance.policies.fill
        self._cache = cache
        self._source = source
        self._wishes = wishes
        self._clock = clock
        self._badge = Badge(instance.config.settings["session_key"])
        self._window = Window(self._policy, instance.config.region)
        self._was_open_at = 0.0
        self._sizes: Mapping[str, int] = {}
        self._listed_last: Mapping[str, Mapping[str, int]] = {}
        self._is_whole = True
        self._fetched_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._counted = instance.metrics.counter("edge_fill_bytes", "Bytes fetched before anybody asked for them")
        instance.every(LOOK_EVERY_SECONDS, self.look)
        instance.at_close(self.close)
        self._cold_looks = COLD_LOOKS if self._policy.cold_seconds else 0

    def routes(self) -> list[Route]:
        return [Route("/fill", self.show), Route("/fill", self.open, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        return answer(self._state())

    async def open(self, request: Request) -> Response:
        """For who sits at this machine (or pod), and for caches: it makes the origin send as much as a cache holds."""
        if not (request.client and request.client.host == LOOPBACK) and not self._badge.is_shown(request):
            return problem(403, "the window is opened from the machine on which this cache runs")
        self._window.open_for((await read_body(request, Opening)).seconds)
        await self.look()
        return answer(self._state())

    async def look(self) -> None:
        """Whether it is time to begin, or to end."""
        if self._cold_looks > 0:
            remembered = await self._wishes.remembered()
            self._cold_looks = 0 if remembered is not None else self._cold_looks - 1
            if remembered:
                self._window.open_for(self._policy.cold_seconds)
        if not self._window.is_open:
            await self.close()
            self._let_go()
            return
        self._was_open_at = self._clock()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._fill(), context=Context())

    async def close(self) -> None:
        """What is on its way comes in; the rest is left for the next window."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _let_go(self) -> None:
        """Of a plan that no window has made anew for so long: its files are evicted in their turn, like all others."""
        if self._sizes and self._clock() - self._was_open_at >= self._policy.pinned_seconds:
            self._sizes = {}
            self._cache.pin(())

    async def _fill(self) -> None:
        """Until it is cancelled."""
        pace = Pace(self._policy.bytes_per_second)
        while True:
            try:
                await self._plan()
                await self._fetch_lacking(pace)
            except CallFailed as failure:
                log.info("filling: %s", failure)
                await asyncio.sleep(FAILED_PAUSE_SECONDS)
            except Exception:  # whatever it is, the window is short, and the next attempt may well succeed
                log.exception("filling has failed, and is tried again")
                await asyncio.sleep(FAILED_PAUSE_SECONDS)
            else:
                await asyncio.sleep(PLAN_AGAIN_SECONDS if self._is_whole else IN_PART_AGAIN_SECONDS)

    async def _plan(self) -> None:
        """Raises CallFailed when there is no list of what there is."""
        files = await self._listed()
        known, member = await self._wishes.known(), self._member()
        self._sizes = await asyncio.to_thread(self._computed, known, files, member)  # viewers do not wait for it
        self._cache.pin(self._sizes)

    def _computed(
        self, known: Mapping[str, float], files: Mapping[str, Mapping[str, int]], member: Member
    ) -> Mapping[str, int]:
        """What is planned, what is worth most first, with its bytes."""
        model = Model(zipf_exponent=self._policy.zipf_exponent, survival=self._policy.survival)
        sizes = {path: size for of_title in files.values() for path, size in of_title.items()}
        limit_bytes = int(self._policy.share * self._cache.limit_bytes)
        return {path: sizes[path] for path in planned(member, forecast(known, files, model), sizes, limit_bytes)}

    async def _fetch_lacking(self, pace: Pace) -> None:
        """What is worth most first. Raises CallFailed."""
        for path, size in self._sizes.items():
            if not self._source.has(path) and await self._source.fetch(path):
                self._fetched_bytes += size
                self._counted.inc(size)
                await pace.took(size)

    async def _listed(self) -> Mapping[str, Mapping[str, int]]:
        """The files of each title, the titles as the catalogue has them. Raises CallFailed.

        Of a title that cannot be listed, what was listed before goes on being planned.
        """
        reply = await self._instance.call("origin", "/files")
        if reply.status != 200:
            raise CallFailed(f"the origin has no list of its files: {reply.status}", "status")
        titles = msgspec.json.decode(reply.body, type=Titles).titles
        listed: dict[str, Mapping[str, int]] = {}
        self._is_whole = True
        for title in titles:
            try:
                listed[title] = await self._files_of(title)
            except CallFailed as failure:
                log.info("filling without all files of %s: %s", title, failure)
                listed[title] = self._listed_last.get(title, {})
                self._is_whole = False
        self._listed_last = listed
        return listed

    async def _files_of(self, title: str) -> Mapping[str, int]:
        """None at all of a title that has gone since."""
        reply = await self._instance.call("origin", f"/files/{quote(title)}")
        return msgspec.json.decode(reply.body, type=Files).files if reply.status == 200 else {}

    def _member(self) -> Member:
        """Players of a region find its caches by one order, so these are a group."""
        config = self._instance.config
        others = self._instance.registry.known(config.service).listed
        me = Endpoint(instance=config.name, region=config.region, address="")
        group = (me, *(each for each in others if each.region == config.region and each.instance != config.name))
        return Member(me=config.name, group=group, everywhere_share=self._policy.everywhere_share)

    def _state(self) -> State:
        return State(
            open=self._window.is_open,
            planned=len(self._sizes),
            planned_bytes=sum(self._sizes.values()),
            lacking=sum(not self._source.has(path) for path in self._sizes),
            fetched_bytes=self._fetched_bytes,
        )
