"""The plan as the page tells it: for those who want to know exactly what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.judge.wording import listed, load_text, seconds_text
from chaos.model.experiment import Load, PluginUse
from chaos.model.plan import (
    Plan,
    PlannedActivity,
    PlannedFault,
    PlannedParallel,
    PlannedSequence,
    PlannedStep,
    PlannedWait,
)

_MOST_TARGETS = 6


@dataclass(frozen=True)
class PlanRow:
    """`depth` counts the steps that it stands inside."""

    name: str
    what: str
    starts: str
    depth: int = 0


def plan_rows(plan: Plan) -> list[PlanRow]:
    """Every step, with those of a parallel group under it."""
    return [row for step in plan.steps for row in _rows(step, 0)]


def plan_facts(plan: Plan, version: str) -> list[tuple[str, str]]:
    """What else the run depended on."""
    experiment, limits = plan.experiment, plan.experiment.limits
    facts = [
        ("Experiment file", experiment.source or "not told"),
        ("Environment", f"{plan.environment.name} ({plan.environment.kind})"),
        ("Load", _load(experiment.load) if experiment.load else "none"),
        ("Guardrails", ", ".join(use_text(use) for use in experiment.guardrails) or "none but being armed"),
        ("Limits", f"{seconds_text(limits.max_duration_seconds)}, {limits.max_targets_share:.0%} of targets"),
        ("Steadfast", version),
    ]
    return facts + [("Note", note) for note in plan.notes]


def use_text(use: PluginUse) -> str:
    """ "latency (delay_ms 250, jitter_ms 50)"."""
    told = {name: value for name, value in use.parameters.items() if value not in ("", None)}
    parameters = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in told.items()
    )
    return f"{use.kind} ({parameters})" if parameters else use.kind


def _rows(step: PlannedStep, depth: int) -> list[PlanRow]:
    if isinstance(step, PlannedFault):
        of = f"{len(step.targets)} of {step.candidates} that match, of {step.population} in all"
        targets = listed(step.targets, _MOST_TARGETS)
        what = f"{use_text(step.fault)} on {targets} ({of}) for {seconds_text(step.duration_seconds)}"
        starts = "" if step.starts_at_seconds is None else f"{step.starts_at_seconds:.0f} s"
        inside = [row for item in step.meanwhile for row in _rows(item, depth + 1)]
        place = f", in {step.environment}" if step.environment else ""
        return [PlanRow(step.name, what + place, starts, depth), *inside]
    if isinstance(step, PlannedParallel | PlannedSequence):
        inner = [row for item in step.steps for row in _rows(item, depth + 1)]
        how = "at the same time" if isinstance(step, PlannedParallel) else "one after the other"
        return [PlanRow(step.name, how, "", depth), *inner]
    if isinstance(step, PlannedWait):
        return [PlanRow(step.name, f"wait {seconds_text(step.seconds)}", "", depth)]
    if isinstance(step, PlannedActivity):
        more = [step.does, "in the background" if step.background else "", step.pauses, step.timeout]
        return [PlanRow(step.name, f"{step.call} ({', '.join(each for each in more if each)})", "", depth)]
    until = f"wait until {use_text(step.probe)} is {step.threshold.text}, at most {seconds_text(step.timeout_seconds)}"
    return [PlanRow(step.name, until, "", depth)]


def _load(load: Load) -> str:
    return f"{load.locustfile}, {load_text(load)}"
