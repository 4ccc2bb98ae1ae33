"""How long a process that died stays down before it is started again."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 15.0
FORGET_SECONDS = 30.0


class Backoff:
    """The kubelet's schedule, twenty times as fast.

    The kubelet restarts a container at once when it ends for the first time, then after 10 s, 20 s, 40 s, ... at most
    300 s, and forgets after 10 minutes without a crash (kubernetes.io, Pod lifecycle, restart policy). Here: at once,
    0.5 s, 1 s, 2 s, ... at most 15 s, forgotten after 30 s.
    """

    def __init__(self) -> None:
        self._deaths = 0

    def delay_seconds(self, ran_seconds: float) -> float:
        """The pause before the next start of a process that died after running for `ran_seconds`."""
        if ran_seconds >= FORGET_SECONDS:
            self._deaths = 0
        self._deaths += 1
        if self._deaths == 1:
            return 0.0
        return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._deaths - 2, 16))

    def reset(self) -> None:
        """It was stopped on purpose: the next death is the first again."""
        self._deaths = 0
