"""An environment in memory, in virtual time: every portable fault works on it, in no time and without luck.

`world.py` holds the system, `clock.py` its time, `load.py` its users. Processes of the toolkit die here too: a test
cuts a run after any journal line or any change, and the world lives on, as a real one would.
"""

from __future__ import annotations

from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.discovery import SimulatedDiscovery
from chaos.environments.simulated.links import SimulatedLinks
from chaos.environments.simulated.resources import SimulatedResources
from chaos.environments.simulated.world import World, streaming_world
from chaos.model.capabilities import (
    CanFillDisk,
    CanFreeze,
    CanLimitCpu,
    CanLimitFiles,
    CanLimitMemory,
    CanLimitProcesses,
    CanPause,
    Identity,
    ProcessState,
)
from chaos.model.environment import Arming, EnvironmentRef, LeaseHolder
from chaos.model.errors import ActionFailed
from chaos.model.system import Instance, Inventory, Link, Region

_WORLDS: dict[str, World] = {}

_WITHOUT_A_TIMER = {
    CanPause,
    CanFreeze,
    CanLimitCpu,
    CanLimitMemory,
    CanLimitProcesses,
    CanLimitFiles,
    CanFillDisk,
}


def register(name: str, world: World) -> EnvironmentRef:
    """Make a world findable by name within this process, as a real system is by its address."""
    _WORLDS[name] = world
    return EnvironmentRef(kind="simulated", name=name, settings={"world": name})


def open_environment(ref: EnvironmentRef) -> SimulatedEnvironment:
    """The world of that name; a fresh small streaming platform if there is none."""
    name = str(ref.settings.get("world", ref.name))
    if name not in _WORLDS:
        _WORLDS[name] = streaming_world(VirtualClock())
    return SimulatedEnvironment(ref, _WORLDS[name])


class SimulatedEnvironment(SimulatedResources, SimulatedLinks, SimulatedDiscovery):
    """Offers every capability on a World."""

    def __init__(self, ref: EnvironmentRef, world: World) -> None:
        self.ref = ref
        self.world = world

    @property
    def lock_key(self) -> str:
        return f"simulated/{self.ref.name}"

    def arming(self) -> Arming:
        return Arming(self.world.armed, "the simulated world says so")

    def lease_holder(self, capability: type) -> LeaseHolder:
        if capability in _WITHOUT_A_TIMER:
            return LeaseHolder("lease holder", detached=True)
        return LeaseHolder("simulated world")

    def load_settings(self) -> dict[str, str]:
        return {}

    def inventory(self) -> Inventory:
        world = self.world
        instances = tuple(self._instance(name) for name in sorted(world.processes))
        links = tuple(
            Link(
                name=link.name,
                source=link.source,
                source_region=link.region,
                destination=world.processes[link.instance].service,
                destination_region=world.processes[link.instance].region,
                destination_instance=link.instance,
            )
            for link in sorted(world.links.values(), key=lambda item: item.name)
        )
        return Inventory(instances=instances, links=links, regions=tuple(Region(name=name) for name in world.regions))

    def hold_down(self, instance: str, holder: str, until: float) -> None:
        self.world.hold([instance], holder, until)

    def let_go(self, instance: str, holder: str) -> None:
        self.world.let_go([instance], holder)

    def is_held(self, instance: str, holder: str) -> bool:
        return self.world.is_held(instance, holder)

    def live_identity(self, instance: str) -> Identity | None:
        return self.world.identity(instance)

    def pause(self, identity: Identity, until: float) -> None:
        name = self.world.find(identity)
        if name is None:
            raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")
        self.world.set_paused(name, True)

    def resume(self, identity: Identity) -> None:
        name = self.world.find(identity)
        if name is not None:
            self.world.set_paused(name, False)

    def process_state(self, identity: Identity) -> ProcessState:
        name = self.world.find(identity)
        if name is None:
            return "gone"
        return "paused" if self.world.processes[name].paused else "running"

    def delay_link(self, link: str, name: str, delay_ms: float, jitter_ms: float, until: float) -> None:
        self.world.set_delay(link, name, delay_ms, until)

    def clear_link(self, link: str, name: str) -> None:
        self.world.clear_delay(link, name)

    def round_trip_ms(self, link: str) -> float | None:
        instance = self.world.links[link].instance
        return self.world.link_ms(link) if self.world.answers(instance) else None

    def fail_region(self, region: str, holder: str, until: float) -> None:
        self.world.hold(self.world.members(region), holder, until)

    def restore_region(self, region: str, holder: str) -> None:
        self.world.let_go(self.world.members(region), holder)

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        return tuple(self._instance(name) for name in self.world.members(region))

    def _instance(self, name: str) -> Instance:
        process = self.world.processes[name]
        return Instance(name=name, service=process.service, region=process.region, identity=self.world.identity(name))
