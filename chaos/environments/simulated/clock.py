"""Virtual time, and workers that do everything at once in the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


class VirtualClock:
    """Time passes only by sleeping."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += max(0.0, seconds)

    def wake(self) -> None:
        """Nobody sleeps here."""


class InlineWorkers:
    """The workers of a simulated run: no threads, so that the same seed gives the same journal."""

    def each(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        return [call() for call in calls]

    def submit(self, call: Callable[[], None]) -> None:
        call()
