"""Where a service hears which instances of the others exist, while it runs: the protocol of all sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from target_platform.kit.config import Endpoint


class Listing(Struct, frozen=True, kw_only=True):
    """One answer of discovery.

    `services` holds every service the answer speaks of; without instances (an empty tuple) it says that there are none.
    Of a service that is no key it says nothing, and what was known stays. `as_of` is the epoch second at which all this
    was so by the source's own word; None when it does not tell.
    """

    services: Mapping[str, tuple[Endpoint, ...]]
    as_of: float | None = None


class SourceFailed(Exception):
    """The source gave no answer. `str()` is a sentence that names the source."""


class Source(Protocol):
    """Asked every few seconds, by one task: `read` need not be safe to be called twice at a time."""

    async def read(self) -> Listing | None:
        """What is listed now, or None when nothing has changed since the last time. Raises SourceFailed."""
        ...
