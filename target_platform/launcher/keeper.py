"""Keeps one process running: starts it, knows when it is ready, starts it again when it dies, holds it down.

One task, `run`, is the only one that starts and ends the process. Everybody else states a wish and wakes it, so there
are no races between a death, a hold, a release and a restart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from target_platform.launcher.backoff import Backoff
from target_platform.launcher.errors import StartFailed
from target_platform.launcher.process import Identity, Watched
from target_platform.launcher.spec import RESERVE, InstanceState

GRACE_SECONDS = 2.0
"""How long a process that is asked to end (SIGTERM) has before it is killed."""

log = logging.getLogger("launcher")


class Recipe:
    """How one process is brought up. `cleared` returns when it may start: what it depends on is there."""

    def __init__(
        self,
        cleared: Callable[[], Awaitable[None]],
        start: Callable[[], Awaitable[Identity]],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.cleared = cleared
        self.start = start
        self.ready = ready


class Keeper:
    """`state`, `process`, `restarts` and `held_until` are for reading; `changed` is called when one of them changes."""

    def __init__(self, name: str, recipe: Recipe, changed: Callable[[], None]) -> None:
        self.name = name
        self.state: InstanceState = "waiting"
        self.process: Watched | None = None
        self.restarts = 0
        self.holds: dict[str, float] = {}
        """Who holds it down, and until which epoch second each does."""
        self._recipe = recipe
        self._changed = changed
        self._backoff = Backoff()
        self._wish = asyncio.Event()
        self._restart_wished = False
        self._not_before = 0.0
        self._born_at = 0.0

    def adopt(self, identity: Identity, restarts: int = 0) -> None:
        """Take over a process that an earlier launcher started. Call before `run`."""
        self.process = Watched(identity)
        self.restarts = restarts
        self._born_at = time.monotonic()
        self._become("starting")

    @property
    def held_until(self) -> float | None:
        """When the last of its holds ends; None when nobody holds it."""
        return max(self.holds.values(), default=None)

    def hold(self, holder: str, until: float) -> None:
        """Kill it and keep it down until the epoch second `until`. `is_held_down` tells when that is done."""
        self.holds[holder] = until
        self._wish.set()

    def release(self, holder: str) -> None:
        """End one holder's hold (all, for an empty name); it starts again when nobody holds it any more."""
        if not self.holds:
            return
        if holder:
            self.holds.pop(holder, None)
        else:
            self.holds.clear()
        if not self.holds:
            self._become("starting")
        self._wish.set()

    def restart(self) -> None:
        """End it politely and start it again without back-off; one that is held stays down."""
        if self.held_until is None:
            self._restart_wished = True
            self._become("starting")
            self._wish.set()

    @property
    def is_held_down(self) -> bool:
        return self.state == "held down" and self.process is None

    @property
    def identity(self) -> Identity | None:
        return None if self.process is None or self.process.gone.is_set() else self.process.identity

    async def run(self) -> None:
        """Keep the process as it is wished, until cancelled; a cancelled keeper leaves its process running."""
        while True:
            self._wish.clear()
            if self.held_until is not None:
                await self._stay_down()
            elif self._restart_wished:
                await self._end_for_restart()
            elif self.process is None:
                await self._begin()
            else:
                await self._attend(self.process)

    def stopped(self) -> None:
        """Note that the process was ended together with the launcher."""
        if self.process is not None:
            self.process.forget()
            self.process = None
        self._become("stopped")

    async def _begin(self) -> None:
        pause_seconds = self._not_before - time.monotonic()
        if pause_seconds > 0:
            self._become("backing off")
            await self._unless_wished(asyncio.sleep(pause_seconds))
            return
        await self._unless_wished(self._recipe.cleared())
        if self._wish.is_set():
            return
        self._born_at = time.monotonic()
        try:
            self.process = Watched(await self._recipe.start())
        except (StartFailed, OSError) as error:
            log.warning("%s could not be started: %s", self.name, error)
            self._back_off()
            return
        self._become("starting")

    async def _attend(self, process: Watched) -> None:
        if self.state == "ready":
            await self._unless_wished(process.gone.wait())
        elif await self._unless_wished(_first(self._recipe.ready(), process.gone.wait())) and not process.gone.is_set():
            self._become("ready")
            log.info("%s is ready, pid %s", self.name, process.identity.pid)
        if process.gone.is_set() and self.held_until is None:
            await self._lost(process)

    async def _lost(self, process: Watched) -> None:
        self._become("starting")
        await process.stop(0)  # whatever it left behind in its session
        self.process = None
        self.restarts += 1
        self._back_off()

    async def _stay_down(self) -> None:
        await self._end(GRACE_SECONDS if set(self.holds) == {RESERVE} else 0)  # what goes back to rest has requests
        self._become("held down")
        assert self.holds, "only this task and release() clear a hold, and release() wakes it"
        await self._unless_wished(asyncio.sleep(min(self.holds.values()) - time.time()))
        for holder in [holder for holder, until in self.holds.items() if time.time() >= until]:
            log.info("the hold of %s by %r has run out", self.name, holder)
            del self.holds[holder]
        if not self.holds and self.state == "held down":
            self._become("starting")

    async def _end_for_restart(self) -> None:
        self._restart_wished = False
        await self._end(GRACE_SECONDS)
        self._become("starting")

    async def _end(self, grace_seconds: float) -> None:
        if self.process is not None:
            await self.process.stop(grace_seconds)
            self.process = None
        self._not_before = 0.0
        self._backoff.reset()

    def _back_off(self) -> None:
        delay_seconds = self._backoff.delay_seconds(time.monotonic() - self._born_at)
        self._not_before = time.monotonic() + delay_seconds
        self._become("backing off" if delay_seconds else "starting")
        log.warning("%s died; it is started again in %.1f s", self.name, delay_seconds)

    def _become(self, state: InstanceState) -> None:
        self.state = state
        self._changed()

    async def _unless_wished(self, waited_for: Awaitable[object]) -> bool:
        """Wait, but not beyond the next wish; whether what was waited for came about."""

        async def wait() -> None:
            await waited_for

        return await _first(wait(), self._wish.wait()) == 0


async def _first(*contenders: Awaitable[object]) -> int:
    """Wait for whichever ends first, give up the others, and return the number of the first that has ended."""
    tasks = [asyncio.ensure_future(contender) for contender in contenders]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [number for number, task in enumerate(tasks) if task.done()]
        tasks[ended[0]].result()
        return ended[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
