"""The intervals are what they claim to be: checked against published values, a second way, and by simulation."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chaos.judge.intervals import quantile_ranks, wilson
from chaos.judge.objectives import compare, estimate
from chaos.model.experiment import Operator, Threshold
from chaos.model.sample import Count, Histogram, Ratio, Spread, merge
from chaos.model.verdict import Estimate

TOLERATED = 0.01
"""How far below its nominal level a simulated coverage may come out by chance."""


def wilson_by_bisection(good: int, total: int, confidence: float) -> tuple[float, float]:
    """The same interval by its definition: the shares that a score test does not reject."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    seen = good / total

    def rejected(share: float) -> bool:
        return abs(seen - share) > z * math.sqrt(share * (1 - share) / total)

    def edge(outside: float) -> float:
        inside = seen
        for _ in range(100):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
        return inside

    return edge(0.0), edge(1.0)


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [
        (48, 50, 0.8654, 0.9890),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_published_values(good: int, total: int, low: float, high: float) -> None:
    assert wilson(good, total, 0.95) == pytest.approx((low, high), abs=5e-5)


@given(some.integers(1, 5000), some.floats(0, 1), some.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_the_inverted_score_test(total: int, where: float, confidence: float) -> None:
    good = round(where * total)
    low, high = wilson(good, total, confidence)
    assert (low, high) == pytest.approx(wilson_by_bisection(good, total, confidence), abs=1e-9)
    assert 0 <= low <= good / total <= high <= 1


@given(some.integers(1, 2000), some.floats(0, 1))
def test_wilson_narrows_with_more_of_the_same_and_widens_with_more_confidence(total: int, where: float) -> None:
    good = round(where * total)
    low, high = wilson(good, total, 0.95)
    more_low, more_high = wilson(4 * good, 4 * total, 0.95)
    sure_low, sure_high = wilson(good, total, 0.99)
    assert more_high - more_low < high - low < sure_high - sure_low


@given(some.integers(1, 500), some.data())
def test_one_more_good_one_never_lowers_the_interval(total: int, data: some.DataObject) -> None:
    good = data.draw(some.integers(0, total - 1))
    worse, better = wilson(good, total, 0.95), wilson(good + 1, total, 0.95)
    assert worse[0] <= better[0]
    assert worse[1] <= better[1]


@pytest.mark.parametrize(("share", "total"), [(0.99, 1000), (0.95, 200), (0.5, 60), (0.999, 5000)])
def test_wilson_covers_about_as_often_as_it_says(share: float, total: int) -> None:
    """Wilson is right on average over shares, not for each (Brown et al. 2001): hence the wider tolerance."""
    assert exact_coverage_of_wilson(share, total) >= 0.95 - 0.025


def test_wilson_covers_as_often_as_it_says_on_average() -> None:
    draw = random.Random(20_010_501)
    shares = [draw.uniform(0.9, 1.0) for _ in range(300)]
    assert sum(exact_coverage_of_wilson(share, 300) for share in shares) / len(shares) >= 0.95 - TOLERATED


def exact_coverage_of_wilson(share: float, total: int) -> float:
    covered = 0.0
    for good in range(total + 1):
        log_chance = math.lgamma(total + 1) - math.lgamma(good + 1) - math.lgamma(total - good + 1)
        log_chance += good * math.log(share) + (total - good) * math.log1p(-share)
        if log_chance > -50:
            low, high = wilson(good, total, 0.95)
            covered += math.exp(log_chance) if low <= share <= high else 0.0
    return covered


@pytest.mark.parametrize(
    ("total", "quantile", "low", "high"),
    [
        (100, 0.5, 40, 61),  # the well-known ranks for the median of 100
        (6, 0.5, 1, 6),
        (5, 0.5, None, None),  # 1 - 2 * 0.5**5 = 93.75 % is not 95 %
        (367, 0.99, 359, None),
        (368, 0.99, 360, 368),  # 0.99**368 <= 2.5 % < 0.99**367
        (1, 0.99, 1, None),
    ],
)
def test_ranks_agree_with_published_values(total: int, quantile: float, low: int | None, high: int | None) -> None:
    assert quantile_ranks(total, quantile, 0.95) == (low, high)


@given(some.integers(1, 120), some.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(19, 20), Fraction(99, 100)]))
def test_ranks_are_the_tightest_that_exact_arithmetic_allows(total: int, quantile: Fraction) -> None:
    side = Fraction(1, 40)

    def at_most(k: int) -> Fraction:
        terms = (math.comb(total, i) * quantile**i * (1 - quantile) ** (total - i) for i in range(k + 1))
        return sum(terms, Fraction(0))

    low, high = quantile_ranks(total, float(quantile), 0.95)
    assert (0 if low is None else at_most(low - 1)) <= side < at_most(low or 0)
    upper = total + 1 if high is None else high
    assert 1 - at_most(upper - 1) <= side < 1 - at_most(upper - 2)


@pytest.mark.parametrize(("quantile", "total"), [(0.5, 50), (0.95, 400), (0.99, 1200)])
def test_the_interval_of_a_quantile_covers_at_least_as_often_as_it_says(quantile: float, total: int) -> None:
    """Of log-normal latencies, whose quantiles are known; buckets can only make the interval wider."""
    draw = random.Random(1_971)
    truth = math.exp(5 + 0.6 * NormalDist().inv_cdf(quantile))
    runs, covered = 400, 0
    for _ in range(runs):
        values = Histogram.of(draw.lognormvariate(5, 0.6) for _ in range(total))
        found = estimate(Spread(values, quantile), 0.95)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / runs >= 0.95 - TOLERATED


@given(some.lists(some.floats(0.001, 1e6), min_size=10, max_size=200), some.sampled_from([0.5, 0.9, 0.95]))
def test_buckets_never_make_the_interval_narrower_than_the_exact_values_do(
    values: list[float], quantile: float
) -> None:
    low_rank, high_rank = quantile_ranks(len(values), quantile, 0.95)
    found = estimate(Spread(Histogram.of(values), quantile), 0.95)
    ordered = sorted(values)
    assert (found.low is None) == (low_rank is None)
    assert (found.high is None) == (high_rank is None)
    if low_rank is not None and found.low is not None:
        assert found.low <= ordered[low_rank - 1] * (1 + 1e-9)
    if high_rank is not None and found.high is not None:
        assert found.high >= ordered[high_rank - 1] * (1 - 1e-9)
        assert found.high <= max(0.01, ordered[high_rank - 1]) * 1.0201


def test_two_million_samples_take_no_noticeable_time() -> None:
    low, high = quantile_ranks(2_000_000, 0.99, 0.95)
    half = 1.96 * math.sqrt(2_000_000 * 0.99 * 0.01)
    assert low == pytest.approx(1_980_000 - half, abs=2)
    assert high == pytest.approx(1_980_001 + half, abs=2)


@pytest.mark.parametrize(
    ("low", "high", "operator", "answer"),
    [
        (0.98, 0.99, ">=", "held"),
        (0.981, 0.99, ">", "held"),
        (0.98, 0.99, ">", "inconclusive"),
        (0.97, 0.979, ">=", "deviated"),
        (0.97, 0.98, ">", "deviated"),
        (0.97, 0.98, ">=", "inconclusive"),
        (0.97, 0.99, ">=", "inconclusive"),
        (0.97, 0.98, "<=", "held"),
        (0.97, 0.98, "<", "inconclusive"),
        (0.98, 0.99, "<", "deviated"),
        (0.981, 0.99, "<=", "deviated"),
        (None, 0.97, ">=", "deviated"),
        (0.99, None, ">=", "inconclusive"),
        (None, 0.97, "<=", "inconclusive"),
        (0.99, None, "<=", "deviated"),
        (None, None, "<=", "inconclusive"),
    ],
)
def test_the_whole_interval_decides(low: float | None, high: float | None, operator: Operator, answer: str) -> None:
    found = Estimate(point=0.98, low=low, high=high, count=10, method="given")
    assert compare(found, Threshold(operator, 0.98, f"{operator} 98%")) == answer


@given(some.integers(1, 400), some.data(), some.floats(0.5, 1.0))
def test_a_better_system_is_never_judged_worse(total: int, data: some.DataObject, bound: float) -> None:
    order = {"deviated": 0, "inconclusive": 1, "held": 2}
    good = data.draw(some.integers(0, total - 1))
    threshold = Threshold(">=", bound, f">= {bound}")
    worse, better = (compare(estimate(Ratio(count, total)), threshold) for count in (good, good + 1))
    assert order[worse] <= order[better]


def test_a_measurement_of_nothing_has_no_estimate() -> None:
    with pytest.raises(ValueError, match="not a share"):
        estimate(Ratio(0, 0))
    with pytest.raises(ValueError, match="outside"):
        estimate(Spread(Histogram(), 0.95))


def test_a_count_has_no_interval_and_a_single_one_decides() -> None:
    none_lost, one_lost = Count(0, 1000), Count(1, 1000)
    allowed = Threshold("<=", 0.0, "<= 0")
    assert compare(estimate(none_lost), allowed) == "held"
    assert compare(estimate(one_lost), allowed) == "deviated"
    assert estimate(merge([none_lost, one_lost]) or none_lost).count == 2000
