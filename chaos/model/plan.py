"""A plan says what a run will do, target by target; `chaos plan` prints it and `chaos run` executes the same one."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from chaos.model.environment import EnvironmentRef, LeaseHolder
from chaos.model.experiment import Experiment, PluginUse, Threshold
from chaos.model.system import TargetKind


class PlannedFault(Struct, frozen=True, kw_only=True, tag="fault"):
    """One fault step with its targets resolved.

    `candidates` is how many targets the selector matched, `population` how many of the kind exist.
    `starts_at_seconds` counts from the start of the method and is None after a wait-until, whose end is not known.
    `environment` names the one of several that the targets are in. With `meanwhile`, `duration_seconds` is how long
    these steps are expected to take, and `slack_seconds` what seeing them in effect, and over, may add to that.
    """

    name: str
    fault: PluginUse
    target_kind: TargetKind
    targets: tuple[str, ...]
    candidates: int
    population: int
    duration_seconds: float
    holder: LeaseHolder
    starts_at_seconds: float | None = None
    environment: str = ""
    meanwhile: tuple[PlannedStep, ...] = ()
    slack_seconds: float = 0.0


class PlannedParallel(Struct, frozen=True, kw_only=True, tag="parallel"):
    name: str
    steps: tuple[PlannedStep, ...]


class PlannedSequence(Struct, frozen=True, kw_only=True, tag="sequence"):
    name: str
    steps: tuple[PlannedStep, ...]


class PlannedWait(Struct, frozen=True, kw_only=True, tag="wait"):
    name: str
    seconds: float


class PlannedWaitUntil(Struct, frozen=True, kw_only=True, tag="wait_until"):
    name: str
    probe: PluginUse
    threshold: Threshold
    timeout_seconds: float


class PlannedActivity(Struct, frozen=True, kw_only=True, tag="activity"):
    """A probe or an action of a Chaos Toolkit experiment; `call` says what is called, with nothing filled in."""

    name: str
    does: Literal["probe", "action"]
    call: str
    background: bool = False
    timeout: str = ""
    pauses: str = ""


PlannedStep = PlannedFault | PlannedParallel | PlannedSequence | PlannedWait | PlannedWaitUntil | PlannedActivity


class Plan(Struct, frozen=True, kw_only=True):
    """Everything a run depends on.

    `seconds` is the expected length including load warm-up and recovery; `repeat` the command that does the same again.
    """

    experiment: Experiment
    environment: EnvironmentRef
    seed: int
    steps: tuple[PlannedStep, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    repeat: str = ""


def planned_actions(steps: tuple[PlannedStep, ...]) -> tuple[PlannedActivity, ...]:
    """All actions of a Chaos Toolkit experiment."""
    return tuple(step for step in steps if isinstance(step, PlannedActivity) and step.does == "action")


def planned_faults(steps: tuple[PlannedStep, ...]) -> tuple[PlannedFault, ...]:
    """All fault steps, in the order they stand, those inside others included."""
    found: list[PlannedFault] = []
    for step in steps:
        found.extend([step] if isinstance(step, PlannedFault) else [])
        found.extend(planned_faults(inner_planned(step)))
    return tuple(found)


def inner_planned(step: PlannedStep) -> tuple[PlannedStep, ...]:
    """Those that stand inside a step."""
    if isinstance(step, PlannedFault):
        return step.meanwhile
    return step.steps if isinstance(step, PlannedParallel | PlannedSequence) else ()
