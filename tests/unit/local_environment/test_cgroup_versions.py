"""Control groups of both versions on folders that stand for the kernel's files. Version 2 was tried in no other way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from chaos.environments.local import processes
from chaos.environments.local.cgroup_versions import Controller
from chaos.environments.local.cgroups import Cgroups
from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed


class Kernel:
    """The files of one machine with this very process in it."""

    def __init__(self, root: Path, version: int, delegated: str = "cpu memory pids") -> None:
        self.root = root
        self.pid = os.getpid()
        started = int(Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[19])
        self.identity: Identity = {"pid": self.pid, "started": started}
        self.home = root / "slice" / "app.scope"
        self.home.mkdir(parents=True)
        for group in (root, root / "slice", self.home):
            (group / "cgroup.procs").write_text("")
        mounts = {1: f"cgroup {root} cgroup rw,cpu 0 0\n", 2: f"cgroup2 {root} cgroup2 rw 0 0\n"}
        (root / "cgroup.controllers").write_text("cpu memory pids\n")
        (root / "cgroup.subtree_control").write_text("cpu memory pids\n")
        (root / "slice" / "cgroup.subtree_control").write_text(delegated + "\n")
        proc = root / "proc"
        for folder in ("self", str(self.pid)):
            (proc / folder).mkdir(parents=True)
        (proc / "self" / "mounts").write_text("proc /proc proc rw 0 0\n" + mounts[version])
        line = {1: "3:cpu:/slice/app.scope", 2: "0::/slice/app.scope"}[version]
        (proc / str(self.pid) / "cgroup").write_text(line + "\n")
        self.cgroups = Cgroups(proc, shutil.rmtree)

    def enter(self, controller: Controller, amount: float) -> Path:
        means = self.cgroups.means(controller, self.identity, "a run-1.1")
        self.cgroups.enter(self.identity, means, amount)
        return Path(str(means["group"]))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder keeps one line of cgroup.procs, so the process is to have no family."""
    monkeypatch.setattr(processes, "family", lambda identity: (int(identity["pid"]),))


@pytest.mark.parametrize(
    ("controller", "amount", "file", "text"),
    [
        ("cpu", 0.05, "cpu.max", "5000 100000"),
        ("memory", 8 * 2**20, "memory.max", "8388608"),
        ("pids", 3, "pids.max", "3"),
    ],
)
def test_version_2_limits_in_a_group_beside_the_own_one(
    tmp_path: Path, controller: Controller, amount: float, file: str, text: str
) -> None:
    kernel = Kernel(tmp_path, 2)
    group = kernel.enter(controller, amount)
    assert group == tmp_path / "slice" / "steadfast-a_run-1.1", "a group with processes may have no controlled children"
    assert (group / file).read_text() == text
    assert (group / "cgroup.procs").read_text() == str(kernel.pid)


def test_version_2_takes_the_nearest_group_that_hands_the_controller_down(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 2, delegated="pids")
    assert kernel.enter("cpu", 0.05).parent == tmp_path
    assert kernel.enter("pids", 2).parent == tmp_path / "slice"


def test_version_2_freezes_inside_the_own_group_and_believes_only_the_kernels_word(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 2)
    means = kernel.cgroups.means("freezer", kernel.identity, "a run-1.1")
    kernel.cgroups.enter(kernel.identity, means, 1)
    group = Path(str(means["group"]))
    assert group.parent == kernel.home
    assert (group / "cgroup.freeze").read_text() == "1"
    assert not kernel.cgroups.is_frozen(means), "it was told to, and has not said that it is"
    (group / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert kernel.cgroups.is_frozen(means)
    kernel.cgroups.leave(means)
    assert not group.exists()
    assert (kernel.home / "cgroup.procs").read_text() == str(kernel.pid)


def test_version_1_limits_inside_the_own_group(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 1)
    group = kernel.enter("cpu", 0.05)
    assert group.parent == kernel.home
    assert (group / "cpu.cfs_quota_us").read_text() == "5000"
    assert (group / "cpu.cfs_period_us").read_text() == "100000"


def test_twice_is_once_and_leaving_what_is_gone_is_fine(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 2)
    means = kernel.cgroups.means("cpu", kernel.identity, "a run-1.1")
    kernel.cgroups.leave(means)
    for _ in range(2):
        kernel.cgroups.enter(kernel.identity, means, 0.05)
    for _ in range(2):
        kernel.cgroups.leave(means)
    assert not Path(str(means["group"])).exists()


def test_why_not_is_said_before_anything_is_done(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 1)
    assert kernel.cgroups.refusal("memory", kernel.pid) == "this machine has no control groups for memory"
    assert kernel.cgroups.refusal("cpu", kernel.pid) == ""
    (tmp_path / "proc" / str(kernel.pid) / "cgroup").write_text("3:cpu:/elsewhere\n")
    assert "cannot be seen from here" in kernel.cgroups.refusal("cpu", kernel.pid)
    assert kernel.cgroups.refusal("cpu", 1) == "process 1 is gone"


def test_a_controller_that_nobody_hands_down_is_refused(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 2, delegated="")
    (tmp_path / "cgroup.subtree_control").write_text("pids\n")
    assert "hands the cpu controller down" in kernel.cgroups.refusal("cpu", kernel.pid)
    with pytest.raises(ActionFailed) as failed:
        kernel.cgroups.means("cpu", kernel.identity, "a run-1.1")
    assert failed.value.took_effect == "no"


def test_a_process_that_another_fault_holds_is_refused(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, 2)
    (tmp_path / "slice" / "steadfast-other-1.1").mkdir()
    (tmp_path / "proc" / str(kernel.pid) / "cgroup").write_text("0::/slice/steadfast-other-1.1\n")
    assert "another fault holds" in kernel.cgroups.refusal("cpu", kernel.pid)
