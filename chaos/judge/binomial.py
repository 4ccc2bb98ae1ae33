"""The binomial distribution, exact to the last digits of a double, by the standard library alone."""

from __future__ import annotations

import math
from functools import lru_cache

_NEGLIGIBLE = 1e-18
"""Terms this much smaller than the largest one do not change a sum of doubles."""


def terms(total: int, chance: float) -> tuple[int, list[float]]:
    """P(B = k) for the run of k, starting at the first value returned, where it is not negligible; 0 < chance < 1."""
    mode = min(total, math.floor((total + 1) * chance))
    odds = chance / (1 - chance)
    peak = math.exp(log_probability(mode, total, chance))
    upwards, term, k = [peak], peak, mode
    while k < total and term > peak * _NEGLIGIBLE:
        term *= (total - k) / (k + 1) * odds
        k += 1
        upwards.append(term)
    downwards, term, k = [], peak, mode
    while k > 0 and term > peak * _NEGLIGIBLE:
        term *= k / (total - k + 1) / odds
        k -= 1
        downwards.append(term)
    return k, [*reversed(downwards), *upwards]


def log_probability(k: int, total: int, chance: float) -> float:
    """log P(B = k); 0 < chance < 1."""
    ways = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
    return ways + k * math.log(chance) + (total - k) * math.log1p(-chance)


@lru_cache(maxsize=4096)
def at_most(k: int, total: int, chance: float) -> float:
    """P(B <= k); `chance` may be 0 or 1."""
    if chance in (0.0, 1.0) or not 0 <= k < total:
        return float(k >= total or (chance == 0.0 and k >= 0))
    first, run = terms(total, chance)
    return min(1.0, math.fsum(run[: max(0, k - first + 1)]))
