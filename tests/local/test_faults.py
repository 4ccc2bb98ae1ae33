"""Every fault of the catalogue on real processes, under the real launcher and the real proxies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.local import LocalEnvironment, open_environment
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, SystemDown
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, Undo
from chaos.model.system import JSON
from target_platform.launcher.state import read_state
from tests.local.small_system import SmallSystem
from tests.local.stand import Stand, opened
from tests.local.test_faults_discovery import KINDS as FAULTS_OF_DISCOVERY
from tests.local.test_faults_instances import EXAMPLES as EXAMPLES_ON_INSTANCES
from tests.local.test_faults_links import EXAMPLES as EXAMPLES_ON_LINKS

BASE_PORT = 29400  # below those that the kernel draws for connecting sockets: they come and go

NOT_ON_ONE_MACHINE = {"packet_loss"}
"""A link here is a proxy, which sees streams and no packets."""

EXAMPLES: dict[str, dict[str, JSON]] = {
    "kill": {},
    "pause": {},
    "latency": {"delay_ms": 120.0, "jitter_ms": 30.0},
    "region_outage": {},
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("faults"), BASE_PORT)
    small.start()
    try:
        yield small
    finally:
        small.stop()


def stand_on(system: SmallSystem, kind: str) -> Stand:
    return Stand(system, kind, EXAMPLES[kind], -1)


@pytest.fixture(params=sorted(EXAMPLES))
def stand(request: pytest.FixtureRequest, system: SmallSystem) -> Iterator[Stand]:
    eventually(lambda: whole(system))
    yield stand_on(system, request.param)
    eventually(lambda: whole(system))


def whole(system: SmallSystem) -> bool:
    """Nothing is broken, and everything that was restarted listens again."""
    state = read_state(system.home / "platform" / "state.json")
    assert state is not None
    states = [each.state for each in state.instances] + [each.state for each in state.proxies]
    return set(states) == {"ready"} and system.broken() == []


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_every_portable_fault_has_an_example_here() -> None:
    elsewhere = {*EXAMPLES_ON_INSTANCES, *EXAMPLES_ON_LINKS, *FAULTS_OF_DISCOVERY}
    portable = {name for name in Catalog().names("faults") if "/" not in name}  # the others are bound to a place
    assert portable - NOT_ON_ONE_MACHINE == set(EXAMPLES) | elsewhere


def test_what_cannot_be_done_on_one_machine_is_not_offered_there(system: SmallSystem) -> None:
    for kind in NOT_ON_ONE_MACHINE:
        fault = Catalog().build_fault(PluginUse(kind=kind, parameters={"share": 0.2}))
        assert not isinstance(opened(system), fault.needs)


def test_it_is_inactive_then_active_then_inactive(stand: Stand) -> None:
    undo = stand.prepare()
    eventually(lambda: stand.system.broken() == [])  # preparing changes nothing
    stand.until(undo, Active.NO)
    stand.fault.inject(stand.environment, undo)
    stand.until(undo, Active.YES)
    stand.fault.revert(stand.environment, undo)
    stand.until(undo, Active.NO)


def test_twice_is_once_and_a_fresh_process_can_undo_it(stand: Stand) -> None:
    undo = stand.prepare()
    stand.fault.inject(stand.environment, undo)
    stand.fault.inject(stand.environment, undo)
    stand.until(undo, Active.YES)
    ref = msgspec.json.decode(msgspec.json.encode(stand.environment.ref), type=EnvironmentRef)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    for _ in range(2):
        stand.fault.revert(open_environment(ref), again)
    stand.until(undo, Active.NO)


def test_reverting_what_was_never_injected_changes_nothing(stand: Stand) -> None:
    undo = stand.prepare()
    before = identities(stand.environment)
    stand.fault.revert(stand.environment, undo)
    stand.until(undo, Active.NO)
    assert identities(stand.environment) == before


def test_its_lease_ends_it_alone(stand: Stand) -> None:
    holder = stand.environment.lease_holder(stand.fault.needs)
    undo = stand.seen_under_a_short_lease()
    if holder.detached:
        assert stand.fault.target_kind == "instance"
        stand.fault.revert(stand.environment, undo)  # as the detached lease holder does
    stand.until(undo, Active.NO)
    assert time.time() >= undo.lease.expires_at or holder.detached


def identities(environment: LocalEnvironment) -> dict[str, Any]:
    return {each.name: each.identity for each in environment.inventory().instances}


def test_a_process_that_was_replaced_meanwhile_is_not_signalled(system: SmallSystem) -> None:
    stand = stand_on(system, "pause")
    undo = stand.prepare()
    stand.fault.inject(stand.environment, undo)
    pid = int(undo.data["identity"]["pid"])  # type: ignore[index,call-overload,arg-type]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: stand.environment.process_state(stand.target.identity) == "gone")  # type: ignore[union-attr,arg-type]
    stand.fault.revert(stand.environment, undo)
    assert stand.active(undo).active is Active.NO
    with pytest.raises(ActionFailed, match="is gone") as failed:
        stand.fault.inject(stand.environment, undo)
    assert failed.value.took_effect == "no"
    eventually(lambda: whole(system))


def test_a_delay_is_seen_also_when_its_destination_is_down(system: SmallSystem) -> None:
    """A refusal passes the link like an answer, so that overlapping faults can be told apart."""
    stand = stand_on(system, "latency")
    undo = stand.prepare()
    stand.fault.inject(stand.environment, undo)
    destination = next(each for each in stand.environment.inventory().links if each.name == stand.target.name)
    stand.environment.hold_down(destination.destination_instance, "another", time.time() + 30)
    stand.until(undo, Active.YES)
    stand.fault.revert(stand.environment, undo)
    stand.until(undo, Active.NO)
    stand.environment.let_go(destination.destination_instance, "another")
    eventually(lambda: whole(system))


def test_a_delay_whose_destination_stands_still_cannot_be_seen(system: SmallSystem) -> None:
    eventually(lambda: whole(system))
    stand = stand_on(system, "latency")
    link = next(each for each in stand.environment.inventory().links if each.name == stand.target.name)
    identity = stand.environment.live_identity(link.destination_instance)
    assert identity is not None
    undo = stand.prepare()
    stand.environment.pause(identity, time.time() + 60)
    try:
        assert stand.active(undo).active is Active.UNKNOWN
    finally:
        stand.environment.resume(identity)


def test_a_delay_dies_with_its_proxy(system: SmallSystem) -> None:
    stand = stand_on(system, "latency")
    undo = stand.prepare()
    stand.fault.inject(stand.environment, undo)
    stand.until(undo, Active.YES)
    state = read_state(system.home / "platform" / "state.json")
    assert state is not None
    for proxy in state.proxies:
        assert proxy.pid is not None
        os.kill(proxy.pid, signal.SIGKILL)
    stand.fault.revert(stand.environment, undo)
    stand.until(undo, Active.NO)
    eventually(lambda: whole(system))


class TestWithoutItsLauncher:
    """The last ones here: they take the launcher and then the whole system away."""

    def test_a_hold_stands_until_a_new_launcher_ends_it(self, system: SmallSystem) -> None:
        stand = stand_on(system, "kill")
        undo = stand.prepare(seconds=3)
        stand.fault.inject(stand.environment, undo)
        state = read_state(system.home / "platform" / "state.json")
        assert state is not None
        os.kill(state.launcher["pid"], signal.SIGKILL)
        with pytest.raises(ActionFailed, match="the launcher did not release"):
            stand.fault.revert(stand.environment, undo)
        seen = stand.active(undo).active
        assert seen is Active.YES or time.time() >= undo.lease.expires_at
        system.start()
        stand.until(undo, Active.NO)
        assert time.time() >= undo.lease.expires_at

    @pytest.mark.parametrize("kind", sorted(EXAMPLES))
    def test_nothing_is_left_of_a_fault_when_the_system_is_taken_down(self, system: SmallSystem, kind: str) -> None:
        if system.broken():
            system.start()
        stand = stand_on(system, kind)
        undo = stand.prepare()
        stand.fault.inject(stand.environment, undo)
        stand.until(undo, Active.YES)
        system.stop()
        assert stand.active(undo).active is Active.NO
        with pytest.raises(SystemDown, match="runs"):
            stand.environment.inventory()
        system.start()


def test_a_platform_that_was_never_started_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings: dict[str, JSON] = {"state": str(tmp_path / "state.json")}
    environment = open_environment(EnvironmentRef(kind="local", name="local", settings=settings))
    with pytest.raises(SystemDown) as refused:
        environment.inventory()
    assert "chaos platform up" in refused.value.hint
