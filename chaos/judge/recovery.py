"""Recovery time: how long after the last revert an objective was back on target for good."""

from __future__ import annotations

from msgspec import Struct

from chaos.judge.objectives import compare, estimate, meets
from chaos.judge.series import per_second, point
from chaos.judge.story import Story
from chaos.judge.wording import seconds_text
from chaos.model.experiment import Objective
from chaos.model.sample import Measurement, merge

ROLLING_SECONDS = 3
"""One second has few samples: each look merges this many."""

HOW = (
    f"seconds from the last revert to the first {ROLLING_SECONDS} s stretch on target that no later stretch "
    "leaves, until the load ends; the interval is from the last stretch that was certainly off target to the first "
    "from which on all together is certainly on target"
)


class Recovery(Struct, frozen=True, kw_only=True):
    """`seconds` is None when it was not shown: off target at the end, or too little was seen. 0 is "at once".

    `low` and `high` are the ends of its interval, at the objective's confidence; `high` is None where the samples up to
    the end do not show for certain that it was back.
    """

    objective: str
    seconds: float | None
    reason: str
    low: float = 0.0
    high: float | None = None


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


def interval_text(recovery: Recovery) -> str:
    """ "2.0 s to 7.0 s", or "2.0 s or more" where the samples do not show for certain that it was back."""
    if recovery.high is None:
        return f"{seconds_text(recovery.low)} or more"
    return f"{seconds_text(recovery.low)} to {seconds_text(recovery.high)}"


def _recovery(objective: Objective, reverted_at: float, series: list[tuple[int, Measurement]]) -> Recovery:
    looks = _rolling(series)
    if not looks:
        return Recovery(objective=objective.name, seconds=None, reason="too few samples after the last revert")
    low, high = _bounds(objective, reverted_at, series, looks)
    on_target_from: int | None = None
    for second, measurement in looks:
        if not meets(point(measurement), objective.threshold):
            on_target_from = None
        elif on_target_from is None:
            on_target_from = second
    if on_target_from is None:
        return Recovery(objective=objective.name, seconds=None, reason="still off target when the load ended", low=low)
    if on_target_from == looks[0][0]:
        return Recovery(
            objective=objective.name, seconds=0.0, reason="on target from the revert on", low=low, high=high
        )
    seconds = max(0.0, on_target_from - reverted_at)
    high = None if high is None else max(high, seconds)
    return Recovery(
        objective=objective.name, seconds=seconds, reason="back on target and stayed there", low=low, high=high
    )


def _bounds(
    objective: Objective,
    reverted_at: float,
    series: list[tuple[int, Measurement]],
    looks: list[tuple[int, Measurement]],
) -> tuple[float, float | None]:
    """When it was certainly not back yet, and from when on it certainly was.

    Each look and each beginning of the rest is a test of its own, so all of a kind share what they may err
    (Bonferroni). The point estimate is never below `low`: a look that is certainly off target is off target.
    """
    confidence = 1 - (1 - objective.confidence) / len(looks)
    off = [second for second, each in looks if compare(estimate(each, confidence), objective.threshold) == "deviated"]
    high, rest = None, None
    for second, measured in reversed(series):
        rest = measured if rest is None else merge([rest, measured])
        if off and second <= off[-1]:
            break
        if rest is not None and compare(estimate(rest, confidence), objective.threshold) == "held":
            high = max(0.0, second - reverted_at)
    return (max(0.0, off[-1] + 1 - reverted_at) if off else 0.0), high


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
