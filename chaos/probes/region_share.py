"""region_share: which share of a service's requests the instances of one region serve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.sample import NoSample, Ratio
from chaos.model.system import Instance

_AT_ONCE = 16


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
        with ThreadPoolExecutor(min(_AT_ONCE, len(instances))) as pool:
            counts = list(pool.map(self._count, instances))
        served = dict.fromkeys((each.name for each in instances), 0.0)
        for each, now in zip(instances, counts, strict=True):
            if now is None:
                continue
            before = self._before.get(each.name, 0.0)
            served[each.name] = now - before if now >= before else now
            self._before[each.name] = now
        return served

    def _count(self, instance: Instance) -> float | None:
        """All that it has ever served; None when it does not answer."""
        connection = HTTPConnection(instance.address, timeout=self.timeout_ms / 1000)
        try:
            connection.request("GET", instance.metrics_path)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        counted = re.compile(rf"{re.escape(self.counter)}(?:\{{.*\}})?\s+(\d+(?:\.\d+)?(?:e\+?\d+)?)\s*$")
        values = [float(found[1]) for found in map(counted.match, text.splitlines()) if found]
        return sum(values) if response.status == 200 else None
