"""Users must not suffer beyond this, whatever is to be learnt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from chaos.judge.objectives import compare, estimate
from chaos.model.experiment import Objective, Threshold
from chaos.model.guardrail import Go, Situation, Stop
from chaos.model.sample import Measurement, Ratio, count_of
from chaos.model.verdict import Estimate

InUnitOfObjective = Annotated[float, Meta(extra={"unit": "objective"})]

_STRETCHES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""How far back it looks, in units of over_seconds: few samples tell something only over a longer time."""


class ObjectiveFloor(Struct, frozen=True, kw_only=True):
    """Abort when an objective has certainly been on the wrong side of a floor for the last seconds, `over` or more.

    For an objective that must stay below something (`< 800ms`) the floor is a ceiling. Fewer than `minSamples` say
    nothing. `confidence` is the chance that a run which stays on the right side is never stopped, though it is looked
    at four times a second: what was seen is held against confidence sequences, one from each second of the run on.
    """

    objective: str
    floor: InUnitOfObjective
    over_seconds: Annotated[float, Meta(gt=0)] = 5.0
    min_samples: Annotated[int, Meta(ge=1)] = 20
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95

    def check(self, situation: Situation) -> Go | Stop:
        objective = situation.objective(self.objective)
        if objective is None:
            return Stop(f"there is no objective {self.objective!r} to watch")
        if situation.phase == "before":
            return Go()
        floor = Threshold(objective.threshold.operator, self.floor, objective.threshold.text)
        # Each second of the run begins a sequence: all of them together may err as often as is allowed.
        confidence = 1 - (1 - self.confidence) / max(1, math.ceil(situation.plan.seconds))
        for seconds, measured in self._recent(situation):
            seen = estimate(measured, confidence, always=True)
            if compare(seen, floor) == "deviated":
                return self._stop(objective, seconds, seen, isinstance(measured, Ratio))
        return Go()

    def _recent(self, situation: Situation) -> Iterator[tuple[float, Measurement]]:
        """What was measured over the last seconds, and over more of them as long as there is more."""
        known = 0
        for stretch in _STRETCHES:
            seconds = stretch * self.over_seconds
            # From the middle between two whole seconds on: so there are as many sequences as seconds, not as looks.
            measured = situation.recent(self.objective, situation.now - math.floor(situation.now - seconds + 1) + 0.5)
            count = count_of(measured) if measured is not None else 0
            if measured is not None and count > known and count >= self.min_samples:
                yield seconds, measured
            known = max(known, count)

    def _stop(self, objective: Objective, seconds: float, seen: Estimate, share: bool) -> Stop:
        side = "below" if objective.threshold.operator in (">=", ">") else "above"
        return Stop(
            f"{self.objective!r} was {_shown(seen.point, share)} over the last {seconds:g} s "
            f"({seen.count} samples), certainly {side} the floor of {_shown(self.floor, share)}"
        )


def _shown(value: float, share: bool) -> str:
    return f"{value:.1%}" if share else f"{value:.0f}"
