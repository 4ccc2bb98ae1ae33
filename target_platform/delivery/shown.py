"""What is published, as the origin last said: asked again and again, so that nobody waits for it."""

from __future__ import annotations

import asyncio
from contextvars import Context

import msgspec
from msgspec import structs

from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance
from target_platform.media.published import Listing, Published, kept_limits
from target_platform.media.titles import LIMITS

ASK_SECONDS = 3.0


class Shown:
    """While no origin answers, what was heard last stays. `was_heard` is false until one has answered."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._titles: dict[str, Published] = {}
        self.listing = Listing()
        self.was_heard = False
        self._first: asyncio.Task[None] | None = None
        instance.every(ASK_SECONDS, self.ask)
        instance.at_close(self.close)

    def title(self, title: str) -> Published | None:
        """None for one that nobody has published."""
        return self._titles.get(title)

    def limits(self, title: str) -> tuple[str, ...]:
        """The territories in which it may be watched; empty for all. Before any origin has answered, what titles.yaml
        says of it.
        """
        return tuple((self.listing.limits if self.was_heard else LIMITS).get(title, ()))

    async def first_heard(self) -> None:
        """Return when an origin has answered; however many wait for it, it is asked once. Raises CallFailed.

        All who wait hear of the one answer, as with a file that many want (Lookup).
        """
        if self.was_heard:
            return
        if self._first is None:
            self._first = asyncio.get_running_loop().create_task(self.ask(), context=Context())
            self._first.add_done_callback(self._answered)
        await asyncio.shield(self._first)

    async def close(self) -> None:
        if self._first is not None:
            self._first.cancel()
            await asyncio.gather(self._first, return_exceptions=True)

    def _answered(self, done: asyncio.Task[None]) -> None:
        self._first = None
        if not done.cancelled():
            done.exception()  # whoever waited has been told

    async def ask(self) -> None:
        """Raises CallFailed."""
        reply = await self._instance.call("origin", f"/published?have={self.listing.mark}")
        if reply.status == 200:
            self._take(reply.body)
        elif reply.status != 204:
            raise CallFailed(f"the origin answered {reply.status} when it was asked what is published", "status")
        self.was_heard = True

    def _take(self, body: bytes) -> None:
        try:
            listing = msgspec.json.decode(body, type=Listing)
        except msgspec.DecodeError as error:
            raise CallFailed(f"what the origin says is published cannot be read: {error}", "status") from error
        self.listing = structs.replace(listing, limits=kept_limits(self.listing.limits, listing))
        self._titles = {each.title: each for each in listing.titles}
