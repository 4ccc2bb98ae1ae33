"""Confidence intervals, by the standard library alone.

Both say how far off the measured value may be for want of samples. Both assume that samples are
independent; requests of one second are not quite, so read them as the least uncertainty there is.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from chaos.judge import binomial


def wilson(good: float, total: float, confidence: float) -> tuple[float, float]:
    """The score interval of a share, both ends within 0..1. Effective numbers need not be whole.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927); recommended over the textbook interval, which is far too narrow for shares near 0 and 1, by
    L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16 (2001).
    """
    if not 0 <= good <= total or total == 0:
        raise ValueError(f"{good} of {total} is not a share")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = good / total
    weight = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / weight
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / weight
    low = 0.0 if good == 0 else max(0.0, centre - half)
    high = 1.0 if good == total else min(1.0, centre + half)
    return low, high


def newcombe(one: tuple[float, float], other: tuple[float, float], confidence: float) -> tuple[float, float]:
    """The interval of the difference of two independent shares, `other` minus `one`, each given as (good, total).

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), from the Wilson intervals of both.
    """
    first, second = one[0] / one[1], other[0] / other[1]
    (low_one, high_one), (low_other, high_other) = wilson(*one, confidence), wilson(*other, confidence)
    difference = second - first
    return (
        difference - math.hypot(second - low_other, high_one - first),
        difference + math.hypot(high_other - second, first - low_one),
    )


@lru_cache(maxsize=4096)
def quantile_ranks(total: int, quantile: float, confidence: float) -> tuple[int | None, int | None]:
    """Ranks (1-based, of the sorted samples) between which the quantile lies; None where too few samples say so.

    The number of samples below the true quantile is binomial(total, quantile) whatever the
    distribution, so the ranks need no assumption about it. Each side errs with at most half of
    1 - confidence. W. J. Conover, "Practical nonparametric statistics" (3rd ed. 1999), section 3.2;
    G. J. Hahn, W. Q. Meeker, "Statistical intervals" (1991), section 5.2. A quantile needs that many
    samples before its far side is bounded: 368 for the 99th percentile at 95 % confidence.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile {quantile} is not between 0 and 1")
    each_side = (1 - confidence) / 2
    first, terms = binomial.terms(total, quantile)
    below, low = 0.0, first
    for term in terms:  # the largest rank r with P(B <= r - 1) <= each_side
        if below + term > each_side:
            break
        below += term
        low += 1
    above, high = 0.0, first + len(terms)
    for term in reversed(terms):  # the smallest rank r with P(B >= r) <= each_side
        if above + term > each_side:
            break
        above += term
        high -= 1
    return (low if low >= 1 else None), (high if high <= total else None)
