"""Registers that say "kept" before anything is: faster, and wrong for what must not be lost.

Here for a weakness only (weaknesses/acknowledged-before-durable.yaml).
"""

from __future__ import annotations

from collections.abc import Sequence

from target_platform.stores.registers import Changes, Entry, Registers, newest


class WriteBehind:
    """Keeps entries in memory until `flush`: what was put since the last one dies with the process."""

    def __init__(self, durable: Registers) -> None:
        self._durable = durable
        self._early: dict[str, Entry] = {}

    async def put(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._early[entry.key] = newest([self._early.get(entry.key), entry]) or entry

    async def get(self, key: str) -> Entry | None:
        return newest([self._early.get(key), await self._durable.get(key)])

    async def under(self, prefix: str) -> tuple[Entry, ...]:
        keys = {each.key for each in await self._durable.under(prefix)} | set(self._early)
        found = [await self.get(key) for key in sorted(keys) if key.startswith(prefix)]
        return tuple(each for each in found if each is not None)

    async def changes(self, after: int, limit: int, region: str = "") -> Changes:
        return await self._durable.changes(after, limit, region)

    async def flush(self) -> None:
        """Write all of it. Raises StoreFailed."""
        entries = list(self._early.values())
        await self._durable.put(entries)
        for entry in entries:  # not before: until then nobody else can be asked for them
            if self._early[entry.key] is entry:
                del self._early[entry.key]

    async def close(self) -> None:
        await self.flush()
        await self._durable.close()
