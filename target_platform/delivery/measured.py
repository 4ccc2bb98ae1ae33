"""How well ways serve, as players report it: who is much slower than its likes, and by whom much fails.

Reports are the word of strangers. What cannot be is dropped, a single one counts little, and the worst that they can do
is that a server comes after its likes for a while: nobody is taken off a list because of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median_high
from typing import Literal

from msgspec import Struct

from target_platform.delivery.ways import Way

ENOUGH_REPORTS = 8
SMOOTHING = 0.2
"""Weight of the newest report of the exponentially weighted means: the last ten or so make them up."""

SLOW_SHARE = 1 / 3
ENOUGH_KBPS = 8000.0
"""Some six times the best quality: who is that fast is not slow, however fast the others are."""

FAILING_SHARE, FAILING_TIMES = 0.3, 3
"""It must be so in several judgements in a row: one that dies makes all who are there fail once, and is back."""

BEHIND_SECONDS, BEHIND_AT_MOST_SECONDS = 10.0, 60.0
TRIED_ONCE_IN = 8
MOST_KBPS, MOST_COUNT = 1e8, 50


Why = Literal["slow", "fails"]


class Report(Struct, frozen=True, kw_only=True):
    """What players of one provider have seen of one server since they said so last.

    `server` is HOST:PORT as they were given it. `kbps` is kilobits a second while something came; 0 when they cannot
    tell. `players` is how many have said so. `fetched` and `failed` are players, too: one by whom a quarter of the
    attempts were in vain counts a quarter as failed, however many attempts there were.
    """

    provider: str
    server: str
    kbps: float = 0.0
    fetched: float = 0.0
    failed: float = 0.0
    players: int = 1

    @property
    def is_possible(self) -> bool:
        counts = all(0 <= each <= MOST_COUNT * self.players for each in (self.fetched, self.failed))
        return counts and 1 <= self.players <= 10_000 and math.isfinite(self.kbps) and 0 <= self.kbps <= MOST_KBPS


class Measured:
    """Of all ways that were handed out; `now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[tuple[str, str], _Seen] = {}

    def take(self, reports: Iterable[Report], ways: Sequence[Way]) -> list[Report]:
        """Those that were taken. Nothing is kept of what was never handed out, so there is no more than ways."""
        known = {(each.provider, each.address) for each in ways}
        taken = [each for each in reports if (each.provider, each.server) in known and each.is_possible]
        for each in taken:
            self._of(each.provider, each.server).add(each)
        return taken

    def judge(self, ways: Sequence[Way]) -> None:
        """Put behind those of `ways` that are bad by now, and forgive those that were behind for long enough."""
        now = self._now()
        known = {(each.provider, each.address) for each in ways}
        self._seen = {key: seen for key, seen in self._seen.items() if key in known}
        for likes in _groups(ways):
            seen = [self._of(each.provider, each.address) for each in likes]
            speeds = [each.kbps for each in seen if each.is_telling]
            usual = median_high(speeds) if len(speeds) > 1 else 0.0
            for each in seen:
                each.judge(now, min(SLOW_SHARE * usual, ENOUGH_KBPS))

    def forget(self, ways: Iterable[Way]) -> None:
        """What was said of a server that was gone, and is back."""
        for each in ways:
            self._seen.pop((each.provider, each.address), None)

    def is_behind(self, way: Way, why: Why) -> bool:
        seen = self._seen.get((way.provider, way.address))
        return seen is not None and seen.why == why

    def goes_behind(self, way: Way, why: Why) -> bool:
        """The same for one who is to be sent somewhere now; of those some are sent there once it is on trial."""
        return self.is_behind(way, why) and not self._of(way.provider, way.address).is_tried()

    def __len__(self) -> int:
        """Of how many ways anything is kept."""
        return len(self._seen)

    def _of(self, provider: str, server: str) -> _Seen:
        return self._seen.setdefault((provider, server), _Seen())


class _Seen:
    """Well, behind ("slow" or "fails") until a time, then on trial: a few are sent there until enough have reported."""

    def __init__(self) -> None:
        self.why: Why | None = None
        self._until = 0.0
        self._behind_seconds = BEHIND_SECONDS
        self._on_trial = False
        self._turn = 0
        self._failing_times = 0
        self._has_news = False
        self.reports = 0
        self.kbps = self.failing = 0.0

    @property
    def is_telling(self) -> bool:
        """Whether others are to be compared with it."""
        return self.reports >= ENOUGH_REPORTS and self.kbps > 0 and (self.why is None or self._on_trial)

    def add(self, report: Report) -> None:
        if self.why and not self._on_trial:
            return  # those who are still there: what was wrong is known
        self._has_news = True
        self.reports += report.players
        weight = 1 - (1 - SMOOTHING) ** report.players
        tried = report.fetched + report.failed
        if tried:
            self.failing += weight * (report.failed / tried - self.failing)
        if report.kbps > 0:
            self.kbps = report.kbps if self.kbps == 0 else self.kbps + weight * (report.kbps - self.kbps)

    def judge(self, now: float, slow_kbps: float) -> None:
        if self.why and not self._on_trial:
            if now >= self._until:
                self._on_trial = True
                self._failing_times = self.reports = 0
                self.kbps = self.failing = 0.0
            return
        if self.reports < ENOUGH_REPORTS or not self._has_news:
            return
        self._has_news = False
        fails = self.failing > FAILING_SHARE
        self._failing_times = self._failing_times + 1 if fails else 0
        if 0 < self._failing_times < FAILING_TIMES:
            return
        why: Why | None = "fails" if fails else "slow" if 0 < self.kbps < slow_kbps else None
        if why:
            again = bool(self.why)
            self._behind_seconds = min(2 * self._behind_seconds, BEHIND_AT_MOST_SECONDS) if again else BEHIND_SECONDS
            self._until = now + self._behind_seconds
        self.why, self._on_trial = why, False

    def is_tried(self) -> bool:
        """On trial every eighth is sent there."""
        self._turn += 1
        return self._on_trial and self._turn % TRIED_ONCE_IN == 0


def _groups(ways: Sequence[Way]) -> list[list[Way]]:
    """Ways of one provider that should be alike: of one reach, into one region."""
    groups: dict[tuple[str, int, str], dict[str, Way]] = {}
    for each in ways:
        group = groups.setdefault((each.provider, each.reach, each.server.region), {})
        group.setdefault(each.address, each)
    return [list(group.values()) for group in groups.values()]
