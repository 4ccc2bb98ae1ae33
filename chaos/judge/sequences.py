"""Confidence sequences: intervals that hold at every look, however often somebody looks.

An interval for a fixed number of samples errs once in twenty looks; who looks after every sample and acts on the first
alarm errs far more often than that. With a uniform prior over the share, the ratio of the samples' likelihood under
the prior to that under a share p is 1 / ((n + 1) * P(B = k)), B binomial(n, p), k of n good. If p is the truth that is
a martingale that begins at 1, so by Ville's inequality it ever reaches 1 / alpha with a chance of at most alpha, over
all n together. The shares p for which it has not are the sequence. J. Ville, "Etude critique de la notion de collectif"
(1939); H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
Statistics 41 (1970); S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49 (2021).

"Below p" is said for few good ones only, and a system that is at least as good as p at each sample has no fewer. So
that alarm is as rare for shares that change, as long as none of them is below p; likewise for "above".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from chaos.judge.binomial import log_probability

_STEPS = 40


@lru_cache(maxsize=65536)
def always_share(good: int, total: int, confidence: float) -> tuple[float, float]:
    """The sequence's interval of a share after `total` samples, both ends within 0..1."""
    if not 0 <= good <= total or total == 0:
        raise ValueError(f"{good} of {total} is not a share")
    least = _least_log_probability(total, confidence)

    def inside(share: float) -> bool:
        return 0 < share < 1 and log_probability(good, total, share) > least

    share = good / total
    low = 0.0 if good == 0 else _edge(inside, share, 0.0)
    high = 1.0 if good == total else _edge(inside, share, 1.0)
    return low, high


@lru_cache(maxsize=65536)
def always_ranks(total: int, quantile: float, confidence: float) -> tuple[int | None, int | None]:
    """Ranks (1-based) between which the quantile lies at every look; None where too few samples say so.

    The number of samples below the true quantile is binomial whatever their distribution, so the sequence of a share is
    one of ranks: S. R. Howard, A. Ramdas, "Sequential estimation of quantiles with applications to A/B testing and
    best-arm identification", Bernoulli 28 (2022).
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile {quantile} is not between 0 and 1")
    least = _least_log_probability(total, confidence)
    mode = min(total, math.floor((total + 1) * quantile))
    low, high = mode, mode
    while low > 0 and log_probability(low - 1, total, quantile) > least:
        low -= 1
    while high < total and log_probability(high + 1, total, quantile) > least:
        high += 1
    return (low if low >= 1 else None), (high + 1 if high < total else None)


def _least_log_probability(total: int, confidence: float) -> float:
    """What is seen must be likelier than this under a share for the share to be within the interval."""
    return math.log(1 - confidence) - math.log(total + 1)


def _edge(inside: Callable[[float], bool], within: float, outside: float) -> float:
    """The end of the interval between a share within it and one outside, on the safe side."""
    for _ in range(_STEPS):
        middle = (within + outside) / 2
        within, outside = (middle, outside) if inside(middle) else (within, middle)
    return outside
