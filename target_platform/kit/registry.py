"""What an instance knows of the others: what it was told at its start, corrected by discovery while it runs.

A list is a hint, not the truth. Discovery is one more dependency that fails, and its usual failures, an old answer and
an empty one, look like answers. So an empty answer for a service that was listed before is refused, and the last good
list stays. And who is not listed any more stays known: when nobody on the list can be had, the others are tried too, as
Envoy does below its panic threshold ("Panic threshold" in its documentation of load balancing: it disregards health
status when too few hosts of a cluster are healthy). A policy may have the list believed instead.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from target_platform.kit.config import Endpoint
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import DiscoveryPolicy
from target_platform.kit.source import Listing, Source, SourceFailed

log = logging.getLogger("kit")


class Known(Struct, frozen=True):
    """Of one service: the instances that exist by the last good list, and those it does not name (any more)."""

    listed: tuple[Endpoint, ...] = ()
    others: tuple[Endpoint, ...] = ()

    @property
    def all(self) -> tuple[Endpoint, ...]:
        return self.listed + self.others


Watcher = Callable[[Known], None]


class Registry:
    """`configured` holds the instances known at the start, by service; they are never forgotten.

    Without a source they are all there is. `now` gives epoch seconds.
    """

    def __init__(
        self,
        configured: Mapping[str, Sequence[Endpoint]],
        policy: DiscoveryPolicy,
        metrics: Metrics,
        source: Source | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._source = source
        self._now = now
        self._services = {name: _Service(tuple(endpoints), policy) for name, endpoints in configured.items()}
        self._watchers: dict[str, list[Watcher]] = {}
        self._as_of = math.nan
        if source is not None:
            self._show(metrics)

    def known(self, service: str) -> Known:
        return self._of(service).known

    def watch(self, service: str, changed: Watcher) -> None:
        """Call `changed` with what is known of a service: now, and whenever that changes."""
        self._watchers.setdefault(service, []).append(changed)
        changed(self.known(service))

    async def refresh(self) -> None:
        """Ask the source once. When it gives no answer, what was known stays."""
        if self._source is None:
            return
        try:
            listing = await self._source.read()
        except SourceFailed as failure:
            self._failures.inc()
            log.info("discovery: %s", failure)
            return
        if listing is not None:
            self._take(listing)

    def _take(self, listing: Listing) -> None:
        self._as_of = self._now() if listing.as_of is None else listing.as_of
        for name, endpoints in listing.services.items():
            service = self._of(name)
            before = service.known
            if not service.take(endpoints, self._now()):
                self._refused.labels(name).inc()
                log.warning("discovery lists no %s any more; the last good list stays", name)
            self._listed.labels(name).set(len(service.known.listed))
            if service.known != before:
                for changed in self._watchers.get(name, ()):
                    changed(service.known)

    def _of(self, service: str) -> _Service:
        return self._services.setdefault(service, _Service((), self._policy))

    def _show(self, metrics: Metrics) -> None:
        self._listed = metrics.gauges("discovery_listed", "Instances on the last good list", "target")
        self._refused = metrics.counter("discovery_refused_empty", "Empty answers that were not believed", "target")
        self._failures = metrics.counter("discovery_failures", "Times that discovery gave no answer")
        metrics.gauge(
            "discovery_age_seconds", "Since when nothing new was heard, by discovery's own word", self._age_seconds
        )

    def _age_seconds(self) -> float:
        """NaN until it has answered."""
        return self._now() - self._as_of


class _Service:
    """What is known of one service: `known` is replaced, never changed."""

    def __init__(self, configured: tuple[Endpoint, ...], policy: DiscoveryPolicy) -> None:
        self.known = Known(configured)
        self._policy = policy
        self._configured = frozenset(each.instance for each in configured)
        self._ever = {each.instance: each for each in configured}
        self._listed_at: dict[str, float] = {}

    def take(self, listed: Sequence[Endpoint], now: float) -> bool:
        """Correct what is known by an answer; whether it was taken."""
        if not listed and self.known.listed and not self._policy.believed:
            return False
        for each in listed:
            self._ever[each.instance] = each  # the last address that was heard of is the one to try
            self._listed_at[each.instance] = now
        self._forget(now)
        names = {each.instance for each in listed}
        others = (
            () if self._policy.believed else tuple(each for each in self._ever.values() if each.instance not in names)
        )
        self.known = Known(tuple(sorted(listed, key=lambda each: each.instance)), others)
        return True

    def _forget(self, now: float) -> None:
        """Only a new list can make anybody forgotten: while none comes, the age of the last one says nothing."""
        oldest = now - self._policy.forget_seconds
        for name in [name for name, at in self._listed_at.items() if at < oldest and name not in self._configured]:
            del self._listed_at[name], self._ever[name]
