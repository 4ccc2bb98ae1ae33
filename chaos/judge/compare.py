"""Which differences between two runs are beyond noise.

Everything is compared as a share. Of a ratio that is what was good; of a quantile, how many samples of each run are at
or below the quantile of both runs together, which is the quantile test: no shape of the distribution is assumed
(J. D. Gibbons, S. Chakraborti, "Nonparametric statistical inference", 5th ed. 2010, section 6.4, the median test).

Requests of one second share their fate, so a thousand of them tell less than a thousand tosses of a coin. How much less
is measured: the variance from second to second, divided by that of independent samples, is the design effect, and the
numbers are divided by it, the larger one of both runs (J. N. K. Rao, A. J. Scott, "A simple method for the analysis of
clustered binary data", Biometrics 48, 1992). Of two shares the interval of the difference is Newcombe's (intervals.py),
and p is the level at which it just touches 0. Who compares twenty things finds one in twenty different, so the levels
are Holm's (S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6,
1979): of all objectives that are said to differ, with a chance of 95 % none is noise, and so of all requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, structs

from chaos.judge.intervals import newcombe
from chaos.judge.series import point, rank_value
from chaos.judge.slis import Series, sli_pairs
from chaos.judge.wording import Measures
from chaos.model.events import Event
from chaos.model.sample import GROWTH, Count, Histogram, Measurement, Ratio, Spread, merge, upper_bound

_STEPS = 60

Change = Literal["better", "worse", "no difference", "not measured"]


class Difference(Struct, frozen=True, kw_only=True):
    """One objective or SLI of two runs. `a` and `b` are its values; None where a run has no sample.

    `low` and `high` are the interval of how many more of B's samples than of A's are good (of a quantile: on the better
    side of `common`, the quantile of both together), as shares, without regard to the other comparisons. `p` is the
    level at which that interval touches 0 and `adjusted` the same after Holm; `effective` the numbers of independent
    samples that the runs' samples are worth.
    """

    name: str
    kind: Literal["objective", "request"]
    measures: Measures
    a: float | None
    b: float | None
    change: Change
    common: float | None = None
    low: float = 0.0
    high: float = 0.0
    p: float = 1.0
    adjusted: float = 1.0
    effective: tuple[float, float] = (0.0, 0.0)


class Comparison(Struct, frozen=True, kw_only=True):
    """`notes` are sentences on what makes the runs less alike than two runs of one experiment."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def worse(self) -> tuple[Difference, ...]:
        return tuple(each for each in self.differences if each.change == "worse")

    @property
    def comparable(self) -> bool:
        return any(each.change != "not measured" for each in self.differences)


def compare_runs(a: Sequence[Event], b: Sequence[Event], confidence: float = 0.95) -> Comparison:
    """Compare run B with run A, from their journals. Raises BadInput when one of them holds no run."""
    pairs, notes = sli_pairs(a, b)
    raw = [_difference(first, second, confidence) for first, second in pairs]
    levels: dict[str, float] = {}
    for kind in ("objective", "request"):
        family = [each for each in raw if each.kind == kind and each.change != "not measured"]
        levels |= zip((each.name for each in family), holm([each.p for each in family]), strict=True)
    found = (structs.replace(each, adjusted=levels.get(each.name, 1.0)) for each in raw)
    return Comparison(differences=tuple(_changed(each, 1 - confidence) for each in found), notes=tuple(notes))


def holm(levels: Sequence[float]) -> list[float]:
    """Adjusted levels in the order given: each at or below alpha is a difference, erring once among all of them."""
    order = sorted(range(len(levels)), key=lambda index: levels[index])
    adjusted, highest = [1.0] * len(levels), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(levels) - rank) * levels[index]))
        adjusted[index] = highest
    return adjusted


def design_effect(clusters: Sequence[tuple[int, int]]) -> float:
    """How many times the variance of a share is that of independent samples; from (met, total) a cluster."""
    total, count = sum(each[1] for each in clusters), len(clusters)
    share = sum(each[0] for each in clusters) / total if total else 0.0
    if count < 2 or share in (0.0, 1.0):
        return 1.0
    residuals = sum((met - samples * share) ** 2 for met, samples in clusters)
    return max(1.0, count / (count - 1) * residuals / (total * share * (1 - share)))


def _difference(a: Series, b: Series, confidence: float) -> Difference:
    whole = merge(a.parts), merge(b.parts)
    values = [None if each is None else point(each) for each in whole]
    found = Difference(name=a.name, kind=a.kind, measures=a.measures, a=values[0], b=values[1], change="not measured")
    if whole[0] is None or whole[1] is None:
        return found
    common = _common_quantile(whole[0], whole[1])
    clusters = [[_met(part, common, a.wants_more) for part in each.parts] for each in (a, b)]
    # The larger of both: a run that happened to have no bad second does not show how alike its seconds are.
    effect = max(map(design_effect, clusters))
    one, other = (_effective(each, effect) for each in clusters)
    low, high = newcombe(one, other, confidence)
    return structs.replace(
        found,
        change="no difference",
        common=common,
        low=low,
        high=high,
        p=_level(one, other),
        effective=(one[1], other[1]),
    )


def _common_quantile(a: Measurement, b: Measurement) -> float | None:
    if not (isinstance(a, Spread) and isinstance(b, Spread)):
        return None
    together = Histogram.merged([a.histogram, b.histogram])
    common = rank_value(together, a.quantile)
    # Everything is at or below the largest value ("never", where more failed than the quantile leaves out): then it is
    # compared how much is below it.
    return common / GROWTH if common >= upper_bound(max(together.buckets)) else common


def _met(part: Measurement, common: float | None, wants_more: bool) -> tuple[int, int]:
    """How many samples are good, of how many."""
    if isinstance(part, Ratio):
        return (part.good if wants_more else part.total - part.good), part.total
    if isinstance(part, Count):
        return (part.number if wants_more else part.total - part.number), part.total
    assert common is not None
    below = sum(n for bucket, n in part.histogram.buckets.items() if upper_bound(bucket) <= common * (1 + 1e-9))
    return (part.histogram.total - below if wants_more else below), part.histogram.total


def _effective(clusters: Sequence[tuple[int, int]], effect: float) -> tuple[float, float]:
    return sum(each[0] for each in clusters) / effect, sum(each[1] for each in clusters) / effect


def _level(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The level at which the interval of the difference just touches 0; found by its logarithm, as it may be tiny."""
    low, high = math.log(1e-15), 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        ends = newcombe(one, other, 1 - math.exp(middle))
        low, high = (low, middle) if ends[0] > 0 or ends[1] < 0 else (middle, high)
    return math.exp(high)


def _changed(of: Difference, alpha: float) -> Difference:
    if of.change == "not measured" or of.adjusted > alpha:
        return of
    return structs.replace(of, change="better" if of.low + of.high > 0 else "worse")
