"""What viewers ask for, by file: counted with decay, in bounded memory.

By file and not by title, since of one title the first segments and the common qualities are wanted many times as often
as the rest ("Content Popularity for Open Connect", Netflix Technology Blog, 2016).
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Mapping

HALF_LIFE_SECONDS = 24 * 3600.0
MOST_FILES = 20_000
_LARGEST = 1e100
MOST_TIMES = 1e9
"""As much as one file can be asked for: whatever others tell, what is counted stays a number that can be told on."""


class Demand:
    """How often each file was asked for; what was asked `half_life_seconds` ago counts half.

    Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay: a practical time decay model for streaming
    systems", ICDE 2009): a later request weighs more, so what was counted need not be touched again. When twice
    `most_files` are counted, the less wanted half is forgotten.
    """

    def __init__(
        self,
        half_life_seconds: float = HALF_LIFE_SECONDS,
        most_files: int = MOST_FILES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = math.log(2) / half_life_seconds
        self._most_files = most_files
        self._clock = clock
        self._landmark = clock()
        self._weights: dict[str, float] = {}

    def add(self, path: str, times: float = 1.0) -> None:
        """It was asked for now."""
        weight = math.exp(self._rate * (self._clock() - self._landmark))
        if weight > _LARGEST:
            self._move_landmark()
            weight = 1.0
        self._weights[path] = min(self._weights.get(path, 0.0) + times * weight, MOST_TIMES * weight)
        if len(self._weights) >= 2 * self._most_files:
            self._weights = dict(heapq.nlargest(self._most_files, self._weights.items(), key=_by_weight))

    def counts(self) -> Mapping[str, float]:
        """By path, as they count now."""
        now = math.exp(-self._rate * (self._clock() - self._landmark))
        return {path: weight * now for path, weight in self._weights.items()}

    def _move_landmark(self) -> None:
        """Long before the weights outgrow a float."""
        self._weights = {path: count for path, count in self.counts().items() if count > 0}
        self._landmark = self._clock()


def _by_weight(item: tuple[str, float]) -> float:
    return item[1]
