"""What every fault of the catalogue must do, on the simulated environment. A new fault adds one row to EXAMPLES."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.discovery import USUAL_SECONDS
from chaos.environments.simulated.world import RESTART_SECONDS, Scarcity, World, streaming_world
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Undo, stacks
from chaos.model.system import JSON, Target

EXAMPLES: dict[str, dict[str, JSON]] = {
    "kill": {},
    "pause": {},
    "latency": {"delay_ms": 200.0, "jitter_ms": 20.0},
    "region_outage": {},
    "black_hole": {},
    "reset": {},
    "bandwidth": {"rate_bytes_per_second": 100_000.0},
    "slow_close": {"delay_ms": 200.0},
    "one_way_partition": {"direction": "from"},
    "partition": {},
    "region_isolation": {},
    "slow_region_link": {"delay_ms": 200.0, "jitter_ms": 20.0},
    "brown_out": {"delay_ms": 200.0, "share": 0.5},
    "dependency_errors": {"share": 0.3},
    "packet_loss": {"share": 0.2},
    "restart": {},
    "freeze": {},
    "cpu_stress": {"left_share": 0.05},
    "memory_stress": {"headroom_bytes": 8 * 2**20},
    "limit_processes": {},
    "limit_files": {},
    "disk_full": {},
    "empty_discovery": {},
    "stale_discovery": {},
}
LEASE_SECONDS = 60.0
SEEN_AFTER_SECONDS = 1.1 * USUAL_SECONDS
"""A list that stands still looks like any other for a while."""


class Stand:
    """One fault on one target of a fresh world."""

    def __init__(self, kind: str) -> None:
        self.clock = VirtualClock()
        self.world: World = streaming_world(self.clock)
        near, far = self.world.regions
        self.world.add_link("edge", near, f"{far}/edge-1")  # what crosses a border, for the faults of a region
        self.world.add_link("edge", far, f"{near}/edge-1")
        self.environment = SimulatedEnvironment(register(f"contract-{kind}", self.world), self.world)
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=EXAMPLES[kind]))
        self.target: Target = self.environment.inventory().of_kind(self.fault.target_kind)[0]
        self.changes: list[str] = []
        self.world.on_change = self.changes.append

    def prepare(self, injection: str = "1.1") -> Undo:
        lease = Lease("a run", injection, self.clock.now() + LEASE_SECONDS)
        return self.fault.prepare(self.environment, self.target, lease)

    def active(self, undo: Undo) -> Active:
        seen = self.fault.active(self.environment, undo)
        assert seen.evidence, "an answer without evidence is none"
        return seen.active

    def inject(self, undo: Undo) -> None:
        self.fault.inject(self.environment, undo)
        self.clock.sleep(SEEN_AFTER_SECONDS)

    def revert(self, undo: Undo) -> None:
        self.fault.revert(self.environment, undo)
        self.clock.sleep(RESTART_SECONDS)  # what is brought back by others comes in its own time


@pytest.fixture(params=sorted(EXAMPLES))
def stand(request: pytest.FixtureRequest) -> Stand:
    return Stand(request.param)


def test_every_portable_fault_has_an_example_here() -> None:
    assert {kind for kind in Catalog().names("faults") if "/" not in kind} == set(EXAMPLES)


def test_preparing_changes_nothing(stand: Stand) -> None:
    stand.prepare()
    assert stand.changes == []


def test_it_is_inactive_then_active_then_inactive(stand: Stand) -> None:
    undo = stand.prepare()
    assert stand.active(undo) is Active.NO
    stand.inject(undo)
    assert stand.active(undo) is Active.YES
    assert stand.world.whole() != []
    stand.revert(undo)
    assert stand.active(undo).over
    assert stand.world.whole() == []


def test_the_undo_survives_being_written_and_read(stand: Stand) -> None:
    undo = stand.prepare()
    stand.inject(undo)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    assert again == undo
    stand.revert(again)
    assert stand.world.whole() == []


def test_injecting_twice_is_injecting_once(stand: Stand) -> None:
    undo = stand.prepare()
    stand.inject(undo)
    stand.inject(undo)
    assert stand.active(undo) is Active.YES
    stand.revert(undo)
    assert stand.world.whole() == []


def test_reverting_twice_is_reverting_once(stand: Stand) -> None:
    undo = stand.prepare()
    stand.inject(undo)
    stand.revert(undo)
    stand.revert(undo)
    assert stand.active(undo).over
    assert stand.world.whole() == []


def test_reverting_what_was_never_injected_is_safe(stand: Stand) -> None:
    undo = stand.prepare()
    stand.revert(undo)
    assert stand.active(undo) is Active.NO
    assert stand.world.whole() == []


def test_a_target_that_has_been_replaced_counts_as_reverted(stand: Stand) -> None:
    undo = stand.prepare()
    stand.inject(undo)
    for name in list(stand.world.processes):
        stand.world.hold([name], "the supervisor", 0.0)
        stand.world.processes[name].holds.clear()
    for link in stand.world.links.values():
        link.delays.clear()
        link.changes.clear()
    stand.revert(undo)
    assert stand.active(undo).over
    assert stand.world.whole() == []


def test_its_lease_ends_it_or_its_holder_is_named(stand: Stand) -> None:
    undo = stand.prepare()
    assert undo.lease.expires_at > stand.clock.now()
    stand.inject(undo)
    stand.clock.sleep(LEASE_SECONDS + 1)
    holder = stand.environment.lease_holder(stand.fault.needs)
    assert stand.active(undo).over or holder.detached


def test_a_change_that_is_accepted_and_does_nothing_is_not_seen_as_active(stand: Stand) -> None:
    stand.world.ineffective = {"hold", "pause", "delay", "change", "kill", "spoil", *get_args(Scarcity)}
    undo = stand.prepare()
    stand.inject(undo)
    assert not stand.active(undo).struck


def test_two_on_one_target_are_undone_one_by_one_unless_it_says_that_they_do_not_stack(stand: Stand) -> None:
    if not stacks(stand.fault):
        return  # the plan refuses it (tests/simulation/test_verdicts.py)
    first, second = stand.prepare("1.1"), stand.prepare("1.2")
    stand.inject(first)
    stand.inject(second)
    stand.revert(first)
    assert stand.active(second) is Active.YES
    stand.revert(second)
    assert {stand.active(undo).over for undo in (first, second)} == {True}
    assert stand.world.whole() == []
