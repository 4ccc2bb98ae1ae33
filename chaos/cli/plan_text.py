"""A plan in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chaos.cli.power_text import prospect_lines
from chaos.judge.power import Prospect
from chaos.judge.wording import load_text
from chaos.model.experiment import Objective, PluginUse
from chaos.model.plan import (
    Plan,
    PlannedActivity,
    PlannedFault,
    PlannedParallel,
    PlannedSequence,
    PlannedStep,
    PlannedWait,
)


def plan_text(plan: Plan, expected: Sequence[Prospect] = ()) -> str:
    """Everything a person should know before pressing the button; `expected` is what its objectives can tell."""
    return "\n".join(_lines(plan, {prospect.objective: prospect for prospect in expected}))


def _lines(plan: Plan, expected: Mapping[str, Prospect]) -> Iterator[str]:
    experiment = plan.experiment
    yield f"{experiment.name} on {plan.environment.name} (seed {plan.seed}, about {plan.seconds:.0f} s)"
    yield f"  {experiment.hypothesis}"
    yield "steady state"
    for objective in experiment.objectives:
        yield f"  {_objective(objective)}"
        if objective.name in expected:
            yield from prospect_lines(expected[objective.name], "    ")
    if experiment.data_safety:
        yield f"promises about data: {', '.join(experiment.data_safety)}"
    if experiment.load is not None:
        yield f"load: {experiment.load.locustfile}, {load_text(experiment.load)}"
    yield "method"
    for step in plan.steps:
        yield from _step(step, "  ")
    if experiment.guardrails:
        yield "guardrails: armed, " + ", ".join(_use(use) for use in experiment.guardrails)
    yield from plan.notes


def _objective(objective: Objective) -> str:
    how = f"over the {objective.window}, {objective.confidence:.0%} confidence, {objective.min_samples} samples or more"
    return f"{objective.name}: {_use(objective.probe)} {objective.threshold.text}  ({how})"


def _step(step: PlannedStep, indent: str) -> Iterator[str]:
    if isinstance(step, PlannedFault):
        when = f"at {step.starts_at_seconds:g} s" if step.starts_at_seconds is not None else "then"
        place = f" in {step.environment}" if step.environment else ""
        yield f"{indent}{when}, for {step.duration_seconds:g} s: {_use(step.fault)}{place}"
        share = f"{len(step.targets)} of {step.candidates} that match, of {step.population} {step.target_kind}s"
        yield f"{indent}  hits {share} (held by the {step.holder.name}):"
        yield from (f"{indent}    {target}" for target in step.targets)
        if step.meanwhile:
            yield f"{indent}  meanwhile, once it is seen in effect:"
        for inner in step.meanwhile:
            yield from _step(inner, indent + "    ")
    elif isinstance(step, PlannedParallel | PlannedSequence):
        yield f"{indent}{'at once' if isinstance(step, PlannedParallel) else 'one after the other'}:"
        for inner in step.steps:
            yield from _step(inner, indent + "  ")
    elif isinstance(step, PlannedWait):
        yield f"{indent}wait {step.seconds:g} s"
    elif isinstance(step, PlannedActivity):
        more = [step.does, "in the background" if step.background else "", step.pauses, step.timeout]
        yield f"{indent}{step.name}: {step.call}  ({', '.join(each for each in more if each)})"
    else:
        yield f"{indent}wait until {_use(step.probe)} {step.threshold.text}, at most {step.timeout_seconds:g} s"


def _use(use: PluginUse) -> str:
    given = ", ".join(f"{name}={value}" for name, value in use.parameters.items() if value not in (None, "", {}, []))
    return f"{use.kind}({given})"
