"""The breakers of one dependency: one for each of its instances, made when the instance is first heard of.

A policy may have one guard the whole service; a weakness does.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from target_platform.kit.breaker import Breaker
from target_platform.kit.config import Endpoint
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import BreakerPolicy


class Breakers:
    """`caller` and `callee` are names of services."""

    def __init__(self, policy: BreakerPolicy, caller: str, callee: str, metrics: Metrics) -> None:
        self._policy = policy
        self._labels = (caller, callee)
        self._metrics = metrics
        self._made: dict[Endpoint, Breaker] = {}
        self._for_all = Breaker(policy, callee) if policy.guards == "service" else None

    def of(self, target: Endpoint) -> Breaker:
        """Who comes back under the same name and another address is somebody new."""
        if target not in self._made:
            self._made[target] = self._for_all or Breaker(self._policy, target.instance)
            self._show(target)
        return self._made[target]

    def keep(self, targets: Iterable[Endpoint]) -> None:
        """Have one for each of these, and forget all others."""
        wanted = set(targets)
        for gone in [each for each in self._made if each not in wanted]:
            del self._made[gone]
            self._metrics.forget_breaker((*self._labels, gone.region, gone.instance))
            if not self._group(gone.region):
                self._metrics.forget_breakers((*self._labels, gone.region))
        for target in wanted:
            self.of(target)

    def _show(self, target: Endpoint) -> None:
        self._metrics.watch_breaker((*self._labels, target.region, target.instance), partial(self._state, target))
        self._metrics.watch_breakers((*self._labels, target.region), partial(self._best, target.region))

    def _state(self, target: Endpoint) -> float:
        return float(self._made[target].state)

    def _best(self, region: str) -> float:
        return float(min(each.state for each in self._group(region)))

    def _group(self, region: str) -> list[Breaker]:
        return [breaker for target, breaker in self._made.items() if target.region == region]
