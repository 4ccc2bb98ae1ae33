"""One service's way to another one: who can be asked, and everything that protects the asking."""

from __future__ import annotations

from collections.abc import Sequence

from target_platform.kit.balance import Balance
from target_platform.kit.breaker import Breaker, BreakerState
from target_platform.kit.breakers import Breakers
from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.client import Ask
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.connections import Connections
from target_platform.kit.discovery import Targets
from target_platform.kit.errors import CallFailed
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import CallPolicy
from target_platform.kit.registry import Known, Registry
from target_platform.kit.retry_budget import RetryBudget


class Dependency:
    """`caller` and `callee` are names of services. Whom there is to ask may change at any time, by `registry`."""

    def __init__(
        self, config: InstanceConfig, callee: str, policy: CallPolicy, registry: Registry, metrics: Metrics
    ) -> None:
        self.caller = config.service
        self.callee = callee
        self.policy = policy
        self.name = f"{config.service}>{callee}"
        self.bulkhead = Bulkhead(policy.bulkhead, self.name)
        metrics.watch_waiting(callee, lambda: self.bulkhead.waiting)
        self.connections = Connections(policy.connections, self.name)
        metrics.watch_connections(callee, lambda: self.connections.in_use)
        self.budget = RetryBudget(policy.retry_budget)
        self.balance = Balance(policy.balance)
        self._targets = Targets((), config, policy.failover == "other-region")
        self._breakers = Breakers(policy.breaker, self.caller, callee, metrics)
        registry.watch(callee, self._changed)

    def breaker(self, target: Endpoint) -> Breaker:
        return self._breakers.of(target)

    def leaves_alone(self, target: Endpoint) -> bool:
        """Whether its breaker is not closed. One that guards the whole service says nothing of a single instance."""
        return self.policy.breaker.guards == "instance" and self.breaker(target).state is not BreakerState.CLOSED

    def choice(self, ask: Ask) -> Choice:
        """For one call: whom to ask, one attempt after the other."""
        only = ask.only or self.policy.only_region
        order = self._targets.only(only) if only else self._targets.in_order(ask.region)
        return Choice(self, self.balance.ordered(order))

    def _changed(self, known: Known) -> None:
        self._targets.change(known.listed, known.others)
        self._breakers.keep(known.all)
        self.balance.keep(known.all)


class Choice:
    """Takes its turn once for a call, not for each attempt: retries would bring the turns out of step."""

    def __init__(self, dependency: Dependency, order: Sequence[Endpoint]) -> None:
        self._dependency = dependency
        self._order = order
        self._tried: list[Endpoint] = []

    def next(self) -> Endpoint:
        """The first instance that was not tried yet and whose breaker admits a call; else one that was tried.

        Raises CallFailed("open") when no breaker admits one, CallFailed("unlisted") when there is nobody to ask.
        """
        if not self._order:
            raise CallFailed(f"{self._dependency.name}: no instance is known that may be asked", "unlisted")
        admitted = [each for each in self._order if self._dependency.breaker(each).admits]
        if not admitted:
            name = self._dependency.name
            raise CallFailed(f"{name}: all instances are left alone, their breakers are open", "open")
        untried = [each for each in admitted if each not in self._tried]
        chosen = (untried or admitted)[0]
        self._tried.append(chosen)
        return chosen
