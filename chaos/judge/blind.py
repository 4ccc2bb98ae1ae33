"""Was an objective measured while the fault was there? What went blind with the fault must not be judged by what was
seen before it."""

from __future__ import annotations

import math

from chaos.judge.story import Story
from chaos.judge.wording import seconds_text
from chaos.model.plan import planned_faults
from chaos.model.sample import count_of

EXPECTED_AT_LEAST = 5.0
"""With so many events to be expected during the fault, that there is none has a chance below 1 % (Poisson: e^-5)."""


def why_blind(objective: str, story: Story) -> str:
    """Why the samples of the whole run do not speak of the fault, "" when they do.

    Nothing since the fault began is always too little; nothing while it lasted is, where the samples of the rest of
    the run let expect at least `EXPECTED_AT_LEAST`: rare events may well be absent from a short fault.
    """
    window = story.fault_window if planned_faults(story.started.plan.steps) else None
    if window is None:
        return ""
    begin, end = math.floor(window[0]), window[1]
    counted = [(of, count_of(value)) for of, value in story.samples.get(objective, ())]
    if not any(count for of, count in counted if of >= begin):
        return "nothing was measured since the fault began"
    if any(count for of, count in counted if begin <= of < end):
        return ""
    run_begin, run_end = story.run_window
    outside_seconds = max((run_end - run_begin) - (end - begin), 1.0)
    outside = sum(count for of, count in counted if run_begin <= of < run_end)
    if outside / outside_seconds * (end - begin) < EXPECTED_AT_LEAST:
        return ""
    return f"nothing was measured in the {seconds_text(end - begin)} of the fault"
