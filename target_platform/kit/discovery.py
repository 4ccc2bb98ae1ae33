"""Which instances a call may go to, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from target_platform.kit.config import Endpoint, InstanceConfig


class Targets:
    """The instances of one service as one caller sees them: own region first, in turn; then the other regions'."""

    def __init__(self, endpoints: Sequence[Endpoint], config: InstanceConfig, failover: bool) -> None:
        self._near = [each for each in endpoints if each.region == config.region]
        others = [region for region in config.regions if region != config.region] if failover else []
        self._far = [each for region in others for each in endpoints if each.region == region]
        self._all = list(endpoints)
        self._turn = itertools.count()

    def in_order(self, first: str = "") -> list[Endpoint]:
        """All of them, beginning with another one each time; those of the region `first` before all others."""
        turn = next(self._turn)
        order = _rotated(self._near, turn) + _rotated(self._far, turn)
        return sorted(order, key=lambda each: each.region != first) if first else order

    def only(self, name: str) -> list[Endpoint]:
        """The instance of that name, or those of that region, beginning with another one each time."""
        return _rotated([each for each in self._all if name in (each.instance, each.region)], next(self._turn))

    def all(self) -> list[Endpoint]:
        """Also those that only calls to `only` them reach."""
        return self._all


def _rotated(endpoints: list[Endpoint], turn: int) -> list[Endpoint]:
    start = turn % len(endpoints) if endpoints else 0
    return endpoints[start:] + endpoints[:start]
