"""promql_ratio: the share of events that were good, from two counters that Prometheus has scraped."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chaos.model.environment import Environment
from chaos.model.sample import NoSample, Ratio
from chaos.probes._prometheus import Prometheus, Series

Counts = dict[frozenset[tuple[str, str]], float]


class PromqlRatio(Prometheus, frozen=True, kw_only=True, dict=True):
    """Share of the events counted by `total` that `good` counts as well, from one look to the next.

    Both are selectors of counters, such as `requests_total{route="/home"}`; all series that match are added up. Events
    are counted exactly, not extrapolated as rate() does: each series on its own, and one that was restarted from 0.
    The first look is no sample. Prometheus sees what it has scraped, so look no more often than it scrapes.
    `chaos objectives rules` makes alerts of an objective with this probe. `tokenFrom` names an environment variable
    that holds a bearer token.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    good: Annotated[str, Meta(examples=["'requests_total{status!~\"5..\"}'"])]
    total: Annotated[str, Meta(examples=["requests_total"])]

    def sample(self, environment: Environment) -> Ratio | NoSample:
        answer = self.asked("query", query=f"{_part('good', self.good)} or {_part('total', self.total)}")
        if isinstance(answer, NoSample):
            return answer
        parts = {which: [each for each in answer if (_PART, which) in each.labels] for which in ("good", "total")}
        if not parts["total"]:
            return NoSample(f"{self.total} gives no data")
        first = not self._before["total"]
        events = self._added("total", parts["total"])
        well = self._added("good", parts["good"])
        if first:
            return NoSample("this look is the first")
        if events < 1:
            return NoSample("nothing was counted since the last look")
        return Ratio(good=min(round(well), round(events)), total=round(events))

    def _added(self, which: str, now: list[Series]) -> float:
        """What was counted since the last look. A series that was not there then began at 0."""
        before = self._before[which]
        added = 0.0
        for series in now:
            value = series.values[0]
            if not math.isfinite(value):
                continue
            seen = before.get(series.labels, 0.0)
            added += value - seen if value >= seen else value
            before[series.labels] = value
        return added

    @cached_property
    def _before(self) -> dict[str, Counts]:
        return {"good": {}, "total": {}}


_PART = "steadfast_part"


def _part(which: str, selector: str) -> str:
    """Both selectors in one query: two queries may see different scrapes, and a failure between them would be lost."""
    return f'label_replace({selector}, "{_PART}", "{which}", "", "")'
