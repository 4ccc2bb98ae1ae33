"""Recovery time: how long after the last revert an objective was back on target for good."""

from __future__ import annotations

from msgspec import Struct

from chaos.judge.objectives import meets
from chaos.judge.series import per_second, point
from chaos.judge.story import Story
from chaos.model.experiment import Objective
from chaos.model.sample import Measurement, merge

ROLLING_SECONDS = 3
"""One second has few samples: each look merges this many."""

HOW = (
    f"seconds from the last revert to the first {ROLLING_SECONDS} s stretch on target that no later stretch "
    "leaves, until the load ends (point estimates, no interval)"
)


class Recovery(Struct, frozen=True, kw_only=True):
    """`seconds` is None when it was not shown: off target at the end, or too little was seen. 0 is "at once"."""

    objective: str
    seconds: float | None
    reason: str


def recovery_times(story: Story) -> tuple[Recovery, ...]:
    """One for each objective; empty when no fault was reverted."""
    after = story.after_window
    if after is None or not any(item.reverted for item in story.injections.values()):
        return ()
    end = min(after[1], story.run_window[1])
    return tuple(
        _recovery(
            objective, after[0], [item for item in per_second(story, objective.name) if after[0] <= item[0] < end]
        )
        for objective in story.started.plan.experiment.objectives
    )


def _recovery(objective: Objective, reverted_at: float, series: list[tuple[int, Measurement]]) -> Recovery:
    looks = _rolling(series)
    if not looks:
        return Recovery(objective=objective.name, seconds=None, reason="too few samples after the last revert")
    on_target_from: int | None = None
    for second, measurement in looks:
        if not meets(point(measurement), objective.threshold):
            on_target_from = None
        elif on_target_from is None:
            on_target_from = second
    if on_target_from is None:
        return Recovery(objective=objective.name, seconds=None, reason="still off target when the load ended")
    if on_target_from == looks[0][0]:
        return Recovery(objective=objective.name, seconds=0.0, reason="on target from the revert on")
    seconds = max(0.0, on_target_from - reverted_at)
    return Recovery(objective=objective.name, seconds=seconds, reason="back on target and stayed there")


def _rolling(series: list[tuple[int, Measurement]]) -> list[tuple[int, Measurement]]:
    """For each second, what it and the following ones say together; only full stretches count."""
    if not series:
        return []
    last = series[-1][0]
    looks = []
    for index, (second, _) in enumerate(series):
        if second + ROLLING_SECONDS - 1 > last:
            break
        merged = merge(item for at, item in series[index : index + ROLLING_SECONDS] if at < second + ROLLING_SECONDS)
        if merged is not None:
            looks.append((second, merged))
    return looks
