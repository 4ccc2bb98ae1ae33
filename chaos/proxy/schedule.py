"""When a toxic is at work, and how much of it: a function of the time since it was created."""

from __future__ import annotations

import math

from msgspec import Struct

_RAMP_STEPS = 50
_SHORTEST_STEP_MS = 20


class Schedule(Struct, frozen=True, forbid_unknown_fields=True):
    """All in milliseconds, counted from the creation of the toxic; 0 leaves the part out.

    At work from `start_after` on, for `duration` (0: for ever). With `on` and `off` it pulses: at work for `on`, absent
    for `off`, and so on. With `ramp` it grows from nothing to all of its magnitude, in steps, from `start_after` on.
    """

    start_after: int = 0
    duration: int = 0
    on: int = 0
    off: int = 0
    ramp: int = 0

    def __post_init__(self) -> None:
        if min(self.start_after, self.duration, self.on, self.off, self.ramp) < 0:
            raise ValueError("the times of a schedule are milliseconds, 0 or more")
        if (self.on > 0) != (self.off > 0):
            raise ValueError("a pulse needs both `on` and `off`, in milliseconds")

    def share(self, since_ms: float) -> float:
        """How much of the toxic is there, from 0 (absent) to 1, that long after its creation."""
        at_ms = since_ms - self.start_after
        if at_ms < 0 or 0 < self.duration <= at_ms:
            return 0.0
        if self.on and at_ms % (self.on + self.off) >= self.on:
            return 0.0
        if at_ms >= self.ramp:
            return 1.0
        return (at_ms // self._step_ms() + 1) * self._step_ms() / (self.ramp + self._step_ms())

    def next_change_ms(self, since_ms: float) -> float | None:
        """How long after `since_ms` that changes, at the soonest; None when it never does again."""
        at_ms = since_ms - self.start_after
        if at_ms < 0:
            return -at_ms
        if 0 < self.duration <= at_ms:
            return None
        waits = [self.duration - at_ms] if self.duration else []
        if self.on:
            into_ms = at_ms % (self.on + self.off)
            waits.append(self.on - into_ms if into_ms < self.on else self.on + self.off - into_ms)
        if at_ms < self.ramp:
            waits.append(min(self._step_ms() - at_ms % self._step_ms(), self.ramp - at_ms))
        return min(waits, default=None)

    def _step_ms(self) -> int:
        """Whole milliseconds: the remainder of a division by them is exact, so that no step begins twice."""
        return max(math.ceil(self.ramp / _RAMP_STEPS), _SHORTEST_STEP_MS)
