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
        self._turn = itertools.count()

    def in_order(self) -> list[Endpoint]:
        """All of them, beginning with another one each time."""
        turn = next(self._turn)
        return _rotated(self._near, turn) + _rotated(self._far, turn)

    def all(self) -> list[Endpoint]:
        return self._near + self._far


def _rotated(endpoints: list[Endpoint], turn: int) -> list[Endpoint]:
    start = turn % len(endpoints) if endpoints else 0
    return endpoints[start:] + endpoints[:start]
