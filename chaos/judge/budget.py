"""Error budgets: what an objective allows to go wrong, and how fast a run spends it.

The budget of `>= 99%` is 1 % of all requests; that of `p95 < 300ms` is the 5 % that may be slower. The burn rate is the
share that went wrong, divided by the budget: at 1 the budget lasts exactly as long as it is meant to, at 14.4 an hour
takes what is for 14.4 hours. B. Beyer et al., "The Site Reliability Workbook" (2018), chapter 5, "Alerting on SLOs".
burn_rate.py makes alerts of the same numbers.
"""

from __future__ import annotations

from msgspec import Struct

from chaos.judge.objectives import measured_in_window, window_of
from chaos.judge.series import per_second
from chaos.judge.story import Story
from chaos.model.experiment import Objective, Threshold
from chaos.model.sample import Count, Measurement, Ratio, count_of, merge, upper_bound

PEAK_SECONDS = 5
"""The highest rate is over so many seconds that follow one another."""


class Spent(Struct, frozen=True, kw_only=True):
    """What an objective spent over its window of `seconds`: `bad` of `total`, of which the share `budget` may be bad.

    `rate` is the burn rate over the window and `peak` the highest over PEAK_SECONDS in it.
    """

    objective: str
    bad: int
    total: int
    budget: float
    rate: float
    peak: float
    seconds: float


def spent_budgets(story: Story) -> tuple[Spent, ...]:
    """One for each objective that has a budget and was measured."""
    found = (_spent(objective, story) for objective in story.started.plan.experiment.objectives)
    return tuple(each for each in found if each is not None)


def burn_rate(measured: Measurement | None, threshold: Threshold) -> float | None:
    """How many times as fast as it may this spends the budget; None without a sample, or without a budget to spend."""
    if measured is None or isinstance(measured, Count) or count_of(measured) == 0:
        return None
    budget = budget_of(measured, threshold)
    return bad_of(measured, threshold) / count_of(measured) / budget if budget > 1e-9 else None


def budget_of(measured: Measurement, threshold: Threshold) -> float:
    """The share of all samples that may fail to meet the threshold."""
    wants_more = threshold.operator in (">=", ">")
    if isinstance(measured, Count):
        return 0.0
    if isinstance(measured, Ratio):
        return 1 - threshold.value if wants_more else threshold.value
    return measured.quantile if wants_more else 1 - measured.quantile


def bad_of(measured: Measurement, threshold: Threshold) -> int:
    """How many samples do not meet the threshold; a bucket counts as its upper edge, as everywhere."""
    wants_more = threshold.operator in (">=", ">")
    if isinstance(measured, Count):
        return 0
    if isinstance(measured, Ratio):
        return measured.total - measured.good if wants_more else measured.good
    bound = threshold.value * (1 - 1e-9 if wants_more else 1 + 1e-9)
    above = sum(count for bucket, count in measured.histogram.buckets.items() if upper_bound(bucket) > bound)
    return measured.histogram.total - above if wants_more else above


def _spent(objective: Objective, story: Story) -> Spent | None:
    window, measured = window_of(objective, story), measured_in_window(objective, story)
    rate = burn_rate(measured, objective.threshold)
    if window is None or measured is None or rate is None:
        return None
    return Spent(
        objective=objective.name,
        bad=bad_of(measured, objective.threshold),
        total=count_of(measured),
        budget=budget_of(measured, objective.threshold),
        rate=rate,
        peak=max(rate, _peak(objective, story, window)),
        seconds=window[1] - window[0],
    )


def _peak(objective: Objective, story: Story, window: tuple[float, float]) -> float:
    series = [item for item in per_second(story, objective.name) if window[0] <= item[0] < window[1]]
    rates = []
    for index, (begin, _) in enumerate(series):
        if begin + PEAK_SECONDS > window[1]:
            break
        parts = (part for second, part in series[index : index + PEAK_SECONDS] if second < begin + PEAK_SECONDS)
        rates.append(burn_rate(merge(parts), objective.threshold) or 0.0)
    return max(rates, default=0.0)
