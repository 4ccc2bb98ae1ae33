"""retry_amplification: how many times callers ask a dependency for each thing they want of it."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.sample import Histogram, NoSample, Spread
from chaos.probes._metrics import metrics_of, reporting, series_in

Counts = tuple[float, float]
"""Attempts that were sent, calls."""


class RetryAmplification(Struct, frozen=True, kw_only=True, dict=True):
    """Requests that instances of `caller` sent to `target` for each call they made, between two looks; its objective is
    about the median of the looks.

    1 without retries, 3 when everything is asked three times, below 1 while breakers keep calls from being sent. Reads
    the counters `call_attempts_total` (labels target, outcome) and `calls_total` (label target) from the metrics. A
    look that finds fewer than `minCalls` new calls is no sample, and they count in the next one.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["number"]] = "number"

    caller: str
    target: str
    min_calls: int = 5
    timeout_ms: float = 1000.0
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Spread | NoSample:
        asked = reporting(environment, lambda each: each.service == self.caller, self.caller)
        if isinstance(asked, NoSample):
            return asked
        now = {name: self._counts(text) for name, text in metrics_of(asked, self.timeout_ms).items()}
        since = [_difference(counts, self._before[name]) for name, counts in now.items() if name in self._before]
        attempts, calls = sum(each[0] for each in since), sum(each[1] for each in since)
        first = not self._before
        if first or calls >= self.min_calls:
            self._before.update(now)
        if calls < max(1, self.min_calls):
            return NoSample("this look is the first" if first else f"{calls:.0f} calls since the last look are too few")
        return Spread(Histogram.of([attempts / calls]), 0.5)

    @cached_property
    def _before(self) -> dict[str, Counts]:
        """What was counted up to the last sample, by instance."""
        return {}

    def _counts(self, metrics: str) -> Counts:
        counted = {"call_attempts_total": 0.0, "calls_total": 0.0}
        for name, labels, value in series_in(metrics, *counted):
            # An attempt that a breaker held back was not sent.
            if labels.get("target") == self.target and (name == "calls_total" or labels.get("outcome") != "open"):
                counted[name] += value
        return counted["call_attempts_total"], counted["calls_total"]


def _difference(now: Counts, before: Counts) -> Counts:
    """What was added; an instance that was restarted began at 0 again."""
    return now if now[1] < before[1] else (now[0] - before[0], now[1] - before[1])
