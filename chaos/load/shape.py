"""A load's level over time: constant, or stretches in which it goes along a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chaos.model.experiment import Stretch


class Shape:
    """`start` is the level before the first stretch, and for ever when there is none.

    Levels are arrivals a second or users, times are seconds after the start of the load. After the last stretch
    its level stays.
    """

    def __init__(self, start: float, stretches: Sequence[Stretch] = ()) -> None:
        self._stretches = tuple(stretches)
        self._last = stretches[-1].end if stretches else start

    @property
    def changes(self) -> bool:
        return bool(self._stretches)

    def level(self, at: float) -> float:
        """The level at a time; at a step, that after it."""
        for stretch in self._stretches:
            if at < stretch.seconds:
                return stretch.begin + (stretch.end - stretch.begin) * at / stretch.seconds
            at -= stretch.seconds
        return self._last

    def reaches(self, amount: float) -> float:
        """When so many arrivals are expected to have come (the inverse of the level's integral); inf for never."""
        passed = 0.0
        for stretch in self._stretches:
            whole = stretch.seconds * (stretch.begin + stretch.end) / 2
            if amount < whole:
                return passed + _within(stretch, amount)
            amount -= whole
            passed += stretch.seconds
        return passed + amount / self._last if self._last > 0 else math.inf


def _within(stretch: Stretch, amount: float) -> float:
    """Solves begin * t + slope * t**2 / 2 = amount, in the form that loses no digits when the slope is near 0."""
    slope = (stretch.end - stretch.begin) / stretch.seconds
    root = math.sqrt(max(0.0, stretch.begin**2 + 2 * slope * amount))
    return 2 * amount / (stretch.begin + root) if amount > 0 else 0.0
