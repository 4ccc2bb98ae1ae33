"""What the viewers of a region wish for, put together: each cache counts its own viewers', and tells the tier behind.

So hubs know a whole region, and still do when an edge, or the hub itself, has been started anew: what a hub knows is
written down every ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.delivery.demand import MOST_FILES, Demand
from target_platform.delivery.territory import Badge
from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance

TELL_EVERY_SECONDS = 2.0
KEEP_EVERY_SECONDS = 10.0
TOLD_AT_ONCE, TOLD_BYTES = 10_000, 8 * 2**20
PATH_BYTES = 512
"""Longer paths are not counted: so what is told at once is never more than is listened to."""

log = logging.getLogger("edge")


class Wished(Struct, frozen=True):
    """How often files were asked for, by path."""

    files: Mapping[str, Annotated[float, Meta(ge=0, le=1e12)]]


class Wishes:
    """`behind` is the tier of caches that is told, empty when there is none behind this one."""

    def __init__(self, instance: Instance, behind: str) -> None:
        self._instance = instance
        self._behind = behind
        self._demand = Demand()
        self._untold: dict[str, float] = {}
        self._badge = Badge(instance.config.settings["session_key"])
        self._file = Path(instance.config.data_dir) / "demand.json"
        self._remembers = self._restore()
        instance.every(TELL_EVERY_SECONDS, self.tell)
        instance.every(KEEP_EVERY_SECONDS, self.keep)

    def routes(self) -> list[Route]:
        return [Route("/demand", self.show), Route("/demand", self._badge.between_caches(self.hear), methods=["POST"])]

    def asked(self, path: str) -> None:
        """A viewer has asked for it, and there is such a file."""
        if len(path) > PATH_BYTES:
            return
        self._demand.add(path)
        if self._behind and (path in self._untold or len(self._untold) < MOST_FILES):
            self._untold[path] = self._untold.get(path, 0.0) + 1

    async def show(self, request: Request) -> Response:
        return answer(Wished(self._demand.counts()))

    async def hear(self, request: Request) -> Response:
        for path, times in (await read_body(request, Wished, TOLD_BYTES)).files.items():
            if len(path) <= PATH_BYTES:
                self._demand.add(path, times)
        return Response(status_code=204)

    async def tell(self) -> None:
        """All caches of the tier behind. Whom it does not reach has missed it: these are counts, and many."""
        untold, self._untold = self._untold, {}
        for part in _parts(untold):
            body = msgspec.json.encode(Wished(part))
            for name in self._names_behind():
                await self._try(Ask(path="/demand", method="POST", body=body, headers=self._badge.headers(), only=name))

    async def known(self) -> Mapping[str, float]:
        """Of the whole region, as the one knows it who has heard the most."""
        return max([self._demand.counts(), *await self._heard_behind()], key=lambda counts: sum(counts.values()))

    async def remembered(self) -> bool | None:
        """Whether anything was known here before this start; None when nobody who would know can be asked."""
        if not self._behind:
            return self._remembers
        heard = await self._heard_behind()
        return any(heard) if heard else None

    async def keep(self) -> None:
        """On disk, so that who comes back cold knows what it is for."""
        counts = self._demand.counts()
        if counts:
            await asyncio.to_thread(self._write, msgspec.json.encode(Wished(counts)))

    async def _heard_behind(self) -> list[Mapping[str, float]]:
        heard = [await self._heard_from(name) for name in self._names_behind()]
        return [each.files for each in heard if each]

    async def _heard_from(self, name: str) -> Wished | None:
        try:
            body = await self._try(Ask(path="/demand", only=name))
            return msgspec.json.decode(body, type=Wished) if body else None
        except msgspec.DecodeError as error:
            log.warning("what %s knows of demand cannot be read: %s", name, error)
            return None

    def _names_behind(self) -> list[str]:
        if not self._behind:
            return []
        region = self._instance.config.region
        return [each.instance for each in self._instance.registry.known(self._behind).listed if each.region == region]

    async def _try(self, ask: Ask) -> bytes:
        try:
            reply = await self._instance.call(self._behind, ask)
        except CallFailed as failure:
            log.info("demand: %s", failure)
            return b""
        return reply.body if reply.status == 200 else b""

    def _write(self, content: bytes) -> None:
        unfinished = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            os.replace(unfinished, self._file)
        except OSError as error:
            log.warning(
                "%s cannot be written, so after a start nothing is known of demand: %s", self._file, error.strerror
            )

    def _restore(self) -> bool:
        """As if all of it had been asked for now. Whether there was anything."""
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Wished)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read, so nothing is known of demand: %s", self._file, error)
            return False
        for path, times in kept.files.items():
            self._demand.add(path, times)
        return bool(kept.files)


def _parts(untold: Mapping[str, float]) -> Iterable[dict[str, float]]:
    """Each small enough to be told at once."""
    files = list(untold.items())
    return (dict(files[start : start + TOLD_AT_ONCE]) for start in range(0, len(files), TOLD_AT_ONCE))
