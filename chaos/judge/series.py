"""An objective over time: its samples second by second."""

from __future__ import annotations

import math

from chaos.judge.story import Story
from chaos.model.sample import Count, Histogram, Measurement, Ratio, count_of, merge


def per_second(story: Story, objective: str) -> tuple[tuple[int, Measurement], ...]:
    """(epoch second, all samples that belong to it), in order; seconds without a sample are left out."""
    parts: dict[int, list[Measurement]] = {}
    for of, measurement in story.samples.get(objective, ()):
        parts.setdefault(math.floor(of), []).append(measurement)
    merged = ((second, merge(items)) for second, items in sorted(parts.items()))
    return tuple((second, item) for second, item in merged if item is not None and count_of(item) > 0)


def point(measurement: Measurement) -> float:
    """The share of a ratio, the asked quantile of a spread, the number of a count."""
    if isinstance(measurement, Ratio):
        return measurement.good / measurement.total
    if isinstance(measurement, Count):
        return float(measurement.number)
    return rank_value(measurement.histogram, measurement.quantile)


def rank_value(histogram: Histogram, quantile: float) -> float:
    """The value of the ceil(quantile * n)-th smallest sample, as the upper edge of its bucket (at most 2 % high)."""
    total = histogram.total
    return histogram.value_at_rank(min(total, max(1, math.ceil(quantile * total - 1e-9))))
