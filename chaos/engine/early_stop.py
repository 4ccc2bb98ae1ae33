"""Ends a run's method as soon as an objective has certainly deviated, where the experiment asks for that."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chaos.engine.inject import Batch
from chaos.engine.watch import Watch
from chaos.judge.objectives import early_answer
from chaos.model.events import StoppedEarly
from chaos.model.experiment import Objective
from chaos.model.plan import Plan, planned_faults

_LOOK_EVERY_SECONDS = 1.0


class EarlyStop:
    """Looks once a second. What it says holds at every look (judge/sequences.py), so looking often costs nothing."""

    def __init__(self, plan: Plan, watch: Watch) -> None:
        self._watch = watch
        self._faults = bool(planned_faults(plan.steps))
        self._objectives = plan.experiment.objectives if plan.experiment.limits.stop_early else ()
        self._next_look = 0.0

    def deviated(self, now: float, run_began: float, batches: Sequence[Batch]) -> StoppedEarly | None:
        """Why to stop now. `run_began` is the end of the warm-up.

        While a fault is not in effect everywhere, nothing is said: an objective that deviates before says nothing about
        the hypothesis, and a fault cut short before it was seen would leave no answer.
        """
        if not self._objectives or now < self._next_look:
            return None
        self._next_look = now + _LOOK_EVERY_SECONDS
        hit = [injecting.at for batch in batches for injecting in batch.opened]
        if self._faults and not (hit and all(batch.settled for batch in batches)):
            return None
        for objective in self._objectives:
            began = run_began if objective.window == "run" else math.floor(min(hit)) if hit else run_began
            found = self._looked(objective, now, began) if objective.window != "after" else None
            if found is not None:
                return found
        return None

    def _looked(self, objective: Objective, now: float, began: float) -> StoppedEarly | None:
        seen = self._watch.recent(objective.name, now - began)
        if seen is None or early_answer(objective, seen, len(self._objectives))[1] != "deviated":
            return None
        return StoppedEarly(at=now, objective=objective.name, seen=seen, of=len(self._objectives))
