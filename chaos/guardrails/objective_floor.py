"""Users must not suffer beyond this, whatever is to be learnt."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta, Struct

from chaos.model.experiment import Objective
from chaos.model.guardrail import Go, Situation, Stop
from chaos.model.sample import Count, Measurement, Ratio, count_of

InUnitOfObjective = Annotated[float, Meta(extra={"unit": "objective"})]


class ObjectiveFloor(Struct, frozen=True, kw_only=True):
    """Abort when what an objective measured over the last seconds is on the wrong side of a floor.

    For an objective that must stay below something (`< 800ms`) the floor is a ceiling. With fewer than `minSamples`
    recent samples it says go: a handful tells nothing about users.
    """

    objective: str
    floor: InUnitOfObjective
    over_seconds: Annotated[float, Meta(gt=0)] = 5.0
    min_samples: Annotated[int, Meta(ge=1)] = 20

    def check(self, situation: Situation) -> Go | Stop:
        objective = situation.objective(self.objective)
        if objective is None:
            return Stop(f"there is no objective {self.objective!r} to watch")
        if situation.phase == "before":
            return Go()
        recent = situation.recent(self.objective, self.over_seconds)
        if recent is None or count_of(recent) < self.min_samples:
            return Go()
        return self._compare(objective, recent)

    def _compare(self, objective: Objective, recent: Measurement) -> Go | Stop:
        seen = _point(recent)
        wants_more = objective.threshold.operator in (">=", ">")
        if (seen >= self.floor) if wants_more else (seen <= self.floor):
            return Go()
        side = "below" if wants_more else "above"
        share = isinstance(recent, Ratio)
        return Stop(
            f"{self.objective!r} was {_shown(seen, share)} over the last {self.over_seconds:g} s "
            f"({count_of(recent)} samples), {side} the floor of {_shown(self.floor, share)}"
        )


def _point(measurement: Measurement) -> float:
    if isinstance(measurement, Ratio):
        return measurement.good / measurement.total
    if isinstance(measurement, Count):
        return measurement.number
    total = measurement.histogram.total
    return measurement.histogram.value_at_rank(max(1, math.ceil(measurement.quantile * total)))


def _shown(value: float, share: bool) -> str:
    return f"{value:.1%}" if share else f"{value:.0f}"
