"""The clock and the buffer of one playing title. Pure: time comes in as an argument."""

from __future__ import annotations


class Playback:
    """`level`, `played` and `stalled` are seconds of media. Media runs `time_scale` times faster than `now`.

    It plays whenever the buffer holds something; from the first segment on, an empty buffer is a stall.
    """

    def __init__(self, now: float, time_scale: float) -> None:
        self.level = 0.0
        self.played = 0.0
        self.stalled = 0.0
        self.time_scale = time_scale
        self._at = now
        self._empty_since = now

    def begin(self, now: float) -> None:
        """The picture begins now, and not when its first segment came."""
        self._at = self._empty_since = now

    def add(self, now: float, seconds: float) -> None:
        """A segment has arrived."""
        self.advance(now)
        self.level += seconds

    def advance(self, now: float) -> None:
        """Play up to now."""
        elapsed = max(0.0, now - self._at) * self.time_scale
        played = min(self.level, elapsed)
        self.level -= played
        self.played += played
        self.stalled += elapsed - played
        if played > 0:
            self._empty_since = now - (elapsed - played) / self.time_scale
        self._at = now

    def stalled_for(self, now: float) -> float:
        """Real seconds since the picture stopped, 0 while it moves."""
        self.advance(now)
        return 0.0 if self.level > 0 else now - self._empty_since

    def finish(self) -> None:
        """What the buffer holds is watched to its end; call it when that time has passed."""
        self.played += self.level
        self.level = 0.0

    @property
    def rebuffer_permille(self) -> float:
        whole = self.played + self.stalled
        return 1000 * self.stalled / whole if whole > 0 else 0.0
