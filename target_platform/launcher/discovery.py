"""What a region's services are told about who exists: one file a region, replaced by rename.

Like registries with health checks it takes in who is ready at once and drops who is not after a while; a client has to
live with the time in between. A fault may have a region's file stand still or be empty for as long as its lease lasts.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal

import msgspec
from msgspec import Struct

from target_platform.kit.list_file import Named
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.keeper import Keeper
from target_platform.launcher.spec import LaunchSpec

HEARTBEAT_SECONDS = 1.0
"""A list is written again after this time even if nothing changed: only its mark tells an old one from a quiet one."""

LEAVES_AFTER_SECONDS = 10.0
RETRY_SECONDS = 1.0
REMEMBERED_SECONDS = 60.0

How = Literal["stale", "empty"]

log = logging.getLogger("launcher")


class Spoil(Struct, frozen=True):
    """One holder's wish; `until` in epoch seconds. What stands still is the list as it was `behind_seconds` before."""

    how: How
    until: float
    behind_seconds: float = 0.0


class Region(Struct, frozen=True):
    """Who spoils a region's list, and the list that stands still while somebody wants it to."""

    spoils: dict[str, Spoil] = {}
    frozen: Named | None = None


class Discovery:
    """`regions` is for reading; `told` is called when it changes. `run` is the task that writes.

    A system that wants no discovery has no regions here, and nothing is written.
    """

    def __init__(
        self, folder: Folder, spec: LaunchSpec, keepers: Mapping[str, Keeper], told: Callable[[], None]
    ) -> None:
        self.regions = {region: Region() for region in spec.regions} if spec.discovery else {}
        self._folder = folder
        self._keepers = keepers
        self._told = told
        self._ready: set[str] = set()
        self._ready_at: dict[str, float] = {}
        self._written: dict[str, Named] = {}
        self._past: deque[Named] = deque()
        self._wake = asyncio.Event()

    def take_over(self) -> None:
        """Go on where an earlier launcher ended: what it left running is listed until it had time to be seen ready."""
        now = time.monotonic()
        self._ready_at = {name: now for name, keeper in self._keepers.items() if keeper.identity is not None}
        for region, before in _read(self._folder).items():
            if region in self.regions:
                self.regions[region] = _after(before, time.time())

    def changed(self) -> None:
        """A keeper changed: somebody may be ready."""
        self._wake.set()

    async def run(self) -> None:
        while self.regions:
            self._wake.clear()
            try:
                self._end_leases()
                self._write()
            except OSError as error:
                log.error("discovery cannot be written: %s; trying again", error.strerror)
                await asyncio.sleep(RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_seconds()):
                    await self._wake.wait()

    def spoil(self, region: str, holder: str, spoil: Spoil) -> None:
        """Until the lease ends this region's list stands still or is empty. Raises LauncherError and OSError.

        What several want holds until the last of them has let go; while anybody wants it empty, it is.
        """
        if spoil.until <= time.time():
            raise LauncherError("the end of a spoilt discovery must lie in the future", kind="bad input")
        before = self._known(region)
        frozen = before.frozen
        if spoil.how == "stale" and frozen is None:
            frozen = self._as_it_was(spoil.behind_seconds)
        self._become(region, Region({**before.spoils, holder: spoil}, frozen))

    def restore(self, region: str, holder: str) -> None:
        """End what this holder wants (everybody, for an empty name). Raises LauncherError, OSError."""
        before = self._known(region)
        spoils = {name: spoil for name, spoil in before.spoils.items() if holder and name != holder}
        self._become(region, _after(Region(spoils, before.frozen), time.time()))

    def _as_it_was(self, behind_seconds: float) -> Named:
        """The list of that moment; the oldest that is remembered when it was before that."""
        self._remember(time.time())
        as_of = time.time() - behind_seconds
        known = [each for each in self._past if each.as_of <= as_of] or [self._past[0]]
        return Named(as_of=as_of, instances=known[-1].instances)

    def _remember(self, now: float) -> tuple[str, ...]:
        """Who is listed now. What was listed is kept for some time, as a replica that lags would still tell it."""
        listed = self._listed()
        if not self._past or self._past[-1].instances != listed:
            self._past.append(Named(as_of=now, instances=listed))
        while len(self._past) > 1 and self._past[1].as_of < now - REMEMBERED_SECONDS:
            self._past.popleft()
        return listed

    def _known(self, region: str) -> Region:
        if region not in self.regions:
            raise LauncherError(f"no list of instances is written for {region!r}", kind="bad input")
        return self.regions[region]

    def _become(self, region: str, wanted: Region) -> None:
        """Written down first: a launcher that is killed leaves to the next one what is to be ended."""
        regions = {**self.regions, region: wanted}
        spoilt = {name: each for name, each in regions.items() if each.spoils}
        replace_file(self._folder.spoilt_discovery, msgspec.json.encode(spoilt))
        if wanted != self.regions[region]:
            self._written.pop(region, None)
        self.regions = regions
        self._told()
        self._wake.set()  # the next lease may end sooner now
        self._write()

    def _end_leases(self) -> None:
        for name, region in self.regions.items():
            left = _after(region, time.time())
            if left != region:
                log.info(
                    "the discovery of %s is spoilt no longer by %s", name, ", ".join({*region.spoils} - {*left.spoils})
                )
                self._become(name, left)

    def _write(self) -> None:
        now = time.time()
        listed = self._remember(now)
        for name, region in self.regions.items():
            hows = {spoil.how for spoil in region.spoils.values()}
            wanted = Named(as_of=now, instances=() if "empty" in hows else listed)
            if "stale" in hows and "empty" not in hows and region.frozen is not None:
                wanted = region.frozen
            written = self._written.get(name)
            if (
                written
                and written.instances == wanted.instances
                and wanted.as_of - written.as_of < HEARTBEAT_SECONDS - 0.1
            ):
                continue
            replace_file(self._folder.discovery(name), msgspec.json.encode(wanted))
            self._written[name] = wanted

    def _listed(self) -> tuple[str, ...]:
        now = time.monotonic()
        ready = {name for name, keeper in self._keepers.items() if keeper.state == "ready"}
        for name in ready | self._ready:  # who was ready a moment ago has ceased to be just now
            self._ready_at[name] = now
        self._ready = ready
        return tuple(name for name in self._keepers if now - self._ready_at.get(name, -math.inf) < LEAVES_AFTER_SECONDS)

    def _pause_seconds(self) -> float:
        ends = [spoil.until - time.time() for region in self.regions.values() for spoil in region.spoils.values()]
        return max(0.0, min([HEARTBEAT_SECONDS, *ends]))


def _after(region: Region, now: float) -> Region:
    """What is left when all leases that are over have ended."""
    spoils = {holder: spoil for holder, spoil in region.spoils.items() if spoil.until > now}
    stale = any(spoil.how == "stale" for spoil in spoils.values())
    return Region(spoils, region.frozen if stale else None)


def _read(folder: Folder) -> dict[str, Region]:
    try:
        return msgspec.json.decode(folder.spoilt_discovery.read_bytes(), type=dict[str, Region])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
