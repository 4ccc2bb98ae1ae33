"""brown_out: a share of a region's instances becomes slow, and none dies."""

from __future__ import annotations

from hashlib import blake2b
from math import ceil
from typing import Annotated, ClassVar, Literal, Protocol, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.environment import Environment
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Delay, change_name, fastest, lateness, usual_ms
from chaos.model.system import Region, Target

_PATIENCE_MS = 1000.0


class _Place(CanChangeLinks, Environment, Protocol):
    """An environment that can change links."""


class BrownOut(Struct, frozen=True, kw_only=True):
    """Delays by `delay` the answers of a `share` of each service's instances in a region, rounded up, to all who call.

    `draw` decides which: the same number is always the same instances. Those that nobody calls over a link (the doors)
    are left alone. Seen by timing round trips to all of them: active when each takes at least half of the
    delay more than before, over when none does. Below 50 ms it drowns in the noise of a busy machine.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanChangeLinks

    delay_ms: Annotated[float, Meta(gt=0)]
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    draw: int = 1

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Region), "the selector's kind is target_kind"
        inventory = environment.inventory()
        callable_ones: dict[str, set[str]] = {}
        for link in inventory.links:
            if link.destination_region == target.name:
                callable_ones.setdefault(link.destination, set()).add(link.destination_instance)
        slow = {name for instances in callable_ones.values() for name in self._drawn(instances)}
        links = [each.name for each in inventory.links if each.destination_instance in slow]
        before = usual_ms(lambda names: environment.knock(names, _PATIENCE_MS), links)
        if not before:
            raise ActionFailed(f"no instance in {target.name} answers over a link", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"before_ms": {**before}, "instances": [*sorted(slow)]})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.change_links([*_before(undo)], change_name(undo), self._change, undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_links([*_before(undo)], change_name(undo))

    def active(self, environment: _Place, undo: Undo) -> Observation:
        before = _before(undo)
        patience_ms = max(before.values()) + self.delay_ms + _PATIENCE_MS
        knocks = fastest(lambda links: environment.knock(links, patience_ms), before, self._change)
        return lateness(before, knocks, self._change)

    @property
    def _change(self) -> Delay:
        return Delay(delay_ms=self.delay_ms)

    def _drawn(self, instances: set[str]) -> list[str]:
        """The share, rounded up, in an order that depends on `draw` and the names alone."""
        order = sorted(instances, key=lambda name: blake2b(f"{self.draw}\0{name}".encode(), digest_size=8).digest())
        return order[: ceil(self.share * len(order))]


def _before(undo: Undo) -> dict[str, float]:
    return cast(dict[str, float], undo.data["before_ms"])
