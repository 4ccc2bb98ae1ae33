"""promql: the number that a query of Prometheus gives."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chaos.model.environment import Environment
from chaos.model.sample import Histogram, NoSample, Spread
from chaos.probes._prometheus import Prometheus


class Promql(Prometheus, frozen=True, kw_only=True, dict=True):
    """The number that `query` gives at each look; its objective is about the median of the looks.

    Without `step` a look is an instant query. With it a look is a range query from the last look on, so that every
    `step` of the run counts however rarely it looks. The query must give one series: wrap it in sum(), max() or the
    like. Its value is taken as it is, so a time that Prometheus keeps in seconds has a target in seconds, `< 0.3`
    (promql_quantile has targets such as `< 300ms`). Known to 2 %; what is below 0.01 counts as 0.01: multiply it in
    the query. `tokenFrom` names an environment variable that holds a bearer token.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["number"]] = "number"

    query: Annotated[str, Meta(examples=["sum(requests_under_way)"])]
    step_seconds: Annotated[float, Meta(ge=0)] = 0.0

    def sample(self, environment: Environment) -> Spread | NoSample:
        now = time.time()
        if self.step_seconds:
            began = min(self._asked_up_to.get("at", now - self.step_seconds) + self.step_seconds, now)
            found = self.asked(
                "query_range", query=self.query, start=f"{began:.3f}", end=f"{now:.3f}", step=f"{self.step_seconds:g}"
            )
        else:
            found = self.asked("query", query=self.query, time=f"{now:.3f}")
        if isinstance(found, NoSample):
            return found
        if len(found) > 1:
            return NoSample(f"the query gives {len(found)} series where one is needed: wrap it in sum() or max()")
        values = [value for series in found for value in series.values if math.isfinite(value)]
        if not values:
            return NoSample("the query gives no number" if found else "the query gives no data")
        self._asked_up_to["at"] = now
        return Spread(Histogram.of(values), 0.5)

    @cached_property
    def _asked_up_to(self) -> dict[str, float]:
        """`at`: the time of the last look that had an answer; what it missed is asked for by the next."""
        return {}
