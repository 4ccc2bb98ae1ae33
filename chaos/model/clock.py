"""Time, passed in, so that a run is a function of its plan and seed and tests do not sleep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds; never goes backwards within a run."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleep that long, or less when a signal arrives or somebody wakes it."""
        ...

    def wake(self) -> None:
        """End the sleep of the run's loop, from any thread: there is something to look at."""
        ...


class Workers(Protocol):
    """Does several blocking calls at once (or one after the other, in simulation)."""

    def each(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Run all calls and return their results in order. Calls must not raise."""
        ...

    def submit(self, call: Callable[[], None]) -> None:
        """Run a call soon, without waiting for it."""
        ...
