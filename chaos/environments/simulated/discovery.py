"""The lists of instances of a simulated world."""

from __future__ import annotations

from typing import Literal

from chaos.environments.simulated.world import World
from chaos.model.capabilities import Listed

USUAL_SECONDS = 0.2


class SimulatedDiscovery:
    """CanSpoilDiscovery on a World. A list that nobody spoils is of this very moment."""

    world: World

    # parameters: those of CanSpoilDiscovery
    def spoil_discovery(
        self, region: str, holder: str, how: Literal["stale", "empty"], until: float, behind_seconds: float = 0.0
    ) -> None:
        self.world.spoil(region, holder, (how, self.world.clock.now() - behind_seconds, until))

    def restore_discovery(self, region: str, holder: str) -> None:
        self.world.unspoil(region, holder)

    def is_spoilt(self, region: str, holder: str) -> bool:
        return self.world.spoilt[region].get(holder, ("", 0.0, 0.0))[2] > self.world.clock.now()

    def what_is_listed(self, region: str) -> Listed | None:
        now = self.world.clock.now()
        in_force = self.world.spoils_of(region)
        named = 0 if any(how == "empty" for how, _, _ in in_force) else len(self.world.processes)
        since = min((began for how, began, _ in in_force if how == "stale"), default=now)
        return Listed(named, now - since, USUAL_SECONDS)
