"""Runs of a system that is exactly at its floor, second by second, for guardrails that look at each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

from chaos.environments.simulated import SimulatedEnvironment
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World
from chaos.guardrails.objective_floor import ObjectiveFloor
from chaos.judge.objectives import compare, estimate
from chaos.model.environment import EnvironmentRef
from chaos.model.experiment import Experiment, Objective, PluginUse, Threshold
from chaos.model.guardrail import Stop
from chaos.model.plan import Plan
from chaos.model.sample import Measurement, Ratio

SECONDS, A_SECOND, FLOOR = 60, 8, 0.5
REF = EnvironmentRef(kind="simulated", name="null")
GUARDRAIL = ObjectiveFloor(objective="served", floor=FLOOR, over_seconds=5.0, min_samples=20)


@dataclass
class Passing:
    """A Situation at whole seconds: `good` has how many were good up to each."""

    good: list[int]
    now: float = 0.0
    phase: Literal["before", "during"] = "during"
    plan: Plan = field(
        default_factory=lambda: Plan(
            experiment=Experiment(name="x", hypothesis="y", objectives=(), method=()),
            environment=REF,
            seed=1,
            steps=(),
            seconds=float(SECONDS),
        )
    )
    environment: SimulatedEnvironment = field(
        default_factory=lambda: SimulatedEnvironment(REF, World(VirtualClock())), repr=False
    )

    def objective(self, name: str) -> Objective | None:
        return Objective(name=name, probe=PluginUse(kind="http"), threshold=Threshold(">=", 0.9, ">= 90%"))

    def recent(self, objective: str, seconds: float) -> Measurement | None:
        """Of the seconds that began within the last ones; sample n belongs to the second n."""
        until = int(self.now)
        first = max(0, until - int(seconds))
        total = (until - first) * A_SECOND
        return Ratio(self.good[until] - self.good[first], total) if total else None


def stopped_at(passing: Passing) -> int | None:
    """The second at which the guardrail stops the run."""
    for second in range(1, len(passing.good)):
        passing.now = float(second)
        if isinstance(GUARDRAIL.check(passing), Stop):
            return second
    return None


def stopped_by_a_fixed_interval(passing: Passing) -> bool:
    """The same looks, each held against a Wilson interval as if it were the only one."""
    floor = Threshold(">=", FLOOR, "50%")
    for second in range(5, len(passing.good)):
        passing.now = float(second)
        measured = passing.recent("served", 5.0)
        if measured is not None and compare(estimate(measured), floor) == "deviated":
            return True
    return False


def run_at(share: float, draw: random.Random, before: int = 0) -> Passing:
    """All is well for `before` seconds, and this share of the samples is good from then on."""
    good = [0]
    for second in range(SECONDS):
        now = 1.0 if second < before else share
        good.append(good[-1] + sum(draw.random() < now for _ in range(A_SECOND)))
    return Passing(good)
