"""Which instances a call may go to, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from target_platform.kit.config import Endpoint, InstanceConfig


class Targets:
    """The instances of one service as one caller sees them: own region first, in turn; then the other regions'.

    After all that are listed come those that are not, in the same order.
    """

    def __init__(self, listed: Sequence[Endpoint], config: InstanceConfig, failover: bool) -> None:
        self._region = config.region
        self._far_regions = [region for region in config.regions if region != config.region] if failover else []
        self._turn = itertools.count()
        self.change(listed, ())

    def change(self, listed: Sequence[Endpoint], others: Sequence[Endpoint]) -> None:
        """From now on these; the turns go on."""
        self._listed = _Group(listed, self._region, self._far_regions)
        self._others = _Group(others, self._region, self._far_regions)

    def in_order(self, first: str = "") -> list[Endpoint]:
        """All of them, beginning with another one each time; those of the region `first` before all others."""
        turn = next(self._turn)
        return self._listed.in_order(turn, first) + self._others.in_order(turn, first)

    def only(self, name: str) -> list[Endpoint]:
        """The instance of that name, or those of that region, beginning with another one each time."""
        turn = next(self._turn)
        return self._listed.only(turn, name) + self._others.only(turn, name)


class _Group:
    """Those that are listed, or those that are not."""

    def __init__(self, endpoints: Sequence[Endpoint], region: str, far_regions: Sequence[str]) -> None:
        self._near = [each for each in endpoints if each.region == region]
        self._far = [each for far in far_regions for each in endpoints if each.region == far]
        self._all = list(endpoints)

    def in_order(self, turn: int, first: str) -> list[Endpoint]:
        order = _rotated(self._near, turn) + _rotated(self._far, turn)
        return sorted(order, key=lambda each: each.region != first) if first else order

    def only(self, turn: int, name: str) -> list[Endpoint]:
        return _rotated([each for each in self._all if name in (each.instance, each.region)], turn)


def _rotated(endpoints: list[Endpoint], turn: int) -> list[Endpoint]:
    start = turn % len(endpoints) if endpoints else 0
    return endpoints[start:] + endpoints[:start]
