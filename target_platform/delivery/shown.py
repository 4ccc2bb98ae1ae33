"""What is published, as the origin last said: asked again and again, so that nobody waits for it."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import structs

from target_platform.kit.errors import CallFailed
from target_platform.kit.service import Instance
from target_platform.media.published import Listing, Published, kept_limits
from target_platform.media.titles import LIMITS

ASK_SECONDS = 2.0


class Shown:
    """While no origin answers, what was heard last stays. `was_heard` is false until one has answered."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._titles: dict[str, Published] = {}
        self.listing = Listing()
        self.was_heard = False
        self._first = asyncio.Lock()
        instance.every(ASK_SECONDS, self.ask)

    def title(self, title: str) -> Published | None:
        """None for one that nobody has published."""
        return self._titles.get(title)

    def limits(self, title: str) -> tuple[str, ...]:
        """The territories in which it may be watched; empty for all. Before any origin has answered, what titles.yaml
        says of it.
        """
        return tuple((self.listing.limits if self.was_heard else LIMITS).get(title, ()))

    async def first_heard(self) -> None:
        """Return when an origin has answered; however many wait for it, it is asked once. Raises CallFailed."""
        async with self._first:
            if not self.was_heard:
                await self.ask()

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
