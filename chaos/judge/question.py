"""Was the question asked at all? Every reason why a run says nothing about the hypothesis."""

from __future__ import annotations

from chaos.judge.story import InjectionStory, LoadStory, Story
from chaos.judge.wording import counted, kind_text, listed, milliseconds_text, seconds_text, share_text
from chaos.model.fault import Active
from chaos.model.plan import PlannedFault, planned_faults

MAX_LAGGING_SHARE = 0.05
"""More reports than this with a lag above load.max_lag_ms: the generator could not make its arrivals."""

MAX_LAG_FACTOR = 4.0
"""A single lag of this many times load.max_lag_ms: for that long there was no load at all."""

MAX_UNFINISHED_SHARE = 0.05
"""More sessions than this share of all requests without an end: each may hang in a request that no number counts."""

_EARLY_SECONDS = 0.25
"""What may be missing from a fault's duration without anybody having ended it early."""


def why_not_asked(story: Story) -> tuple[str, ...]:
    """One sentence a reason, gravest first; empty when the run did what its plan says."""
    plan = story.started.plan
    return (
        *(() if plan.experiment.objectives else ("the experiment has no objectives, so nothing could be held",)),
        *(reason for fault in planned_faults(plan.steps) for reason in _fault_reasons(fault, story)),
        *_step_reasons(story),
        *_load_reasons(story),
    )


def ended_early(item: InjectionStory, duration_seconds: float) -> bool:
    """Somebody else reverted it before the run did, and before its time."""
    first = item.reverting
    if first is None or first.by == "run":
        return False
    return first.at < item.begun.at + duration_seconds - _EARLY_SECONDS


def _ran_out(item: InjectionStory) -> bool:
    """Its lease ended before the run reverted it: who ends a lease need not be able to write it down."""
    return item.reverting is not None and item.reverting.at > item.begun.undo.lease.expires_at


def _fault_reasons(fault: PlannedFault, story: Story) -> list[str]:
    cut = story.stopped_early is not None
    by_target = {item.begun.undo.target: item for item in story.injections.values() if item.begun.step == fault.name}
    refused = {item.target: item.message for item in story.never_begun if item.step == fault.name}
    reasons, not_reached = [], []
    for target in fault.targets:
        if target in by_target:
            reasons += _injection_reasons(by_target[target], fault)
        elif target in refused:
            reasons.append(f"{kind_text(fault.fault.kind)} was not injected into {target}: {refused[target]}")
        else:
            not_reached.append(target)
    if not_reached and not cut:  # what was hit before has refuted the hypothesis already
        reasons.append(
            f"{kind_text(fault.fault.kind)} was never injected into {listed(not_reached)}: the run did not get that far"
        )
    return reasons


def _injection_reasons(item: InjectionStory, fault: PlannedFault) -> list[str]:
    what = f"{kind_text(fault.fault.kind)} on {item.begun.target}"
    if item.not_injected is not None:
        return [f"{kind_text(fault.fault.kind)} was not injected into {item.begun.target}: {item.not_injected.message}"]
    if item.failed is not None:
        return [f"{what} may or may not have taken effect: {item.failed.message}"]
    if item.injected is None:
        return [f"{what} was never seen in effect: the run ended before it was looked for"]
    if item.injected.active is Active.NO:
        return [f"{what} had no effect: {item.injected.evidence}"]
    if item.injected.active is Active.UNKNOWN:
        return [f"nobody can tell whether {what} took effect: {item.injected.evidence}"]
    if fault.meanwhile and _ran_out(item):
        lasted = seconds_text(item.begun.undo.lease.expires_at - item.begun.at)
        return [f"{what} was held for {lasted}, and what was to be done meanwhile took longer"]
    if ended_early(item, fault.duration_seconds) and item.reverting is not None:
        lasted = seconds_text(item.reverting.at - item.begun.at)
        return [f"{what} was ended by the {item.reverting.by} after {lasted} of {seconds_text(fault.duration_seconds)}"]
    return []


def _step_reasons(story: Story) -> list[str]:
    return [f"step {step.step!r} did not do what it says: {step.failure}" for step in story.step_failures]


def _load_reasons(story: Story) -> list[str]:
    planned, load = story.started.plan.experiment.load, story.load
    if planned is None:
        return []
    if load.failed is not None:
        return [f"the load generator ended before its time: {load.failed.message}"]
    if not load.lags_ms:
        return ["the load generator never reported: there were no users"]
    return [*_lag_reasons(story, planned.max_lag_ms), *_unfinished_reasons(story)]


def _lag_reasons(story: Story, max_lag_ms: float) -> list[str]:
    begin, end = story.run_window
    lags = [lag for at, lag in story.load.lags_ms if begin <= at < end]
    late = [lag for lag in lags if lag > max_lag_ms]
    if not late or (len(late) <= MAX_LAGGING_SHARE * len(lags) and max(late) <= MAX_LAG_FACTOR * max_lag_ms):
        return []
    return [
        f"the load generator could not keep up: it was more than {milliseconds_text(max_lag_ms)} late in "
        f"{len(late)} of {counted(len(lags), 'report')}, at worst {milliseconds_text(max(late))}"
    ]


def _unfinished_reasons(story: Story) -> list[str]:
    load = story.load
    if load.unfinished <= MAX_UNFINISHED_SHARE * (load.requests + load.unfinished):
        return []
    return [unfinished_text(load)]


def unfinished_text(load: LoadStory) -> str:
    """What sessions that the drain did not outlast mean for the numbers."""
    share = share_text(load.unfinished / (load.requests + load.unfinished))
    return (
        f"{counted(load.unfinished, 'session')} had not ended when the load was stopped: "
        f"up to {share} of the requests are in no number"
    )
