"""Not too much at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from chaos.model.errors import ChaosError
from chaos.model.guardrail import Go, Situation, Stop
from chaos.model.plan import Plan, planned_faults
from chaos.model.system import Inventory

Bound = Annotated[float, Meta(gt=0, le=1)]


class BlastRadius(Struct, frozen=True, kw_only=True):
    """Stop before the start if the plan would hit too large a share of any service, of all links or of all regions.

    All steps count together, whether or not they overlap, and a region counts with every instance in it. The plan is
    fixed once the run has begun, so it is not looked at again.
    """

    service_share: Bound = 1.0
    links_share: Bound = 1.0
    regions_share: Bound = 1.0

    def check(self, situation: Situation) -> Go | Stop:
        if situation.phase != "before":
            return Go()
        try:
            inventory = situation.environment.inventory()
        except ChaosError as error:
            return Stop(f"cannot tell how much the plan would hit: {error.message}")
        return next(self._too_much(situation.plan, inventory), None) or Go()

    def _too_much(self, plan: Plan, inventory: Inventory) -> Iterator[Stop]:
        hit = {kind: _targets(plan, kind) for kind in ("instance", "link", "region")}
        exist = Counter(instance.service for instance in inventory.instances)
        broken = Counter(
            instance.service
            for instance in inventory.instances
            if instance.name in hit["instance"] or instance.region in hit["region"]
        )
        for service, count in sorted(broken.items()):
            yield from _above(self.service_share, count, exist[service], f"instances of {service}")
        yield from _above(self.links_share, len(hit["link"]), len(inventory.links), "links")
        yield from _above(self.regions_share, len(hit["region"]), len(inventory.regions), "regions")


def _targets(plan: Plan, kind: str) -> set[str]:
    return {name for fault in planned_faults(plan.steps) if fault.target_kind == kind for name in fault.targets}


def _above(bound: float, hit: int, exist: int, what: str) -> Iterator[Stop]:
    if hit > bound * exist + 1e-9:
        yield Stop(f"the plan would hit {hit} of {exist} {what} ({hit / max(exist, 1):.0%}), allowed are {bound:.0%}")
