"""All probes of one moment look at the same system."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos.engine.glance import Glance
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import streaming_world
from chaos.model.capabilities import CanPause
from chaos.model.errors import ChaosError
from chaos.model.system import Inventory


class Counted(SimulatedEnvironment):
    def __init__(self, listing: Callable[[], Inventory] | None = None) -> None:
        world = streaming_world(VirtualClock())
        super().__init__(register("glance", world), world)
        self.times = 0
        self.listing = listing or super().inventory

    def inventory(self) -> Inventory:
        self.times += 1
        return self.listing()


def test_what_is_there_is_listed_once_for_all() -> None:
    environment = Counted()
    glance = Glance(environment)
    assert environment.times == 0
    assert glance.inventory() is glance.inventory()
    assert environment.times == 1
    assert Glance(environment).inventory() == glance.inventory()
    assert environment.times == 2


def test_a_system_that_cannot_be_listed_is_asked_once_and_every_probe_is_told() -> None:
    def fails() -> Inventory:
        raise ChaosError("it is not there")

    environment = Counted(fails)
    glance = Glance(environment)
    for _ in range(3):
        with pytest.raises(ChaosError, match="it is not there"):
            glance.inventory()
    assert environment.times == 1


def test_capabilities_are_the_environments_own() -> None:
    assert hasattr(Glance(Counted()), "pause")
    assert isinstance(Counted(), CanPause)
    assert not hasattr(Glance(Counted()), "no_such_thing")
