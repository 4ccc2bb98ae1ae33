"""Processes on this machine, kept running by the launcher, with a fault proxy on every link between them.

Works over what docs/explanation/contracts.md describes: the launcher's state file and control socket, the proxies' API.
What happens to a process is always read from the operating system.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from chaos.environments.local import control, own, processes
from chaos.environments.local.discovery import LocalDiscovery
from chaos.environments.local.links import LINK_CAPABILITIES, LocalLinks
from chaos.environments.local.reserve import LocalReserve
from chaos.environments.local.resources import WITHOUT_A_TIMER, Resources
from chaos.environments.local.settings import Settings as Settings
from chaos.environments.local.state import RESERVE, InstanceStatus, LinkStatus, State, read_state
from chaos.model.capabilities import (
    CanAnswerRequests,
    CanPause,
    CanSpoilDiscovery,
    Identity,
    ProcessState,
)
from chaos.model.environment import Arming, EnvironmentRef, LeaseHolder
from chaos.model.errors import ActionFailed, ChaosError, SystemDown
from chaos.model.home import steadfast_home
from chaos.model.reserve import CanCallUp
from chaos.model.system import Instance, Inventory, Link, Region

Named = TypeVar("Named", Instance, Link, Region)


def open_environment(ref: EnvironmentRef) -> LocalEnvironment:
    """Never fails: whether anything runs is looked up at each call, so that a rollback works whatever is left."""
    return LocalEnvironment(ref)


class LocalEnvironment(LocalLinks, LocalDiscovery, LocalReserve, Resources):
    """The bundled platform, the system of a state file, or processes of one's own: settings.py says which.

    Kills and region outages are leases that the launcher ends, delays leases that the proxies end; for a stopped
    process nobody does, nor for what a real Toxiproxy does, so such a lease needs a detached holder.
    """

    def __init__(self, ref: EnvironmentRef) -> None:
        self.ref = ref
        self._path = _state_file(ref)
        self._real = bool(own.settings_of(ref).toxiproxy)

    @property
    def _up_hint(self) -> str:
        own_file = self.ref.settings.get("source") if self.ref.settings.get("processes") else ""
        return f"start it with `chaos platform up{f' --environment {own_file}' if own_file else ''}`"

    @property
    def lock_key(self) -> str:
        return os.path.realpath(self._path)

    def arming(self) -> Arming:
        armed = self.ref.settings.get("armed") is True
        where = self.ref.settings.get("source") or "its settings"
        return Arming(armed, f"{where} {'says' if armed else 'does not say'} `armed: true`")

    def lease_holder(self, capability: type) -> LeaseHolder:
        if capability in (CanPause, CanCallUp, *WITHOUT_A_TIMER):
            return LeaseHolder("lease holder", detached=True)
        if capability not in LINK_CAPABILITIES:
            return LeaseHolder("launcher")
        return LeaseHolder("lease holder", detached=True) if self._real else LeaseHolder("proxy")

    def refusal(self, capability: type, target: str) -> str:
        if capability is CanAnswerRequests and self._real:
            return "Toxiproxy knows no requests, only bytes: it has no toxic that answers one"
        return self.no_list(target) if capability is CanSpoilDiscovery else super().refusal(capability, target)

    def inventory(self) -> Inventory:
        """Raises SystemDown when neither the launcher nor any instance runs, nor is held down."""
        state = self._state()
        instances = tuple(map(_instance, state.instances))
        # Without its launcher a system whose instances are all held down is not down, but broken by us.
        broken = any(map(_is_held, state.instances))
        if not broken and not any(each.identity for each in instances) and not processes.is_alive(state.launcher):
            raise SystemDown(f"nothing of {state.name!r} runs (state file {self._path})", self._up_hint)
        return Inventory(
            instances=_by_name(instances),
            links=_by_name(map(_link, state.links)),
            regions=_by_name(Region(name=name) for name in state.regions),
        )

    def load_settings(self) -> dict[str, str]:
        """CHAOS_STATE_FILE, and CHAOS_HOST: the URL of the first gateway or, failing that, of what nobody calls."""
        try:
            state = self._state()
        except ChaosError:
            state = State()  # the load generator says what it misses
        called = {link.destination for link in state.links}
        free = [each for each in state.instances if each.service not in called]
        entrances = [each.address for each in sorted(free, key=lambda each: each.service != "gateway")]
        return {
            "CHAOS_STATE_FILE": os.path.abspath(self._path),
            "CHAOS_HOST": f"http://{entrances[0]}" if entrances else "",
        }

    def hold_down(self, instance: str, holder: str, until: float) -> None:
        self._hold([self._known(instance).name], holder, until)

    def let_go(self, instance: str, holder: str) -> None:
        if self._find(instance) is not None:
            self._release([instance], holder)

    def is_held(self, instance: str, holder: str) -> bool:
        found = self._find(instance)
        return found is not None and found.holders.get(holder, 0.0) > time.time()

    def live_identity(self, instance: str) -> Identity | None:
        found = self._find(instance)
        return None if found is None else _live(found)

    def process_state(self, identity: Identity) -> ProcessState:
        return processes.state(identity)

    def pause(self, identity: Identity, until: float) -> None:
        processes.stop(identity)

    def resume(self, identity: Identity) -> None:
        processes.resume(identity)

    def fail_region(self, region: str, holder: str, until: float) -> None:
        names = [each.name for each in self.region_instances(region)]
        if not names:
            raise ActionFailed(f"no instance is in region {region}", took_effect="no")
        self._hold(names, holder, until)

    def restore_region(self, region: str, holder: str) -> None:
        names = [each.name for each in self.region_instances(region)]
        if names:
            self._release(names, holder)

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        """Without those that rest: they are no part of what serves there."""
        return _by_name(_instance(each) for each in self._instances() if each.region == region and not each.rests)

    def _hold(self, names: list[str], holder: str, until: float) -> None:
        request = {"op": "hold", "instances": names, "holder": holder, "until": until}
        control.ask(self._state().control, request)

    def _release(self, names: list[str], holder: str) -> None:
        control.ask(self._state().control, {"op": "release", "instances": names, "holder": holder})

    def _known(self, instance: str) -> InstanceStatus:
        found = self._find(instance)
        if found is None:
            raise ActionFailed(f"there is no instance {instance}", took_effect="no")
        return found

    def _find(self, instance: str) -> InstanceStatus | None:
        return next((each for each in self._instances() if each.name == instance), None)

    def _instances(self) -> tuple[InstanceStatus, ...]:
        return self._listed().instances

    def _listed(self) -> State:
        """What the state file lists; nothing when there is none: a system that is gone has no targets."""
        return read_state(self._path) or State()

    def _state(self) -> State:
        state = read_state(self._path)
        if state is None:
            raise SystemDown(f"no platform is up: there is no state file {self._path}", self._up_hint)
        return state


def _state_file(ref: EnvironmentRef) -> Path:
    settings = own.settings_of(ref)
    if settings.state:
        return Path(settings.state).expanduser()
    return (own.home_of(ref) if settings.processes else steadfast_home() / "platform") / "state.json"


def _instance(status: InstanceStatus) -> Instance:
    return Instance(
        name=status.name,
        service=status.service,
        region=status.region,
        labels={**status.labels, "reserve": "yes"} if status.reserve else status.labels,
        identity=_live(status),
        address=status.address,
        health_path=status.health_path,
        metrics_path=status.metrics_path,
    )


def _is_held(status: InstanceStatus) -> bool:
    ends = [until for holder, until in status.holders.items() if holder != RESERVE]
    if not status.reserve and status.held_until is not None:
        ends.append(status.held_until)
    return any(until > time.time() for until in ends)


def _live(status: InstanceStatus) -> Identity | None:
    if status.pid is None or status.started is None:
        return None
    identity: Identity = {"pid": status.pid, "started": status.started}
    return identity if processes.is_alive(identity) else None


def _link(status: LinkStatus) -> Link:
    return Link(
        name=status.name,
        source=status.source,
        source_region=status.source_region,
        destination=status.destination,
        destination_region=status.destination_region,
        destination_instance=status.destination_instance,
        labels={"public": "true"} if status.public else {},
        address=status.address,
    )


def _by_name(targets: Iterable[Named]) -> tuple[Named, ...]:
    return tuple(sorted(targets, key=lambda target: target.name))
