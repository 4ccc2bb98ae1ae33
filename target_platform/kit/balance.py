"""Who is asked first of the instances in a region: each in turn, but who fails too often is put last for a while.

A breaker sees failures in a row. An instance that fails every other time never has so many, and a balancer that looks
at how long answers take even prefers it, since nothing is as quick as an error. So outliers are ejected by how many of
their last answers were failures. Source: Envoy, "Outlier detection" (success rate) in its documentation of upstreams.

When an instance is back, all who had left it would be back in the same moment with all that they ask, and meet one that
has just begun: nothing in its memory, no connection of its own. So who is back is asked seldom at first, and has its
full share only after a while. Source: Envoy, "Slow start mode", in the same place.
"""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from target_platform.kit.config import Endpoint
from target_platform.kit.policy import BalancePolicy

LAST = 10
FORGET_SECONDS = 3.0
"""How long it is remembered how quick somebody was: who was not asked for so long is asked next, to see."""

FIRST_SHARE = 0.1
"""Of its usual share, for who is just back: it must be asked at all to become warm."""


class Balance:
    """Of one dependency. `clock` gives seconds that never go back, `draw` a number from 0 to 1."""

    def __init__(
        self,
        policy: BalancePolicy,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._draw = draw
        self._records: dict[Endpoint, _Record] = {}

    def ordered(self, order: Sequence[Endpoint]) -> list[Endpoint]:
        """`order`, which has each region's instances together, changed within the regions."""
        regions = list(dict.fromkeys(each.region for each in order))
        return sorted(order, key=lambda each: (regions.index(each.region), self._rank(each)))

    def heard(self, target: Endpoint, seconds: float, failed: bool) -> None:
        """An attempt has ended in a way that says something about the instance."""
        record = self._records.setdefault(target, _Record())
        if self._is_forgotten(record):
            record.seconds.clear()
        record.heard_at = self._clock()
        record.seconds.append(seconds)
        record.failed.append(failed)
        if self._policy.eject_failures and sum(record.failed) >= self._policy.eject_failures:
            record.last_until = self._clock() + self._policy.eject_seconds
            record.failed.clear()

    def came_back(self, target: Endpoint) -> None:
        """It has answered after it was left alone for a while."""
        self._records.setdefault(target, _Record()).back_at = self._clock()

    def keep(self, targets: Iterable[Endpoint]) -> None:
        """Forget all others."""
        wanted = set(targets)
        self._records = {each: record for each, record in self._records.items() if each in wanted}

    def _rank(self, target: Endpoint) -> float:
        record = self._records.get(target)
        if record is None:
            return 0.0
        if self._policy.by == "quickest":
            return 0.0 if self._is_forgotten(record) else median(record.seconds)
        if self._clock() < record.last_until:
            return 1.0
        return 0.0 if self._has_its_turn(record) else 0.5

    def _has_its_turn(self, record: _Record) -> bool:
        """Always, but for who is back: then more and more often."""
        since, whole = self._clock() - record.back_at, self._policy.slow_start_seconds
        return since >= whole or self._draw() < max(FIRST_SHARE, since / whole)

    def _is_forgotten(self, record: _Record) -> bool:
        return self._clock() - record.heard_at > FORGET_SECONDS


class _Record:
    """What is remembered of one instance."""

    def __init__(self) -> None:
        self.seconds: deque[float] = deque(maxlen=LAST)
        self.failed: deque[bool] = deque(maxlen=LAST)
        self.heard_at = -math.inf
        self.last_until = -math.inf
        self.back_at = -math.inf
