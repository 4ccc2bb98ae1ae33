"""When a device does again what it does again and again, such as to report the viewer's place.

Each at moments of its own: they begin at different times, and what made them wait together (a gateway that stood still)
does not keep them together, since every pause is drawn anew. Who reports when the clock on the wall says so reports
when everybody does: what each of them needs now and then, all of them need at once.

Source: Brooker, "Timeouts, retries, and backoff with jitter", The Amazon Builders' Library: jitter is for all timers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

SPREAD = 0.2
"""A pause is this share shorter or longer."""

LATE_SECONDS = 0.3
"""Clocks of devices agree to so much, and not to the millisecond."""


class Rhythm:
    """Of one thing that one device does every `every_seconds` in the mean. `now` gives epoch seconds."""

    def __init__(
        self, every_seconds: float, random: Random, by_the_clock: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self._every_seconds = every_seconds
        self._random = random
        self._by_the_clock = by_the_clock
        self._late_seconds = random.uniform(0, LATE_SECONDS) if by_the_clock else 0.0
        self._now = now

    def pause_seconds(self) -> float:
        """How long from now until the next time."""
        if not self._by_the_clock:
            return self._every_seconds * self._random.uniform(1 - SPREAD, 1 + SPREAD)
        left = self._every_seconds - (self._now() - self._late_seconds) % self._every_seconds
        too_early = left < self._every_seconds / 10  # a timer may end a moment before its time
        return left + self._every_seconds if too_early else left
