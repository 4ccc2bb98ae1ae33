"""Several environments as one: an experiment that breaks an account and the machines beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from chaos.model.environment import Arming, Environment, EnvironmentRef, LeaseHolder, settles_within_seconds
from chaos.model.system import Instance, Inventory, Link, Node, Region, Workload

Named = TypeVar("Named", Instance, Link, Region, Workload, Node)


class JoinedEnvironment:
    """What can be asked of all together. Capabilities are the parts' own: a fault is done in one of them."""

    def __init__(self, ref: EnvironmentRef, parts: Sequence[Environment]) -> None:
        self.ref = ref
        self.parts = tuple(parts)

    @property
    def lock_key(self) -> str:
        """Never locked as a whole: a run on one part alone must be kept out, too."""
        return " + ".join(each.lock_key for each in self.parts)

    @property
    def settles_within_seconds(self) -> float:
        return max(map(settles_within_seconds, self.parts))

    def arming(self) -> Arming:
        """Armed when all are."""
        answers = [each.arming() for each in self.parts]
        refusals = [each for each in answers if not each.armed]
        return refusals[0] if refusals else Arming(True, "; ".join(dict.fromkeys(each.reason for each in answers)))

    def inventory(self) -> Inventory:
        """All that there is. A region that several parts have is one region. Raises SystemDown when one of them is."""
        there = [each.inventory() for each in self.parts]
        regions = {region.name: region for each in there for region in each.regions}
        return Inventory(
            instances=_by_name([item for each in there for item in each.instances]),
            links=_by_name([item for each in there for item in each.links]),
            regions=_by_name(list(regions.values())),
            workloads=_by_name([item for each in there for item in each.workloads]),
            nodes=_by_name([item for each in there for item in each.nodes]),
        )

    def lease_holder(self, capability: type) -> LeaseHolder:
        """Plans ask the part; for whoever asks the whole, the one that can end everything."""
        return LeaseHolder("lease holder", detached=True)

    def load_settings(self) -> dict[str, str]:
        """The load is told of all parts; of two that say the same, the later one counts."""
        return {key: value for each in self.parts for key, value in each.load_settings().items()}


def _by_name(items: list[Named]) -> tuple[Named, ...]:
    return tuple(sorted(items, key=lambda item: item.name))
