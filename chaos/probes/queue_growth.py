"""queue_growth: how much longer the queues of a service have become."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.environment import Environment
from chaos.model.sample import Histogram, NoSample, Spread
from chaos.probes._metrics import metrics_of, reporting, series_in


class QueueGrowth(Struct, frozen=True, kw_only=True, dict=True):
    """How many more wait, at the instance of `service` whose queue has grown most, than at its emptiest look so far.

    For overload that users do not feel yet, and for queues that do not drain when a fault is over. Reads `gauge` from
    the metrics and adds up its series, or those with the label `target`. `bulkhead_waiting` are calls that wait for a
    place, by `target`; `requests_under_way` those an instance is serving. Its objective is about the `quantile` of the
    looks, the median by default.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["number"]] = "number"

    service: str
    target: str = ""
    gauge: str = "bulkhead_waiting"
    quantile: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Spread | NoSample:
        asked = reporting(environment, lambda each: each.service == self.service, self.service)
        if isinstance(asked, NoSample):
            return asked
        texts = metrics_of(asked, self.timeout_ms)
        lengths = {name: length for name, text in texts.items() if (length := self._length(text)) is not None}
        if not lengths:
            towards = f" for {self.target}" if self.target else ""
            return NoSample(f"no instance of {self.service} shows {self.gauge}{towards}")
        for name, length in lengths.items():
            self._least[name] = min(length, self._least.get(name, length))
        return Spread(
            Histogram.of([max(length - self._least[name] for name, length in lengths.items())]), self.quantile
        )

    @cached_property
    def _least(self) -> dict[str, float]:
        """The shortest that each instance's queue was seen."""
        return {}

    def _length(self, metrics: str) -> float | None:
        """All series of the gauge that count, added up; None without any."""
        found = [
            value for _, labels, value in series_in(metrics, self.gauge) if self.target in ("", labels.get("target"))
        ]
        return sum(found) if found else None
