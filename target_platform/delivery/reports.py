"""What players say of the servers they fetch from, summed up between two words to steering."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import median

from msgspec import Struct

from target_platform.delivery.measured import MOST_KBPS, Report
from target_platform.delivery.providers import shipped_providers

MOST_SERVERS = 4
"""A player is told no more."""

MOST_WAYS, MOST_SPEEDS = 64, 64
HELD_WAYS = 1024
"""Whoever invents servers fills places: the ways of which most players speak are kept then, and only those told."""
LONGEST_NAME = 80


class Fetched(Struct, frozen=True):
    """What one player has had from one `server` (HOST:PORT) since its last heartbeat; see Report."""

    server: str
    kbps: float = 0.0
    fetched: int = 0
    failed: int = 0


class _Sum:
    def __init__(self) -> None:
        self.speeds: list[float] = []
        self.fetched = self.failed = 0.0
        self.players = 0

    def add(self, said: Fetched) -> None:
        """Each player counts as one, however often it says that something has failed."""
        fetched, failed = max(0, said.fetched), max(0, said.failed)
        self.players += 1
        if tried := fetched + failed:
            self.fetched += fetched / tried
            self.failed += failed / tried
        if 0 < said.kbps <= MOST_KBPS and len(self.speeds) < MOST_SPEEDS:
            self.speeds.append(said.kbps)


class Sums:
    """Never larger than so many ways, whatever players say. Who comes by none of `providers` is a stranger: ""."""

    def __init__(self, providers: Collection[str] = shipped_providers().full_names) -> None:
        self._providers = frozenset(providers) | {""}
        self._by_way: dict[tuple[str, str], _Sum] = {}

    def add(self, provider: str, said: Sequence[Fetched]) -> None:
        """What one player says at once: of each server once."""
        if provider not in self._providers:
            return
        for server, each in {each.server: each for each in said[:MOST_SERVERS]}.items():
            if len(server) > LONGEST_NAME:
                continue
            way = (provider, server)
            if way not in self._by_way and len(self._by_way) >= HELD_WAYS:
                self._by_way = self._most_told()
            self._by_way.setdefault(way, _Sum()).add(each)

    def take(self) -> tuple[Report, ...]:
        """All of it, and begin anew. The speed is the median: one liar among three changes nothing."""
        sums, self._by_way = self._most_told(), {}
        return tuple(
            Report(
                provider=provider,
                server=server,
                kbps=median(total.speeds) if total.speeds else 0.0,
                fetched=total.fetched,
                failed=total.failed,
                players=total.players,
            )
            for (provider, server), total in sums.items()
        )

    def _most_told(self) -> dict[tuple[str, str], _Sum]:
        by_players = sorted(self._by_way.items(), key=lambda each: each[1].players, reverse=True)
        return dict(by_players[:MOST_WAYS])
