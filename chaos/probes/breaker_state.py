"""breaker_state: which circuit breakers are open, half-open or closed, as the services' own metrics show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.sample import NoSample, Ratio
from chaos.model.system import Instance
from chaos.probes._metrics import metrics_of, reporting, series_in

_VALUES = {"closed": 0.0, "half-open": 1.0, "open": 2.0}


class BreakerState(Struct, frozen=True, kw_only=True):
    """Share of the circuit breakers from `caller` to `target` (empty is any) that are in `state`.

    Reads the gauge `breaker_state` (0 closed, 1 half-open, 2 open; labels caller, target, region) from the metrics of
    all instances, or those of `caller`. Instances that do not answer are left out: their breakers are not known.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    caller: str = ""
    target: str = ""
    region: str = ""
    state: Literal["closed", "half-open", "open"] = "closed"
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Ratio | NoSample:
        running = reporting(environment, self._is_asked, self.caller or "any service")
        if isinstance(running, NoSample):
            return running
        values = [value for text in metrics_of(running, self.timeout_ms).values() for value in self._values(text)]
        if not values:
            return NoSample(f"no breaker from {self.caller or 'anybody'} to {self.target or 'anybody'} was seen")
        return Ratio(good=values.count(_VALUES[self.state]), total=len(values))

    def _is_asked(self, instance: Instance) -> bool:
        return self.caller in ("", instance.service) and bool(instance.address)

    def _values(self, metrics: str) -> Iterator[float]:
        for _, labels, number in series_in(metrics, "breaker_state"):
            wanted = {"caller": self.caller, "target": self.target, "region": self.region}
            if all(value in ("", labels.get(name)) for name, value in wanted.items()):
                yield number
