"""What is published, as the origin last said: asked again and again, so that nobody waits for it."""

from __future__ import annotations

import msgspec

from target_platform.kit.service import Instance
from target_platform.media.published import Listing, Published

ASK_SECONDS = 2.0


class Shown:
    """While no origin answers, what was heard last stays. `was_heard` is false until one has answered."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._titles: dict[str, Published] = {}
        self.listing = Listing()
        self.was_heard = False
        instance.every(ASK_SECONDS, self.ask)

    def title(self, title: str) -> Published | None:
        """None for one that nobody has published."""
        return self._titles.get(title)

    def limits(self, title: str) -> tuple[str, ...]:
        """The territories in which it may be watched; empty for all."""
        return tuple(self.listing.limits.get(title, ()))

    async def ask(self) -> None:
        """Raises CallFailed."""
        reply = await self._instance.call("origin", f"/published?have={self.listing.mark}")
        if reply.status == 200:
            self.listing = msgspec.json.decode(reply.body, type=Listing)
            self._titles = {each.title: each for each in self.listing.titles}
        self.was_heard = self.was_heard or reply.status in (200, 204)
