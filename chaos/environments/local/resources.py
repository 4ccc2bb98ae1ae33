"""What can be taken from a process while it runs: its turn, CPU, memory, forks, files and room on its disk."""

from __future__ import annotations

from typing import cast

from chaos.environments.local import data_disk, file_limits, neighbours, processes, trials
from chaos.environments.local.cgroup_versions import Controller
from chaos.environments.local.cgroups import Cgroups
from chaos.environments.local.state import InstanceStatus
from chaos.model.capabilities import (
    CanFillDisk,
    CanFreeze,
    CanLimitCpu,
    CanLimitFiles,
    CanLimitMemory,
    CanLimitProcesses,
    FileLimit,
    Identity,
    Means,
)
from chaos.model.errors import ActionFailed

CONTROLLERS: dict[type, Controller] = {CanLimitCpu: "cpu", CanLimitMemory: "memory", CanLimitProcesses: "pids"}

WITHOUT_A_TIMER = {CanFreeze, CanLimitFiles, CanFillDisk, *CONTROLLERS}
"""None of these effects ends by itself, so that their leases need a detached holder."""

_ROUNDS = 20


class Resources:
    """The capabilities that work on processes as the operating system has them. `_find` looks an instance up."""

    cgroups = Cgroups()

    def live_identity(self, instance: str) -> Identity | None:
        raise ActionFailed(f"{instance} cannot be looked up")

    def _find(self, instance: str) -> InstanceStatus | None:
        raise ActionFailed(f"{instance} cannot be looked up")

    def refusal(self, capability: type, target: str) -> str:
        """Of an instance that does not run nothing is known yet: the fault itself says so."""
        if capability is CanFillDisk:
            found = self._find(target)
            return data_disk.refusal(found.data_dir) if found else ""
        identity = self.live_identity(target) if capability in (CanLimitFiles, *CONTROLLERS) else None
        if identity is None:
            return ""
        if capability is CanLimitFiles:
            return file_limits.refusal(identity)
        return self.cgroups.refusal(CONTROLLERS[capability], int(identity["pid"]))

    def kill_once(self, identity: Identity) -> None:
        processes.kill(identity)

    def means_to_freeze(self, identity: Identity, name: str) -> Means:
        """By signals where no group can be made: that works for whoever runs the instance."""
        if self.cgroups.refusal("freezer", int(identity["pid"])):
            return {"by": "signals"}
        return self.cgroups.means("freezer", identity, name)

    def freeze(self, identity: Identity, means: Means, until: float) -> None:
        if means["by"] == "cgroup":
            self.cgroups.enter(identity, means, amount=1)
            return
        for _ in range(_ROUNDS):
            moving = [pid for pid in processes.family(identity) if not processes.is_stopped(pid)]
            if not moving:
                break
            processes.stop_each(moving)
        if not processes.is_alive(identity):
            raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")

    def thaw(self, identity: Identity, means: Means) -> None:
        if means["by"] == "cgroup":
            self.cgroups.leave(means)
        else:
            processes.resume_each(processes.family(identity))

    def standing_still(self, identity: Identity, means: Means) -> tuple[int, int]:
        family = processes.family(identity)
        if means["by"] == "cgroup":
            frozen = self.cgroups.members(means) if self.cgroups.is_frozen(means) else frozenset()
            return len(frozen.intersection(family)), len(family)
        return sum(map(processes.is_stopped, family)), len(family)

    def means_to_limit_cpu(self, identity: Identity, name: str) -> Means:
        return self.cgroups.means("cpu", identity, name)

    def limit_cpu(self, identity: Identity, means: Means, left_share: float, until: float) -> None:
        self.cgroups.enter(identity, means, left_share)
        if self.cgroups.members(means) <= set(processes.family(identity)):
            neighbours.start_busy(means, until)

    def lift_cpu_limit(self, identity: Identity, means: Means) -> None:
        self.cgroups.leave(means)

    def cpu_had_share(self, identity: Identity, means: Means) -> float | None:
        return trials.cpu_had_share(means) if self._is_in(identity, means) else None

    def means_to_limit_memory(self, identity: Identity, name: str) -> Means:
        return self.cgroups.means("memory", identity, name)

    def limit_memory(self, identity: Identity, means: Means, more_bytes: int) -> None:
        """What it has stays charged to the group it comes from, so the limit is on what it takes from now on."""
        self.cgroups.enter(identity, means, more_bytes)

    def lift_memory_limit(self, identity: Identity, means: Means) -> None:
        self.cgroups.leave(means)

    def memory_refused(self, identity: Identity, means: Means, more_bytes: int) -> bool | None:
        return trials.memory_refused(means, more_bytes) if self._is_in(identity, means) else None

    def means_to_limit_processes(self, identity: Identity, name: str) -> Means:
        """The limit is on threads too, as the kernel counts them."""
        tasks = sum(map(processes.threads, processes.family(identity)))
        return {**self.cgroups.means("pids", identity, name), "tasks": tasks}

    def limit_processes(self, identity: Identity, means: Means, more: int) -> None:
        self.cgroups.enter(identity, means, int(means["tasks"]) + more)

    def lift_process_limit(self, identity: Identity, means: Means) -> None:
        self.cgroups.leave(means)

    def fork_refused(self, identity: Identity, means: Means, more: int) -> bool | None:
        return trials.fork_refused(means, more) if self._is_in(identity, means) else None

    def means_to_limit_files(self, identity: Identity, more: int) -> Means:
        return file_limits.means(identity, more)

    def limit_files(self, identity: Identity, means: Means) -> None:
        file_limits.lower(identity, means)

    def lift_file_limit(self, identity: Identity, means: Means) -> None:
        file_limits.put_back(identity, means)

    def file_limit(self, identity: Identity) -> FileLimit | None:
        return file_limits.seen(identity)

    def means_to_fill(self, instance: str, name: str) -> Means:
        found = self._find(instance)
        return data_disk.means(found.data_dir if found else "", name)

    def fill_disk(self, means: Means) -> None:
        data_disk.fill(means)

    def empty_disk(self, means: Means) -> None:
        data_disk.empty(means)

    def room_bytes(self, means: Means) -> int | None:
        return data_disk.room_bytes(means)

    def _is_in(self, identity: Identity, means: Means) -> bool:
        return processes.is_alive(identity) and cast(int, identity["pid"]) in self.cgroups.members(means)
