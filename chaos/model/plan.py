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


class PlannedParallel(Struct, frozen=True, kw_only=True, tag="parallel"):
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


PlannedStep = PlannedFault | PlannedParallel | PlannedWait | PlannedWaitUntil | PlannedActivity


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
    """All fault steps, in the order they stand, those inside parallel groups included."""
    found: list[PlannedFault] = []
    for step in steps:
        if isinstance(step, PlannedFault):
            found.append(step)
        elif isinstance(step, PlannedParallel):
            found.extend(planned_faults(step.steps))
    return tuple(found)
