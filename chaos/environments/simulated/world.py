"""A system in memory: processes that can be held down, paused or starved, links that can be delayed.

Leases run out by the clock, except those of a pause and of a scarcity: they have no timer, as in reality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from chaos.model.capabilities import Identity, Means
from chaos.model.clock import Clock
from chaos.model.links import Delay, LinkChange, Loss, Resets, Silence

NORMAL_ROUND_TRIP_MS = 1.0
RESTART_SECONDS = 0.5
"""How long a supervisor takes to bring back what was killed once."""

Scarcity = Literal["frozen", "cpu", "memory", "processes", "files", "disk"]
"""What a process can be short of; all but a full disk end with the process."""


@dataclass
class Process:
    service: str
    region: str
    pid: int
    paused: bool = False
    holds: dict[str, float] = field(default_factory=dict)
    down: bool = False
    back_at: float = 0.0
    """Before that its supervisor has not brought it back, whether or not it is held."""
    scarcities: dict[Scarcity, dict[str, Means]] = field(
        default_factory=lambda: {each: {} for each in get_args(Scarcity)}
    )
    """For each kind, who caused it and how; over when nobody does."""


@dataclass
class SimulatedLink:
    name: str
    source: str
    region: str
    instance: str
    delays: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Shaping by name: (delay in ms, epoch second at which it ends by itself)."""
    changes: dict[str, tuple[LinkChange | Loss, float]] = field(default_factory=dict)
    """Other changes by name, each with its end."""
    asked: int = 0
    """Requests that were sent over it."""


@dataclass
class World:
    """`on_change` is called before every change: a test can make the toolkit's process die there."""

    clock: Clock
    regions: tuple[str, ...] = ()
    processes: dict[str, Process] = field(default_factory=dict)
    links: dict[str, SimulatedLink] = field(default_factory=dict)
    armed: bool = True
    protections: set[str] = field(default_factory=lambda: {"fallback", "failover"})
    on_change: Callable[[str], None] = field(default=lambda what: None)
    ineffective: set[str] = field(default_factory=set)
    """Kinds of change that are accepted and do nothing: "hold", "pause", "delay"."""
    spoilt: defaultdict[str, dict[str, tuple[str, float, float]]] = field(default_factory=lambda: defaultdict(dict))
    """For each region, who spoils its list of instances: how, since when, until when."""
    _next_pid: int = 100

    def add_process(self, name: str, service: str, region: str) -> None:
        self._next_pid += 1
        self.processes[name] = Process(service, region, self._next_pid)

    def add_link(self, source: str, region: str, instance: str) -> None:
        name = f"{region}/{source}>{instance}"
        self.links[name] = SimulatedLink(name, source, region, instance)

    def members(self, region: str) -> list[str]:
        return sorted(name for name, process in self.processes.items() if process.region == region)

    def hold(self, names: Sequence[str], holder: str, until: float) -> None:
        for name in names:
            self.on_change(f"hold {name}")
            if "hold" not in self.ineffective:
                process = self.processes[name]
                process.holds[holder] = until
                process.down, process.paused = True, False

    def let_go(self, names: Sequence[str], holder: str) -> None:
        for name in names:
            self.on_change(f"let go {name}")
            self.processes[name].holds.pop(holder, None)
            self._restart_if_due(name)

    def set_paused(self, name: str, paused: bool) -> None:
        self.on_change(f"{'pause' if paused else 'resume'} {name}")
        if "pause" not in self.ineffective:
            self.processes[name].paused = paused

    def kill_once(self, name: str) -> None:
        self.on_change(f"kill {name} once")
        if "kill" not in self.ineffective:
            process = self.processes[name]
            process.down, process.paused, process.back_at = True, False, self.clock.now() + RESTART_SECONDS

    def set_scarcity(self, name: str, what: Scarcity, by: str, means: Means) -> None:
        self.on_change(f"{what} of {name}")
        if what not in self.ineffective:
            self.processes[name].scarcities[what][by] = means

    def clear_scarcity(self, name: str, what: Scarcity, by: str) -> None:
        self.on_change(f"no {what} of {name}")
        self.processes[name].scarcities[what].pop(by, None)

    def has_scarcity(self, name: str, what: Scarcity) -> bool:
        return bool(self.processes[name].scarcities[what])

    def set_delay(self, link: str, name: str, delay_ms: float, until: float) -> None:
        self.on_change(f"delay {link}")
        if "delay" not in self.ineffective:
            self.links[link].delays[name] = (delay_ms, until)

    def clear_delay(self, link: str, name: str) -> None:
        self.on_change(f"clear {link}")
        self.links[link].delays.pop(name, None)

    def change_link(self, link: str, name: str, change: LinkChange | Loss, until: float) -> None:
        self.on_change(f"change {link}")
        if "change" not in self.ineffective:
            self.links[link].changes[name] = (change, until)

    def restore_link(self, link: str, name: str) -> None:
        self.on_change(f"restore {link}")
        if link in self.links:
            self.links[link].changes.pop(name, None)

    def changes_of(self, link: str) -> list[LinkChange | Loss]:
        """Those in force now."""
        return [change for change, until in self.links[link].changes.values() if until > self.clock.now()]

    def passes(self, link: str) -> bool:
        """Whether anything gets through."""
        return not any(isinstance(each, Silence | Resets) for each in self.changes_of(link))

    def spoil(self, region: str, holder: str, how: tuple[str, float, float]) -> None:
        self.on_change(f"spoil discovery of {region}")
        if "spoil" not in self.ineffective:
            since = self.spoilt[region].get(holder, how)[1]  # a second wish does not begin anew
            self.spoilt[region][holder] = (how[0], since, how[2])

    def unspoil(self, region: str, holder: str) -> None:
        self.on_change(f"restore discovery of {region}")
        self.spoilt[region].pop(holder, None)

    def spoils_of(self, region: str) -> list[tuple[str, float, float]]:
        """Those in force now."""
        return [each for each in self.spoilt[region].values() if each[2] > self.clock.now()]

    def is_held(self, name: str, holder: str) -> bool:
        return self.processes[name].holds.get(holder, 0.0) > self.clock.now()

    def identity(self, name: str) -> Identity | None:
        self._restart_if_due(name)
        process = self.processes[name]
        return None if process.down else {"pid": process.pid, "started": process.pid * 10}

    def find(self, identity: Identity) -> str | None:
        """The name under which this very process runs, or None when it is gone."""
        return next((name for name in self.processes if self.identity(name) == identity), None)

    def answers(self, name: str) -> bool:
        there = self.identity(name) is not None
        return there and not self.processes[name].paused and not self.has_scarcity(name, "frozen")

    def link_ms(self, name: str) -> float:
        """One round trip over a link."""
        now = self.clock.now()
        delays = [delay_ms for delay_ms, until in self.links[name].delays.values() if until > now]
        delays += [change.delay_ms for change in self.changes_of(name) if isinstance(change, Delay)]
        return NORMAL_ROUND_TRIP_MS + sum(delays)

    def whole(self) -> list[str]:
        """What is broken: one sentence each; empty when the world is as it was made."""
        broken = [f"{name} is down" for name in self.processes if self.identity(name) is None]
        broken += [f"{name} is paused" for name, process in self.processes.items() if process.paused]
        for name, process in self.processes.items():
            broken += [f"{name} has a scarcity: {what}" for what, causes in process.scarcities.items() if causes]
        broken += [f"discovery of {name} is {how}" for name in self.regions for how, _, _ in self.spoils_of(name)]
        broken += [f"{name} is slow" for name in self.links if self.link_ms(name) > NORMAL_ROUND_TRIP_MS]
        broken += [f"{name} is changed: {change}" for name in self.links for change in self.changes_of(name)]
        return broken

    def _restart_if_due(self, name: str) -> None:
        process = self.processes[name]
        if (
            process.down
            and process.back_at <= self.clock.now()
            and all(until <= self.clock.now() for until in process.holds.values())
        ):
            self._next_pid += 1
            process.pid, process.down, process.holds = self._next_pid, False, {}
            for what in process.scarcities:
                if what != "disk":
                    process.scarcities[what] = {}


def streaming_world(clock: Clock) -> World:
    """Two regions with two gateways, recommendations and edges each."""
    world = World(clock, regions=("eu-west-1", "us-east-1"))
    for region in world.regions:
        for service in ("gateway", "recommendations", "edge"):
            for number in (1, 2):
                world.add_process(f"{region}/{service}-{number}", service, region)
        for number in (1, 2):
            world.add_link("gateway", region, f"{region}/recommendations-{number}")
    return world
