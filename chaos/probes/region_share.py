"""region_share: which share of a service's requests the instances of one region serve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.sample import NoSample, Ratio
from chaos.model.system import Instance
from chaos.probes._metrics import metrics_of


class RegionShare(Struct, frozen=True, kw_only=True, dict=True):
    """Share of the requests to `service`, between two looks, that instances of `region` served.

    For what no user notices: that work has gone to another region, or has come back. Adds up the counter `counter`,
    whatever its labels, from the metrics of all instances of the service. An instance that is not seen served nothing;
    one that was restarted counts from 0.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    service: str
    region: str
    counter: str = "requests_total"
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Ratio | NoSample:
        try:
            instances = environment.inventory().instances
        except ChaosError as error:
            return NoSample(error.message)
        asked = [each for each in instances if each.service == self.service and each.metrics_path and each.identity]
        if not asked:
            return NoSample(f"no instance of {self.service} that has metrics runs")
        first, served = not self._before, self._served(asked)
        total = round(sum(served.values()))
        if first or not total:
            return NoSample(
                "this look is the first" if first else f"{self.service} has served nothing since the last look"
            )
        return Ratio(good=round(sum(served[each.name] for each in asked if each.region == self.region)), total=total)

    @cached_property
    def _before(self) -> dict[str, float]:
        """What was counted up to the last look, by instance."""
        return {}

    def _served(self, instances: Sequence[Instance]) -> dict[str, float]:
        """By each since the last look, or since its start."""
        served = dict.fromkeys((each.name for each in instances), 0.0)
        for name, text in metrics_of(instances, self.timeout_ms).items():
            now, before = self._count(text), self._before.get(name, 0.0)
            served[name] = now - before if now >= before else now
            self._before[name] = now
        return served

    def _count(self, metrics: str) -> float:
        """All that an instance has ever served."""
        counted = re.compile(rf"{re.escape(self.counter)}(?:\{{.*\}})?\s+(\d+(?:\.\d+)?(?:e\+?\d+)?)\s*$")
        return sum(float(found[1]) for found in map(counted.match, metrics.splitlines()) if found)
