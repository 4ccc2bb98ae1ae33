"""How each objective fared: its samples, an interval around what they say, and the threshold."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import structs

from chaos.judge.blind import why_blind
from chaos.judge.intervals import quantile_ranks, wilson
from chaos.judge.sequences import always_ranks, always_share
from chaos.judge.series import rank_value
from chaos.judge.story import Story
from chaos.judge.wording import counted, interval_text, is_never, measures_of, share_text, value_text
from chaos.model.events import StoppedEarly
from chaos.model.experiment import Objective, Threshold
from chaos.model.plan import planned_faults
from chaos.model.sample import GROWTH, Count, Histogram, Measurement, Ratio, Spread, count_of, merge, upper_bound
from chaos.model.verdict import Estimate, ObjectiveResult

Answer = Literal["held", "deviated", "inconclusive"]

ALWAYS = "confidence sequence (binomial mixture)"


def estimate(measurement: Measurement, confidence: float = 0.95, always: bool = False) -> Estimate:
    """What the samples say, with its interval: Wilson for a share, order statistics for a quantile, none for a count.

    With `always` the interval is that of a confidence sequence (sequences.py), for those who look again and again.
    `low` and `high` are None where the samples cannot bound the value. Raises ValueError for a
    measurement of nothing.
    """
    if isinstance(measurement, Ratio):
        share, method = (always_share, ALWAYS) if always else (wilson, "Wilson score interval")
        low, high = share(measurement.good, measurement.total, confidence)
        point = measurement.good / measurement.total
        return Estimate(point=point, low=low, high=high, count=measurement.total, method=method)
    if isinstance(measurement, Count):
        # A single lost write is a lost write: nothing is inferred, so there is nothing to be uncertain of.
        number = float(measurement.number)
        return Estimate(point=number, low=number, high=number, count=measurement.total, method="counted, all of them")
    return _quantile(measurement, confidence, always)


def compare(estimated: Estimate, threshold: Threshold) -> Answer:
    """Held when the whole interval meets the threshold, deviated when none of it does, else inconclusive.

    An interval that is open on one side is not whole: it can only show a deviation.
    """
    best, worst = estimated.high, estimated.low
    if threshold.operator in ("<=", "<"):
        best, worst = worst, best
    if best is not None and not meets(best, threshold):
        return "deviated"
    if best is not None and worst is not None and meets(worst, threshold):
        return "held"
    return "inconclusive"


def early_answer(objective: Objective, seen: Measurement, objectives: int) -> tuple[Estimate, Answer]:
    """What can be said of a run that still goes on, looked at as often as one likes; each of so many objectives.

    The chance of saying something wrong, of any of them at any look, is 1 - confidence at most.
    """
    estimated = estimate(seen, 1 - (1 - objective.confidence) / objectives, always=True)
    answer = compare(estimated, objective.threshold) if estimated.count >= objective.min_samples else "inconclusive"
    return estimated, answer


def judge_objective(objective: Objective, story: Story) -> ObjectiveResult:
    """Judge one objective over its window; one that ended the run early, by what ended it."""
    early = story.stopped_early
    if early is not None and early.objective == objective.name:
        return _ended_early(objective, early, story)
    result = _judge_in_window(objective, story)
    if early is None or result.outcome != "held":
        return result
    cut = f'{result.reason}; the method was cut short by "{early.objective}", so this is not the whole of it'
    return structs.replace(result, outcome="inconclusive", reason=cut)


def _ended_early(objective: Objective, early: StoppedEarly, story: Story) -> ObjectiveResult:
    estimated, answer = early_answer(objective, early.seen, early.of)
    reason = (
        f"{_point_text(early.seen, estimated, objective)} {window_text(objective, story)} "
        f"({_certainty(early.seen, estimated, objective)}), target {objective.threshold.text}, "
        "which was certain before the method's end and ended it"
    )
    return ObjectiveResult(
        name=objective.name,
        outcome=answer,
        threshold=objective.threshold.text,
        measures=measures_of(early.seen, objective.threshold),
        window=objective.window,
        estimate=estimated,
        reason=reason,
    )


def _judge_in_window(objective: Objective, story: Story) -> ObjectiveResult:
    measured = measured_in_window(objective, story)
    measures = measures_of(measured, objective.threshold)
    estimated = None
    outcome: Answer = "inconclusive"
    if measured is None or count_of(measured) == 0:
        reason = f'"{objective.name}" has no sample {window_text(objective, story)}{_why_missing(objective, story)}'
    else:
        estimated = estimate(measured, objective.confidence)
        outcome = compare(estimated, objective.threshold)
        said = (
            f"{_point_text(measured, estimated, objective)} {window_text(objective, story)} "
            f"({_certainty(measured, estimated, objective)}), target {objective.threshold.text}"
        )
        if estimated.count < objective.min_samples:
            outcome = "inconclusive"
            said += f"; that is fewer than the {objective.min_samples:,} samples asked for"
        elif outcome == "inconclusive":
            said += "; the interval does not lie on one side of the target"
        elif outcome == "held" and objective.window == "run" and (blind := why_blind(objective.name, story)):
            outcome = "inconclusive"
            said += f"; but {blind}"
        reason = said
    return ObjectiveResult(
        name=objective.name,
        outcome=outcome,
        threshold=objective.threshold.text,
        measures=measures,
        window=objective.window,
        estimate=estimated,
        reason=reason,
    )


def measured_in_window(objective: Objective, story: Story) -> Measurement | None:
    """All samples that belong to the objective's window, merged."""
    window = window_of(objective, story)
    if window is None:
        return None
    begin, end = window
    return merge(value for of, value in story.samples.get(objective.name, ()) if begin <= of < end)


def window_of(objective: Objective, story: Story) -> tuple[float, float] | None:
    """Begin (included) and end (not included) of the seconds that count; None when there was no such time.

    A second counts as a whole: it belongs to a window when it begins in it. The fault's window also
    takes in the second in which the first injection began, since that is where requests are torn.
    """
    if objective.window == "run":
        return story.run_window
    if objective.window == "after":
        return story.after_window
    window = story.fault_window
    return (math.floor(window[0]), window[1]) if window else None


def window_text(objective: Objective, story: Story) -> str:
    """The window in words; a control run has no fault, and says so."""
    fault = "fault" if planned_faults(story.started.plan.steps) else "method (no fault in it)"
    return {"run": "over the run", "fault": f"during the {fault}", "after": f"after the {fault}"}[objective.window]


def _quantile(spread: Spread, confidence: float, always: bool) -> Estimate:
    """The interval of a quantile from bucketed samples.

    The samples are known only as buckets 2 % wide, so the lower end is the lower edge of the bucket that
    holds the lower rank and the upper end the upper edge of the other: the interval is never too
    narrow, and at most 2 % wider at each end than that of the exact values.
    """
    histogram, total = spread.histogram, spread.histogram.total
    low_rank, high_rank = (always_ranks if always else quantile_ranks)(total, spread.quantile, confidence)
    return Estimate(
        point=rank_value(histogram, spread.quantile),
        low=None if low_rank is None else _lower_edge(histogram, low_rank),
        high=None if high_rank is None else histogram.value_at_rank(high_rank),
        count=total,
        method=ALWAYS if always else "order statistics (binomial)",
    )


def _lower_edge(histogram: Histogram, rank: int) -> float:
    """Nothing in the bucket that holds this rank is smaller; 0 for the first bucket."""
    upper = histogram.value_at_rank(rank)
    return 0.0 if upper <= upper_bound(0) else upper / GROWTH


def meets(value: float, threshold: Threshold) -> bool:
    """Whether a single value meets the threshold, without regard to how certain it is."""
    bound = threshold.value
    return {">=": value >= bound, ">": value > bound, "<=": value <= bound, "<": value < bound}[threshold.operator]


def _point_text(measured: Measurement, estimated: Estimate, objective: Objective) -> str:
    if isinstance(measured, Ratio):
        return f'"{objective.name}" was {share_text(estimated.point)}'
    if isinstance(measured, Count):
        return f'"{objective.name}" was {value_text(estimated.point, "number")}'
    measures = measures_of(measured, objective.threshold)
    at = f"at the {quantile_text(measured.quantile)}"
    if measures == "milliseconds" and is_never(estimated.point):
        return f'"{objective.name}" had no good answer {at}'
    return f'"{objective.name}" was {value_text(estimated.point, measures)} {at}'


def _certainty(measured: Measurement, estimated: Estimate, objective: Objective) -> str:
    if isinstance(measured, Count):
        return f"all of {counted(estimated.count, 'event')} were counted"
    measures = measures_of(measured, objective.threshold)
    interval = interval_text(estimated, measures)
    return f"{objective.confidence:.0%} interval {interval}, {counted(estimated.count, 'sample')}"


def quantile_text(quantile: float) -> str:
    """ "median", "95th percentile", "99.9th percentile"."""
    if quantile == 0.5:
        return "median"
    percent = f"{100 * quantile:g}"
    teen = percent[-2:] in ("11", "12", "13")
    suffix = "th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(percent[-1], "th")
    return f"{percent}{suffix} percentile"


def _why_missing(objective: Objective, story: Story) -> str:
    if window_of(objective, story) is None:
        return ": no fault took hold and ended in this run"
    reasons = story.missing.get(objective.name)
    return f": {reasons[-1][1]}" if reasons else ""
