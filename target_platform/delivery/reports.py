"""What players say of the servers they fetch from, summed up between two words to steering."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from target_platform.delivery.measured import MOST_COUNT, Report

MOST_SERVERS = 4
"""A player is told no more."""

MOST_WAYS, MOST_SPEEDS = 64, 64
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
        self.fetched = self.failed = self.players = 0


class Sums:
    """Never larger than so many ways, whatever players say."""

    def __init__(self) -> None:
        self._by_way: dict[tuple[str, str], _Sum] = {}

    def add(self, provider: str, said: Sequence[Fetched]) -> None:
        for each in said[:MOST_SERVERS]:
            way = (provider, each.server)
            if way not in self._by_way and (len(self._by_way) >= MOST_WAYS or max(map(len, way)) > LONGEST_NAME):
                continue
            total = self._by_way.setdefault(way, _Sum())
            total.players += 1
            total.fetched += min(max(0, each.fetched), MOST_COUNT)
            total.failed += min(max(0, each.failed), MOST_COUNT)
            if each.kbps > 0 and len(total.speeds) < MOST_SPEEDS:
                total.speeds.append(each.kbps)

    def take(self) -> tuple[Report, ...]:
        """All of it, and begin anew. The speed is the median: one liar among three changes nothing."""
        sums, self._by_way = self._by_way, {}
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
