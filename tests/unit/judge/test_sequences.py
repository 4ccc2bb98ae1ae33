"""Looking often raises no false alarm: computed exactly, and simulated over 10,000 runs of a system on its target.

An interval for a fixed number of samples, looked at as often, fails the same test.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from chaos.judge.intervals import wilson
from chaos.judge.objectives import compare, estimate
from chaos.judge.sequences import always_ranks, always_share
from chaos.model.experiment import Threshold
from chaos.model.sample import Histogram, Ratio, Spread

LOOKS, RUNS, ALLOWED = 200, 10_000, 0.05

Interval = Callable[[int, int, float], tuple[float, float]]


def accepted(interval: Interval, share: float, looks: int = LOOKS) -> list[tuple[int, int]]:
    """For each number of samples: from how many good ones to how many the interval contains the true share."""
    found, low, high = [], 0, 0
    for total in range(1, looks + 1):
        low, high = max(0, low - 1), min(total, high + 1)
        while interval(low, total, 0.95)[1] < share:
            low += 1
        while high < total and interval(high + 1, total, 0.95)[0] <= share:
            high += 1
        while interval(high, total, 0.95)[0] > share:
            high -= 1
        found.append((low, high))
    return found


def ever_alarmed(regions: list[tuple[int, int]], share: float) -> float:
    """Of 10,000 runs looked at after each sample, the part in which the true share was ever said to be wrong."""
    draw = random.Random(1_939).random
    alarms = 0
    for _ in range(RUNS):
        good = 0
        for low, high in regions:
            good += draw() < share
            if not low <= good <= high:
                alarms += 1
                break
    return alarms / RUNS


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_of_10_000_null_runs_looked_at_after_every_sample_at_most_5_percent_raise_an_alarm(share: float) -> None:
    assert ever_alarmed(accepted(always_share, share), share) <= ALLOWED


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_interval_for_a_fixed_number_of_samples_looked_at_as_often_raises_many(share: float) -> None:
    assert ever_alarmed(accepted(wilson, share), share) > 5 * ALLOWED


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 0.99])
def test_computed_exactly_it_is_at_most_5_percent_too(share: float) -> None:
    chances, alarm = [1.0], 0.0  # of so many good ones, without an alarm so far
    for low, high in accepted(always_share, share):
        chances = [bad * (1 - share) + good * share for bad, good in zip([*chances, 0.0], [0.0, *chances], strict=True)]
        alarm += sum(chances[:low]) + sum(chances[high + 1 :])
        chances = [chance if low <= k <= high else 0.0 for k, chance in enumerate(chances)]
    assert 0.001 < alarm <= ALLOWED


def test_a_system_that_is_better_than_the_target_and_changes_raises_no_more_alarms() -> None:
    regions, draw = accepted(always_share, 0.9), random.Random(5)
    alarms = 0
    for _ in range(2000):
        good = 0
        for look, (low, _) in enumerate(regions):
            good += draw.random() < (0.9 if look % 40 < 20 else 0.99)
            if good < low:
                alarms += 1
                break
    assert alarms / 2000 <= ALLOWED


def test_it_is_wider_than_an_interval_for_one_look_and_narrows_all_the_same() -> None:
    widths = []
    for total in (20, 200, 2000, 20_000):
        low, high = always_share(round(0.9 * total), total, 0.95)
        once = wilson(round(0.9 * total), total, 0.95)
        assert low < once[0] < once[1] < high
        widths.append(high - low)
    assert all(later < earlier / 2 for earlier, later in pairwise(widths))


@pytest.mark.parametrize(("quantile", "total"), [(0.5, 60), (0.95, 300), (0.99, 2000)])
def test_ranks_are_those_of_the_shares_that_the_sequence_contains(quantile: float, total: int) -> None:
    inside = []
    for below in range(total + 1):
        low, high = always_share(below, total, 0.95)
        if low <= quantile <= high:
            inside.append(below)
    low_rank, high_rank = always_ranks(total, quantile, 0.95)
    assert (low_rank or 0) == inside[0]
    assert (total if high_rank is None else high_rank - 1) == inside[-1]


def test_a_quantile_looked_at_often_is_as_rarely_missed() -> None:
    """Of exponential latencies, whose 90th percentile is known, looked at every second at 10 a second."""
    draw, truth, alarms = random.Random(22), -math.log(0.1) * 100, 0
    threshold = Threshold("<=", truth, "<= its true 90th percentile")
    for _ in range(400):
        buckets: Histogram = Histogram()
        for _ in range(20):
            buckets = Histogram.merged([buckets, Histogram.of(draw.expovariate(0.01) for _ in range(10))])
            if compare(estimate(Spread(buckets, 0.9), 0.95, always=True), threshold) == "deviated":
                alarms += 1
                break
    assert alarms / 400 <= ALLOWED


def test_what_has_certainly_deviated_is_seen_within_few_samples() -> None:
    target = Threshold(">=", 0.95, ">= 95%")
    assert compare(estimate(Ratio(0, 4), always=True), target) == "deviated"
    assert compare(estimate(Ratio(80, 100), always=True), target) == "deviated"
    assert compare(estimate(Ratio(92, 100), always=True), target) == "inconclusive"


def test_nothing_has_no_sequence() -> None:
    with pytest.raises(ValueError, match="not a share"):
        always_share(0, 0, 0.95)
    with pytest.raises(ValueError, match="not between"):
        always_ranks(10, 1.0, 0.95)
