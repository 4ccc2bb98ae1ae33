"""How many samples a run will have: from its plan, and from how many an earlier run had."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.judge.objectives import measured_in_window
from chaos.judge.story import Story
from chaos.model.experiment import Load, Objective, Window
from chaos.model.plan import Plan, PlannedFault, PlannedParallel, PlannedSequence, PlannedStep, PlannedWait
from chaos.model.sample import count_of

Span = tuple[float, float]


def exposure(objective: Objective, plan: Plan) -> float:
    """What an objective's samples are in proportion to, over its window: arrivals, user-seconds, or seconds."""
    return _amount(objective, plan.experiment.load, planned_window(objective.window, plan))


def planned_window(window: Window, plan: Plan) -> Span:
    """Seconds from the start of the load. What waits for a condition is taken to wait for nothing: it may be longer."""
    load = plan.experiment.load
    before = (load.warm_up_seconds, load.warm_up_seconds + load.baseline_seconds) if load else (0.0, 0.0)
    faults, method_ends = _fault_spans(plan.steps, before[1])
    ends = method_ends + plan.experiment.recovery_seconds
    if window == "run":
        return before[0], ends
    began, over = (
        (min(span[0] for span in faults), max(span[1] for span in faults))
        if faults
        else (
            before[1],
            method_ends,
        )
    )
    return (began, over) if window == "fault" else (over, ends)


def yields(story: Story) -> dict[str, float]:
    """How many samples each objective had for one unit of exposure, over the whole of a run; only what was measured."""
    plan, (begin, end) = story.started.plan, story.run_window
    origin = story.phases.get("warm-up", begin)
    found: dict[str, float] = {}
    for objective in plan.experiment.objectives:
        whole = Objective(name=objective.name, probe=objective.probe, threshold=objective.threshold)
        measured = measured_in_window(whole, story)
        amount = _amount(objective, plan.experiment.load, (begin - origin, end - origin))
        if measured is not None and amount > 0:
            found[objective.name] = count_of(measured) / amount
    return found


def looks_every_seconds(objective: Objective) -> float | None:
    """How often its probe asks the system; None for one that reads the load generator."""
    every = objective.probe.parameters.get("every_seconds")
    return float(every) if isinstance(every, int | float) and every > 0 else None


def _amount(objective: Objective, load: Load | None, span: Span) -> float:
    if load is None or looks_every_seconds(objective) is not None:
        return max(0.0, span[1] - span[0])
    return _integral(load, span[1]) - _integral(load, span[0])


def _integral(load: Load, until: float) -> float:
    """Of the load's level from its start on."""
    level, passed, amount = load.arrivals_per_second or float(load.users or 0), 0.0, 0.0
    for stretch in load.shape:
        if stretch.seconds:
            within = min(stretch.seconds, max(0.0, until - passed))
            reached = stretch.begin + (stretch.end - stretch.begin) * within / stretch.seconds
            amount += within * (stretch.begin + reached) / 2
            passed += stretch.seconds
        level = stretch.end
    return amount + level * max(0.0, until - passed)


def _fault_spans(steps: Sequence[PlannedStep], at: float) -> tuple[list[Span], float]:
    """When each fault is in effect, and when the last of the steps is over."""
    spans: list[Span] = []
    for step in steps:
        if isinstance(step, PlannedFault):
            spans += [(at, at + step.duration_seconds), *_fault_spans(step.meanwhile, at)[0]]
            at += step.duration_seconds
        elif isinstance(step, PlannedSequence):
            inner, at = _fault_spans(step.steps, at)
            spans += inner
        elif isinstance(step, PlannedParallel):
            branches = [_fault_spans([each], at) for each in step.steps]
            spans += [span for found, _ in branches for span in found]
            at = max((end for _, end in branches), default=at)
        elif isinstance(step, PlannedWait):
            at += step.seconds
    return spans, at
