"""How far viewers have watched: kept once acknowledged, readable in the other region soon.

docs/explanation/history.md says why it is built so, and what it does not promise.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct, structs
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import answer
from target_platform.kit.body import read_body
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint
from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance, Service
from target_platform.stores.registers import Changes, Entry, Registers, StoreFailed, newest
from target_platform.stores.sqlite_registers import SqliteRegisters
from target_platform.stores.write_behind import WriteBehind

FAR_EVERY_SECONDS = 0.75
SIBLING_EVERY_SECONDS = 1.5
FLUSH_EVERY_SECONDS = 0.75
BATCH = 500
BATCH_LIMIT_BYTES = 1024 * 1024
AHEAD_MS = 60_000
"""A device's clock may be ahead by this; what claims to be later still would outlive everything written after it."""

log = logging.getLogger("history")


class Progress(Struct, frozen=True, kw_only=True):
    """`at_ms` (epoch) is when the device was there by its own clock, `sequence` counts within the session."""

    position_seconds: Annotated[float, Meta(ge=0, le=1e6)]
    at_ms: Annotated[int, Meta(ge=0, lt=1 << 53)]
    sequence: Annotated[int, Meta(ge=0, lt=10**12)] = 0
    session: Annotated[str, Meta(max_length=100)] = ""


class Kept(Struct, frozen=True):
    """`region` is who answered: what was acknowledged there is what it must show."""

    progress: Progress | None
    region: str


class Entries(Struct, frozen=True):
    entries: tuple[Entry, ...]


class Cursor(Struct, frozen=True):
    """How far a peer's changes have been taken over."""

    store: str = ""
    position: int = 0


def routes(instance: Instance) -> Sequence[Route]:
    store = _store(instance)
    history = History(instance, store)
    taken = instance.metrics.counter("history_taken", "Entries taken over", "peer")
    for region in instance.config.regions:
        group = [Follower(instance, store, each, taken) for each in history.peers if each.region == region]
        if region == instance.config.region:
            for sibling in group:
                instance.every(SIBLING_EVERY_SECONDS, sibling.follow)
        elif group:
            instance.every(FAR_EVERY_SECONDS, Turns(group).follow)
    return [
        Route("/progress/{viewer}/{title}", history.write, methods=["PUT"]),
        Route("/progress/{viewer}/{title}", history.read),
        Route("/entries", history.take, methods=["POST"]),
        Route("/entries/{viewer}/{title}", history.own),
        Route("/changes", history.changes),
    ]


def _store(instance: Instance) -> Registers:
    durable = SqliteRegisters(Path(instance.config.data_dir) / "history.sqlite")
    if instance.policies.history.acknowledge == "when-durable":
        instance.at_close(durable.close)
        return durable
    early = WriteBehind(durable)
    instance.at_close(early.close)

    async def flush() -> None:
        try:
            await early.flush()
        except StoreFailed as error:
            log.warning("%s", error)

    instance.every(FLUSH_EVERY_SECONDS, flush)
    return early


class History:
    """Writes to both instances of the region and reads from both; one is enough when the other does not answer.

    A write that neither takes, because their disks are full, goes to another region, which is then who acknowledges it.
    """

    def __init__(self, instance: Instance, store: Registers) -> None:
        self._instance = instance
        self._region = instance.config.region
        self._store = store
        self._waits = instance.policies.history.acknowledge == "when-durable"
        self.peers = [
            each for each in instance.config.endpoints.get("history", ()) if each.instance != instance.config.name
        ]
        self._siblings = [each for each in self.peers if each.region == self._region]
        self._elsewhere = [region for region in instance.config.regions if region != self._region]
        self._ignores = instance.policies.history.on_full_disk == "ignore"
        self._alone = instance.metrics.counter("history_alone", "Requests served without the sibling", "what")

    async def write(self, request: Request) -> Response:
        """Answers when it is on two disks of the region, or on one when the other cannot be had; at worst elsewhere."""
        progress = await read_body(request, Progress)
        entry = _entry(_key(request), progress, self._region)
        siblings = self._siblings if self._waits else ()
        kept = await asyncio.gather(self._put([entry]), *(self._tell(each.instance, entry) for each in siblings))
        if not any(kept):
            entry = await self._keep_elsewhere(entry)
        return answer(Kept(_progress(entry), entry.region))

    async def read(self, request: Request) -> Response:
        key = _key(request)
        opinions = await asyncio.gather(self._get(key), *(self._ask(each, request) for each in self._siblings))
        return answer(Kept(_progress(newest(opinions)), self._region))

    async def take(self, request: Request) -> Response:
        """From the sibling: on disk when this is answered."""
        if not await self._put((await read_body(request, Entries, BATCH_LIMIT_BYTES)).entries):
            raise HTTPException(503, "the disk does not take it")
        return Response(status_code=204)

    async def own(self, request: Request) -> Response:
        """For the sibling: what this instance alone knows."""
        return answer(await self._get(_key(request)))

    async def changes(self, request: Request) -> Response:
        """For peers: `after` a position, of one `region` or of all; without `after` only where the end is now."""
        after = int(request.query_params.get("after", 1 << 62))
        try:
            return answer(await self._store.changes(after, BATCH, request.query_params.get("region", "")))
        except StoreFailed as error:
            raise HTTPException(503, str(error)) from error

    async def _keep_elsewhere(self, entry: Entry) -> Entry:
        """Have another region acknowledge it, as if it had been asked. Raises HTTPException when none takes it."""
        for region in self._elsewhere:
            moved = structs.replace(entry, region=region)
            if await self._tell(region, moved):
                return moved
        raise HTTPException(503, "no disk takes it")

    async def _tell(self, whom: str, entry: Entry) -> bool:
        """Whether that instance, or one of that region, has it on disk."""
        body = msgspec.json.encode(Entries((entry,)))
        try:
            await self._instance.call("history", Ask(path="/entries", method="POST", body=body, only=whom))
        except CallFailed:
            self._alone.labels("write").inc()  # it fetches what it missed as soon as it can (Follower)
            return False
        return True

    async def _ask(self, sibling: Endpoint, request: Request) -> Entry | None:
        try:
            reply = await self._instance.call("history", Ask(path=f"/entries/{_key(request)}", only=sibling.instance))
        except CallFailed:
            self._alone.labels("read").inc()
            return None
        return msgspec.json.decode(reply.body, type=Entry | None)

    async def _put(self, entries: Sequence[Entry]) -> bool:
        """Whether it is on this disk, or that is taken for granted."""
        try:
            await self._store.put(entries)
        except StoreFailed as error:
            log.warning("%s", error)
            return self._ignores
        return True

    async def _get(self, key: str) -> Entry | None:
        try:
            return await self._store.get(key)
        except StoreFailed as error:
            raise HTTPException(503, str(error)) from error


class Turns:
    """Follows the instances of another region in turn. Each has what was written there, so one at a time is enough."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        self._followers = deque(followers)

    async def follow(self) -> None:
        """The next one; when it cannot be asked, at once the one after it. Raises CallFailed when none can."""
        for left in reversed(range(len(self._followers))):
            self._followers.rotate(-1)
            try:
                await self._followers[0].follow()
                return
            except CallFailed:
                if not left:
                    raise


class Follower:
    """Takes over what one peer has and this instance lacks. It keeps its place in its own store, next to the data.

    From its sibling it takes everything, from an instance of another region only what was written there: the rest it
    has, or will get from where it was written.
    """

    def __init__(self, instance: Instance, store: Registers, peer: Endpoint, taken: Counter) -> None:
        self._instance = instance
        self._store = store
        self._peer = peer
        self.is_near = peer.region == instance.config.region
        self._place = f"following/{peer.instance}"
        self._resumes = instance.policies.history.catch_up == "resume"
        self._missed = False
        self._taken = taken.labels(peer.instance)

    async def follow(self) -> None:
        """Until there is no more for now. Raises CallFailed when the peer cannot be asked."""
        try:
            while await self._step():
                pass
        except CallFailed:
            self._missed = True
            raise
        except StoreFailed as error:
            log.warning("%s", error)

    async def _step(self) -> bool:
        kept = await self._store.get(self._place)
        cursor = msgspec.json.decode(kept.value, type=Cursor) if kept else Cursor()
        forgets = self._missed and not self._resumes
        changes = await self._changes("" if forgets else f"after={cursor.position}&")
        if changes.store != cursor.store and cursor.store and not forgets:
            changes = await self._changes("after=0&")  # it has lost its disk, and begins anew
        self._missed = False
        self._taken.inc(len(changes.entries))
        if changes.entries or (changes.store, changes.upto) != (cursor.store, cursor.position):
            await self._store.put([*changes.entries, self._moved(changes, kept)])
        return changes.more

    async def _changes(self, after: str) -> Changes:
        region = "" if self.is_near else quote(self._peer.region)
        reply = await self._instance.call(
            "history", Ask(path=f"/changes?{after}region={region}", only=self._peer.instance)
        )
        return msgspec.json.decode(reply.body, type=Changes)

    def _moved(self, changes: Changes, kept: Entry | None) -> Entry:
        value = msgspec.json.encode(Cursor(changes.store, changes.upto)).decode()
        return Entry(key=self._place, version=(kept.version[0] + 1 if kept else 0, ""), value=value)


def _key(request: Request) -> str:
    return f"{quote(request.path_params['viewer'], safe='')}/{quote(request.path_params['title'], safe='')}"


def _entry(key: str, progress: Progress, region: str) -> Entry:
    """The newest by the device's clock counts, also when it is nearer to the beginning: viewers do rewind."""
    at_ms = min(progress.at_ms, int(time.time() * 1000) + AHEAD_MS)
    kept = structs.replace(progress, at_ms=at_ms)
    version = (at_ms, f"{progress.sequence:012d} {progress.session}")
    return Entry(key=key, version=version, value=msgspec.json.encode(kept).decode(), region=region)


def _progress(entry: Entry | None) -> Progress | None:
    return None if entry is None else msgspec.json.decode(entry.value, type=Progress)


SERVICE = Service(name="history", calls=("history",), criticality="critical", routes=routes, keeps_data=True)
