"""Each objective as a chart and as a number line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chaos.judge.series import per_second, point
from chaos.judge.story import Story
from chaos.judge.wording import Measures, is_never, value_text
from chaos.model.experiment import Objective
from chaos.model.sample import Measurement, merge
from chaos.model.verdict import ObjectiveResult

MOST_POINTS = 1800
"""Longer series are merged over several seconds each, so that an hour is as quick to draw as a minute."""

_INTERVAL_SHARE = 0.5
"""How much of the number line the interval and the threshold take up together."""


@dataclass(frozen=True)
class Chart:
    """What charts.js draws. `x` is seconds from the start of the method; `y` is None where `never` says why.

    `faults` holds (begin, end) of each stretch with a fault in force, on the same axis.
    """

    id: str
    measures: Measures
    threshold: float
    threshold_text: str
    higher_is_better: bool
    x: list[float]
    y: list[float | None]
    never: list[bool]
    seconds_per_point: int
    faults: list[tuple[float, float]]
    summary: str


@dataclass(frozen=True)
class NumberLine:
    """Positions in percent of the width. `good` is the span in which the target is met."""

    threshold: float
    low: float
    high: float
    point: float
    good: tuple[float, float]


def chart(index: int, objective: Objective, result: ObjectiveResult, story: Story) -> Chart | None:
    """The objective's series, or None when there is not a single sample."""
    series = per_second(story, objective.name)
    if not series:
        return None
    origin = story.method_began
    step = max(1, math.ceil((series[-1][0] - series[0][0] + 1) / MOST_POINTS))
    points = [(second, point(measurement)) for second, measurement in _every(step, series)]
    never = [result.measures == "milliseconds" and is_never(value) for _, value in points]
    higher_is_better = objective.threshold.operator in (">=", ">")
    return Chart(
        id=f"chart-{index}",
        measures=result.measures,
        threshold=objective.threshold.value,
        threshold_text=objective.threshold.text,
        higher_is_better=higher_is_better,
        x=[round(second + step / 2 - origin, 2) for second, _ in points],
        y=[None if lost else float(f"{value:.5g}") for (_, value), lost in zip(points, never, strict=True)],
        never=never,
        seconds_per_point=step,
        faults=fault_spans(story),
        summary=_summary(points, origin, result.measures, higher_is_better),
    )


def fault_spans(story: Story) -> list[tuple[float, float]]:
    """When at least one injection was in force, as (begin, end) in seconds from the start of the method."""
    origin, spans = story.method_began, list[tuple[float, float]]()
    held = sorted((item for item in story.injections.values() if item.took_hold), key=lambda item: item.begun.at)
    for item in held:
        begin = round(item.begun.at - origin, 2)
        end = round((item.reverted.at if item.reverted and not item.open else story.last_at) - origin, 2)
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def number_line(objective: Objective, result: ObjectiveResult) -> NumberLine | None:
    """Where the interval lies with regard to the threshold; None when there is no interval to show."""
    estimate, bound = result.estimate, objective.threshold.value
    if estimate is None or estimate.low is None or estimate.high is None or is_never(estimate.high):
        return None
    ends = (estimate.low, estimate.high, bound)
    span = (max(ends) - min(ends)) or abs(bound) or 1.0
    left = min(ends) - span * (1 / _INTERVAL_SHARE - 1) / 2
    right = max(ends) + span * (1 / _INTERVAL_SHARE - 1) / 2
    if result.measures == "share":
        left, right = max(left, 0.0), min(right, 1.0)

    def position(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - left) / (right - left))), 2)

    at = position(bound)
    return NumberLine(
        threshold=at,
        low=position(estimate.low),
        high=position(estimate.high),
        point=position(estimate.point),
        good=(at, 100.0) if objective.threshold.operator in (">=", ">") else (0.0, at),
    )


def _every(step: int, series: tuple[tuple[int, Measurement], ...]) -> list[tuple[int, Measurement]]:
    if step == 1:
        return list(series)
    groups: dict[int, list[Measurement]] = {}
    for second, measurement in series:
        groups.setdefault(second // step * step, []).append(measurement)
    merged = ((second, merge(group)) for second, group in groups.items())
    return [(second, item) for second, item in merged if item is not None]


def _summary(points: list[tuple[int, float]], origin: float, measures: Measures, higher_is_better: bool) -> str:
    """What the chart shows, for those who cannot see it."""
    choose = min if higher_is_better else max
    second, value = choose(points, key=lambda item: item[1])
    return f"{len(points)} points; the worst is {value_text(value, measures)} at {second - origin:.0f} s"
