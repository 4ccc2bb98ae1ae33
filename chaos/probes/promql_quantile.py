"""promql_quantile: a quantile of a time, from a histogram that Prometheus has scraped."""

from __future__ import annotations

import math
import time
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chaos.model.environment import Environment
from chaos.model.sample import Histogram, NoSample, Spread
from chaos.probes._prometheus import Prometheus


class PromqlQuantile(Prometheus, frozen=True, kw_only=True):
    """Milliseconds within which the share `quantile` of the events of the last `over` were done; its objective is about
    the median of the looks.

    `buckets` selects the `_bucket` series of a histogram in seconds, as is Prometheus' custom; all that match are added
    up. The value is histogram_quantile's: a straight line inside a bucket, and the largest bound for everything beyond
    it, so a target above that bound says nothing. `over` must span two scrapes at least. `chaos objectives rules` makes
    alerts of an objective with this probe. `tokenFrom` names an environment variable that holds a bearer token.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["milliseconds"]] = "milliseconds"

    buckets: Annotated[str, Meta(examples=["request_seconds_bucket"])]
    quantile: Annotated[float, Meta(gt=0, lt=1)]
    over_seconds: Annotated[float, Meta(ge=1)] = 15.0

    def sample(self, environment: Environment) -> Spread | NoSample:
        increase = f"increase({self.buckets}[{self.over_seconds * 1000:.0f}ms])"
        query = f"histogram_quantile({self.quantile!r}, sum by (le) ({increase}))"
        found = self.asked("query", query=query, time=f"{time.time():.3f}")
        if isinstance(found, NoSample):
            return found
        if not found:
            return NoSample(f"{self.buckets} gives no data over two scrapes of the last {self.over_seconds:g} s")
        seconds = found[0].values[0]
        if not math.isfinite(seconds):
            return NoSample(f"{self.buckets} counted nothing in the last {self.over_seconds:g} s")
        return Spread(Histogram.of([seconds * 1000]), 0.5)
