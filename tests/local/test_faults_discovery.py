"""Discovery that answers stale or empty, under the real launcher; the list is read where services would read it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chaos.environments.local import open_environment
from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.capabilities import CanSpoilDiscovery
from chaos.model.errors import ActionFailed
from chaos.model.events import Judged
from chaos.model.fault import Active, Undo
from target_platform.launcher.spec import LaunchSpec
from tests.local.small_system import SmallSystem
from tests.local.small_system import spec as without_discovery
from tests.local.stand import Stand

BASE_PORT = 22900
KINDS = ("empty_discovery", "stale_discovery")


def spec(base_port: int) -> LaunchSpec:
    return msgspec.structs.replace(without_discovery(base_port), discovery=True)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("discovery"), BASE_PORT, spec)
    small.start()
    try:
        yield small
    finally:
        small.stop()


def stand_on(system: SmallSystem, kind: str) -> Stand:
    stand = Stand(system, kind, {})
    assert stand.target.name == "east"
    return stand


def until_whole(stand: Stand, region: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        seen = stand.environment.what_is_listed(region)
        if seen is not None and seen.instances == 6 and seen.age_seconds < seen.usual_seconds:
            return
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_seen_in_the_list_and_a_fresh_process_can_undo_it(system: SmallSystem, kind: str) -> None:
    stand = stand_on(system, kind)
    undo = stand.prepare()
    stand.until(undo, Active.NO)
    for _ in range(2):
        stand.fault.inject(stand.environment, undo)
    stand.until(undo, Active.YES)
    until_whole(stand, "west")  # it is one region's list only
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    for _ in range(2):
        stand.fault.revert(open_environment(stand.environment.ref), again)
    stand.until(undo, Active.NO)


def test_its_lease_ends_it_alone(system: SmallSystem) -> None:
    stand = stand_on(system, "empty_discovery")
    undo = stand.seen_under_a_short_lease()
    stand.until(undo, Active.NO)
    assert time.time() >= undo.lease.expires_at


@pytest.mark.parametrize("kind", KINDS)
def test_who_kills_the_run_leaves_a_whole_list(system: SmallSystem, kind: str, tmp_path: Path) -> None:
    stand = stand_on(system, kind)
    experiment = tmp_path / "spoilt.yaml"
    experiment.write_text(EXPERIMENT.format(kind=kind))
    run = system.start_chaos("run", str(experiment))
    try:
        undo = stand.prepare()
        stand.until(undo, Active.YES, 60)
        os.kill(run.pid, signal.SIGKILL)
        stand.until(undo, Active.NO, 15)  # the lease is more than twice as long
    finally:
        run.kill()
        run.communicate()
    until_judged(system)


def until_judged(system: SmallSystem) -> None:
    """The guardian of a killed run has ended: before that no other run may begin."""
    deadline = time.monotonic() + 30
    while not isinstance(read(all_runs(system.home)[-1].journal)[-1], Judged):
        assert time.monotonic() < deadline, "the guardian did not finish"
        time.sleep(0.05)


def test_processes_that_nobody_tells_anything_are_refused(tmp_path: Path) -> None:
    environment = open_environment(SmallSystem(tmp_path, 0).open().ref)
    assert "they have no discovery" in environment.refusal(CanSpoilDiscovery, "east")
    with pytest.raises(ActionFailed, match="they have no discovery"):
        environment.spoil_discovery("east", "a fault", "empty", time.time() + 1)
    assert environment.what_is_listed("east") is None


EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: spoilt
hypothesis: Whatever happens to the run, nothing stays broken.
steadyState:
  - name: processes are alive
    probe: {{process_alive: {{service: web, every: 500ms}}}}
    target: ">= 10%"
    minSamples: 1
method:
  - fault: {kind}
    target: {{region: {{name: east}}, amount: all}}
    duration: 15s
recovery: 0s
limits: {{leaseMargin: 20s}}
"""
