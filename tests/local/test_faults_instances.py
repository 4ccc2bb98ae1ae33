"""The faults that starve, freeze or restart an instance, on real processes, seen by what the instance can do."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from chaos.environments.local import LocalEnvironment, open_environment, processes
from chaos.environments.local.cgroups import Cgroups
from chaos.model.capabilities import CanFillDisk, CanFreeze, CanLimitCpu, Identity, Means
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Undo
from chaos.model.system import JSON, Instance
from target_platform.launcher.spec import InstanceSpec, LaunchSpec
from tests.local.small_system import SmallSystem
from tests.local.stand import Stand

BASE_PORT = 24000
EXAMPLES: dict[str, dict[str, JSON]] = {
    "restart": {},
    "freeze": {},
    "cpu_stress": {"left_share": 0.05},
    "memory_stress": {"headroom_bytes": 8 * 2**20},
    "limit_processes": {},
    "limit_files": {},
    "disk_full": {},
}
HELD = sorted(set(EXAMPLES) - {"restart"})
CONFINING = ("cpu_stress", "memory_stress", "limit_processes")
DATA_BYTES = 2**20
OTHER_HOLDER = "1.2"

no_cgroups = Cgroups().refusal("cpu", os.getpid())


def spec(base_port: int, home: Path) -> LaunchSpec:
    def instance(number: int) -> InstanceSpec:
        data = home / f"data-{number}"
        data.mkdir(parents=True, exist_ok=True)
        return InstanceSpec(
            name=f"east/worker-{number}",
            service="worker",
            region="east",
            port=base_port + number,
            command=(sys.executable, "-m", "tests.local.starved_server", "{port}", str(data)),
            environment={"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            ready_path="",
            data_dir=str(data),
            data_limit_bytes=DATA_BYTES if number == 1 else 0,
        )

    return LaunchSpec(name="starved", regions=("east",), instances=(instance(1), instance(2)))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    home = tmp_path_factory.mktemp("starved")
    small = SmallSystem(home, BASE_PORT, lambda port: spec(port, home))
    small.start()
    try:
        yield small
    finally:
        small.stop()
        assert str(home) not in Path("/proc/self/mounts").read_text()


class Trial(Stand):
    """One fault on the first worker. `put_right` undoes what a test that failed midway has left."""

    def __init__(self, system: SmallSystem, kind: str) -> None:
        super().__init__(system, kind, EXAMPLES[kind])
        self.kind = kind
        self.run = f"test-{os.getpid()}"
        self.prepared: list[Undo] = []

    @property
    def worker(self) -> Instance:
        """As it is now."""
        return self.environment.inventory().instances[0]

    def prepare(self, seconds: float = 30) -> Undo:
        lease = Lease(self.run, "1.1", time.time() + seconds)
        self.prepared.append(self.fault.prepare(self.environment, self.worker, lease))
        return self.prepared[-1]

    def injected(self) -> Undo:
        undo = self.prepare()
        self.inject(undo)
        return undo

    def seen_active(self, undo: Undo) -> None:
        eventually(lambda: self.active(undo).active is Active.YES)

    def is_effective(self) -> bool:
        """What the instance itself shows of it."""
        if self.kind == "limit_files":  # an accept that waits has its descriptor already
            asked(self.worker.address, "hello", patience=1.0)
        seconds, said = asked(self.worker.address, WORDS[self.kind], patience=1.0)
        return not said or said.startswith("refused") or seconds > 0.3

    def put_right(self) -> None:
        environment = self.system.open()
        assert isinstance(environment, LocalEnvironment)
        for undo in self.prepared:
            self.fault.revert(environment, undo)
            environment.let_go(undo.target, OTHER_HOLDER)

    def residue(self) -> list[str]:
        groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/steadfast-{self.run}*")]
        return groups + [str(path) for path in self.system.home.glob("data-*/.steadfast-*")]


WORDS = {
    "freeze": "hello",
    "cpu_stress": "burn",
    "memory_stress": "take",
    "limit_processes": "fork",
    "limit_files": "hello",
    "disk_full": "write",
}


def asked(address: str, word: str, patience: float = 5.0) -> tuple[float, str]:
    """Seconds until the answer, and the answer; empty for none."""
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), timeout=patience) as connection:
            connection.sendall(word.encode())
            said = connection.recv(64).decode()
    except OSError:
        said = ""
    return time.monotonic() - began, said


def cgroup_of(pid: int | str) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


def is_zombie(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def eventually(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture(params=sorted(EXAMPLES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stand(system: SmallSystem, kind: str) -> Iterator[Trial]:
    if kind in CONFINING and no_cgroups:
        pytest.skip("control groups cannot be written here")
    (system.home / "data-1" / "written").unlink(missing_ok=True)
    made = Trial(system, kind)
    eventually(lambda: all(asked(each.address, "hello")[1] for each in made.environment.inventory().instances))
    if kind == "disk_full" and made.environment.refusal(CanFillDisk, made.target.name):
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        yield made
        left = made.residue()
    finally:
        made.put_right()
    assert left == [], "the test reverts what it injects"


@pytest.mark.parametrize("kind", HELD)
def test_it_is_inactive_then_active_then_inactive_as_the_instance_itself_shows(stand: Trial) -> None:
    undo = stand.prepare()
    assert stand.residue() == [], "preparing changes nothing"
    assert stand.active(undo).active is Active.NO
    stand.fault.inject(stand.environment, undo)
    stand.seen_active(undo)
    assert stand.is_effective()
    stand.fault.revert(stand.environment, undo)
    assert stand.active(undo).active is Active.NO
    if stand.kind != "disk_full":
        eventually(lambda: asked(stand.worker.address, "hello")[1])
    (stand.system.home / "data-1" / "written").unlink(missing_ok=True)
    eventually(lambda: not stand.is_effective())


@pytest.mark.parametrize("kind", HELD)
def test_twice_is_once_and_a_fresh_process_can_undo_it(stand: Trial) -> None:
    undo = stand.injected()
    stand.fault.inject(stand.environment, undo)
    stand.seen_active(undo)
    ref = msgspec.json.decode(msgspec.json.encode(stand.environment.ref), type=EnvironmentRef)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    for _ in range(2):
        stand.fault.revert(open_environment(ref), again)
    assert stand.active(undo).active is Active.NO


def test_reverting_what_was_never_injected_changes_nothing(stand: Trial) -> None:
    undo = stand.prepare()
    before = stand.worker.identity
    stand.fault.revert(stand.environment, undo)
    assert stand.active(undo).active is Active.NO
    assert stand.worker.identity == before
    assert asked(stand.worker.address, "hello")[1]


def test_a_target_that_died_meanwhile_counts_as_reverted_and_leaves_nothing(stand: Trial) -> None:
    undo = stand.injected()
    stand.environment.hold_down(stand.worker.name, OTHER_HOLDER, time.time() + 30)  # kills it; a hold has no back-off
    stand.environment.let_go(stand.worker.name, OTHER_HOLDER)
    eventually(lambda: asked(stand.worker.address, "hello")[1])
    stand.fault.revert(stand.environment, undo)
    assert stand.active(undo).active.over
    assert asked(stand.worker.address, "hello")[1]


def test_the_plan_names_who_ends_its_lease(stand: Trial) -> None:
    holder = stand.environment.lease_holder(stand.fault.needs)
    assert holder.detached is (stand.kind != "restart")


@pytest.mark.parametrize("kind", ["freeze", "disk_full"])
def test_the_stand_itself_puts_right_what_a_test_leaves_that_failed_midway(stand: Trial) -> None:
    undo = stand.injected()
    stand.seen_active(undo)
    stand.environment.hold_down(stand.worker.name, OTHER_HOLDER, time.time() + 30)
    stand.put_right()
    eventually(lambda: asked(stand.worker.address, "hello")[1])
    assert stand.active(undo).active is Active.NO


@pytest.mark.parametrize("kind", ["restart"])
def test_a_restart_strikes_once_and_the_supervisor_brings_a_new_process(stand: Trial) -> None:
    before = stand.worker.identity
    undo = stand.injected()
    eventually(lambda: stand.active(undo).active.struck)
    eventually(lambda: stand.active(undo).active is Active.PASSED)
    assert stand.worker.identity not in (None, before)
    stand.fault.inject(stand.environment, undo)
    after = stand.worker.identity
    time.sleep(0.1)
    assert stand.worker.identity == after, "its successor is another process, and is left alone"


@pytest.mark.parametrize("kind", ["freeze"])
def test_a_whole_family_stands_still_whether_by_a_control_group_or_by_signals(stand: Trial) -> None:
    class WithoutCgroups(Cgroups):
        def refusal(self, controller: Any, pid: int) -> str:
            return "not here"

    for cgroups in (Cgroups(), WithoutCgroups()):
        stand.environment.cgroups = cgroups
        undo = stand.injected()
        stand.seen_active(undo)
        assert stand.active(undo).evidence == "3 of 3 processes of east/worker-1 stand still"
        assert stand.is_effective()
        stand.fault.revert(stand.environment, undo)
        assert stand.active(undo).active is Active.NO


@pytest.mark.parametrize("kind", ["freeze"])
def test_a_frozen_instance_can_be_held_down_by_the_launcher(stand: Trial) -> None:
    undo = stand.injected()
    stand.seen_active(undo)
    stand.environment.hold_down(stand.worker.name, OTHER_HOLDER, time.time() + 60)  # raises when it takes too long
    assert stand.active(undo).active is Active.NO
    stand.environment.let_go(stand.worker.name, OTHER_HOLDER)
    eventually(lambda: asked(stand.worker.address, "hello")[1])
    stand.fault.revert(stand.environment, undo)


@pytest.mark.parametrize("kind", ["cpu_stress"])
def test_what_is_forked_under_a_limit_is_under_it_too_and_comes_out_with_it(stand: Trial) -> None:
    home = cgroup_of(cast(Identity, stand.worker.identity)["pid"])
    undo = stand.injected()
    child = asked(stand.worker.address, "fork")[1].split()[1]
    assert "steadfast-" in cgroup_of(child)
    stand.fault.revert(stand.environment, undo)
    assert cgroup_of(child) == home
    os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("kind", ["cpu_stress"])
def test_the_busy_neighbour_is_one_and_ends_with_the_fault(stand: Trial) -> None:
    undo = stand.injected()
    stand.fault.inject(stand.environment, undo)
    family = set(processes.family(cast(Identity, stand.worker.identity)))
    means = cast(Means, undo.data["means"])
    eventually(lambda: stand.environment.cgroups.members(means) - family)
    [neighbour] = stand.environment.cgroups.members(means) - family
    stand.fault.revert(stand.environment, undo)
    eventually(lambda: processes.threads(neighbour) == 0 or is_zombie(neighbour))


@pytest.mark.parametrize("kind", ["cpu_stress"])
def test_two_faults_of_one_kind_on_one_instance_are_refused_before_the_act(stand: Trial) -> None:
    undo = stand.injected()
    assert "another fault holds" in stand.environment.refusal(CanLimitCpu, stand.worker.name)
    assert stand.environment.refusal(CanFreeze, stand.worker.name) == ""
    with pytest.raises(ActionFailed, match="another fault holds") as failed:
        stand.prepare()
    assert failed.value.took_effect == "no"
    stand.fault.revert(stand.environment, undo)


@pytest.mark.parametrize("kind", ["memory_stress"])
def test_an_instance_that_takes_more_than_its_headroom_is_killed_and_comes_back_without_the_limit(stand: Trial) -> None:
    before = stand.worker.identity
    undo = stand.injected()
    asked(stand.worker.address, "take")
    eventually(lambda: stand.worker.identity not in (None, before))
    assert stand.active(undo).active is Active.NO
    eventually(lambda: asked(stand.worker.address, "take")[1])
    stand.fault.revert(stand.environment, undo)


@pytest.mark.parametrize("kind", ["disk_full"])
def test_a_full_disk_fails_writes_with_no_space_left_and_only_where_it_is_small(stand: Trial) -> None:
    undo = stand.injected()
    assert asked(stand.worker.address, "write")[1] == f"refused {errno.ENOSPC}"
    stand.fault.revert(stand.environment, undo)
    other = stand.environment.inventory().instances[1]
    assert "no file system of its own" in stand.environment.refusal(CanFillDisk, other.name)
    with pytest.raises(ActionFailed, match="no file system of its own"):
        stand.fault.prepare(stand.environment, other, undo.lease)


EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: starved
hypothesis: Whatever happens to the run, nothing stays starved.
steadyState:
  - name: processes are alive
    probe: {process_alive: {service: worker, every: 500ms}}
    target: ">= 10%"
    minSamples: 1
method:
  - parallel:
STEPS
recovery: 0s
limits: {leaseMargin: 20s}
"""
ENVIRONMENT = """
apiVersion: chaos/v1
kind: Environment
name: local
type: local
armed: true
"""


def experiment(folder: Path, target: str, *faults: str) -> Path:
    """An experiment that does all this to one instance at once, with its environment beside it."""
    steps = "".join(
        f"      - fault: {{{fault}}}\n        target: {{instance: {{name: {target}}}}}\n        duration: 20s\n"
        for fault in faults
    )
    path = folder / "starved.yaml"
    path.write_text(EXPERIMENT.replace("STEPS\n", steps))
    (folder / "local.yaml").write_text(ENVIRONMENT)
    return path


def possible_faults(environment: LocalEnvironment) -> list[str]:
    faults = ["freeze: {}", "limit_files: {more: 100}"]
    if not no_cgroups:
        faults += ["cpu_stress: {left: 50%}", "memory_stress: {headroom: 64MiB}", "limit_processes: {more: 9}"]
    if not environment.refusal(CanFillDisk, "east/worker-1"):
        faults.append("disk_full: {}")
    return faults


def test_kill_9_of_the_run_leaves_nothing_starved(system: SmallSystem, tmp_path: Path) -> None:
    environment = system.open()
    assert isinstance(environment, LocalEnvironment)
    faults = possible_faults(environment)
    before = list(Path("/sys/fs/cgroup").glob("*/**/steadfast-*starved*"))  # what others left, or run beside this
    path = experiment(tmp_path, "east/worker-1", *faults)
    run = system.start_chaos("run", str(path), "--environment", str(tmp_path / "local.yaml"))
    try:
        eventually(lambda: journal(system).count('"injected"') == len(faults), 60)
        run.kill()
        eventually(lambda: journal(system).count('"reverted"') == len(faults), 20)  # the leases are twice as long
    finally:
        run.kill()
        run.communicate()
    assert list(Path("/sys/fs/cgroup").glob("*/**/steadfast-*starved*")) == before
    worker = environment.inventory().instances[0]
    eventually(lambda: asked(worker.address, "hello")[1])


def test_what_is_not_possible_here_is_refused_by_the_plan(system: SmallSystem, tmp_path: Path) -> None:
    path = experiment(tmp_path, "east/worker-2", "disk_full: {}")
    refused = system.chaos("run", str(path), "--environment", str(tmp_path / "local.yaml"))
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "no file system of its own" in " ".join((refused.stdout + refused.stderr).split())


def journal(system: SmallSystem) -> str:
    return "".join(path.read_text() for path in (system.home / "runs").glob("*/journal.jsonl"))
