"""counter_ratio: of the events that a service counts, the share that another of its counters has as well."""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.sample import NoSample, Ratio
from chaos.model.system import Instance
from chaos.probes._metrics import labels_in, metrics_of, reporting, series_in

_COUNTER = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$")

Counts = tuple[float, float]
"""Good ones, all."""


class CounterRatio(Struct, frozen=True, kw_only=True, dict=True):
    """Share of the events counted by `total`, at the instances of `service`, that `good` counts as well.

    What promql_ratio is with a Prometheus. Both are counters in the instances' own metrics, such as
    `calls_total{target="origin"}`; all series with these labels are added up, from one look to the next. `region`
    narrows it to instances there. The first look is no sample; an instance that was restarted counts from 0, one that
    does not answer is left out.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    service: str
    good: str
    total: str
    region: str = ""
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def __post_init__(self) -> None:
        for selector in (self.good, self.total):
            if not _COUNTER.match(selector):
                raise ValueError(
                    f'{selector!r} is no counter: write it as calls_total or calls_total{{target="origin"}}'
                )

    def sample(self, environment: Environment) -> Ratio | NoSample:
        asked = reporting(environment, self._is_asked, self.service)
        if isinstance(asked, NoSample):
            return asked
        first, counted = not self._before, self._counted(metrics_of(asked, self.timeout_ms))
        good, total = (round(sum(each[index] for each in counted)) for index in (0, 1))
        if first or not total:
            return NoSample("this look is the first" if first else f"no {self.total} was counted since the last look")
        return Ratio(good=min(good, total), total=total)

    def _is_asked(self, instance: Instance) -> bool:
        return instance.service == self.service and self.region in ("", instance.region)

    @cached_property
    def _before(self) -> dict[str, Counts]:
        """What was counted up to the last look, by instance."""
        return {}

    def _counted(self, texts: dict[str, str]) -> list[Counts]:
        """By each since the last look, or since its start."""
        since = []
        for name, text in texts.items():
            now, before = (_sum(self.good, text), _sum(self.total, text)), self._before.get(name, (0.0, 0.0))
            restarted = now[0] < before[0] or now[1] < before[1]
            since.append(now if restarted else (now[0] - before[0], now[1] - before[1]))
            self._before[name] = now
        return since


def _sum(selector: str, metrics: str) -> float:
    """All series that a selector names, added up."""
    found = _COUNTER.match(selector)
    assert found, "it was looked at when the probe was made"
    wanted = labels_in(found[2] or "").items()
    return sum(value for _, labels, value in series_in(metrics, found[1]) if wanted <= labels.items())
