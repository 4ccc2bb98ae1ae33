"""What a simulated world says to faults that restart, freeze or starve one of its processes."""

from __future__ import annotations

from chaos.environments.simulated.world import Scarcity, World
from chaos.model.capabilities import FileLimit, Identity, Means
from chaos.model.errors import ActionFailed

NORMAL_FILES, NORMAL_ROOM_BYTES = 1024, 64 * 2**20


class SimulatedResources:
    """The capabilities that change what a process has: CanRestart, CanFreeze, CanLimit..., CanFillDisk."""

    world: World

    def kill_once(self, identity: Identity) -> None:
        name = self.world.find(identity)
        if name is not None:
            self.world.kill_once(name)

    def means_to_freeze(self, identity: Identity, name: str) -> Means:
        return {"by": name}

    def freeze(self, identity: Identity, means: Means, until: float) -> None:
        self._set(identity, "frozen", means)

    def thaw(self, identity: Identity, means: Means) -> None:
        self._clear(identity, "frozen", means)

    def standing_still(self, identity: Identity, means: Means) -> tuple[int, int]:
        name = self.world.find(identity)
        return (0, 0) if name is None else (int(self.world.has_scarcity(name, "frozen")), 1)

    def means_to_limit_cpu(self, identity: Identity, name: str) -> Means:
        return {"by": name}

    def limit_cpu(self, identity: Identity, means: Means, left_share: float, until: float) -> None:
        self._set(identity, "cpu", {**means, "left": str(left_share)})

    def lift_cpu_limit(self, identity: Identity, means: Means) -> None:
        self._clear(identity, "cpu", means)

    def cpu_had_share(self, identity: Identity, means: Means) -> float | None:
        limit = self._get(identity, "cpu", means)
        return float(limit["left"]) if limit else None

    def means_to_limit_memory(self, identity: Identity, name: str) -> Means:
        return {"by": name}

    def limit_memory(self, identity: Identity, means: Means, more_bytes: int) -> None:
        self._set(identity, "memory", means)

    def lift_memory_limit(self, identity: Identity, means: Means) -> None:
        self._clear(identity, "memory", means)

    def memory_refused(self, identity: Identity, means: Means, more_bytes: int) -> bool | None:
        return True if self._get(identity, "memory", means) else None

    def means_to_limit_processes(self, identity: Identity, name: str) -> Means:
        return {"by": name}

    def limit_processes(self, identity: Identity, means: Means, more: int) -> None:
        self._set(identity, "processes", means)

    def lift_process_limit(self, identity: Identity, means: Means) -> None:
        self._clear(identity, "processes", means)

    def fork_refused(self, identity: Identity, means: Means, more: int) -> bool | None:
        return True if self._get(identity, "processes", means) else None

    def means_to_limit_files(self, identity: Identity, more: int) -> Means:
        return {"by": "files", "limit": more}

    def limit_files(self, identity: Identity, means: Means) -> None:
        self._set(identity, "files", means)

    def lift_file_limit(self, identity: Identity, means: Means) -> None:
        self._clear(identity, "files", means)

    def file_limit(self, identity: Identity) -> FileLimit | None:
        name = self.world.find(identity)
        if name is None:
            return None
        limits = [int(each["limit"]) for each in self.world.processes[name].scarcities["files"].values()]
        limit = min([NORMAL_FILES, *limits])
        return FileLimit(limit, limit)

    def means_to_fill(self, instance: str, name: str) -> Means:
        return {"by": name, "instance": instance}

    def fill_disk(self, means: Means) -> None:
        self.world.set_scarcity(str(means["instance"]), "disk", str(means["by"]), means)

    def empty_disk(self, means: Means) -> None:
        self.world.clear_scarcity(str(means["instance"]), "disk", str(means["by"]))

    def room_bytes(self, means: Means) -> int | None:
        instance = str(means["instance"])
        if instance not in self.world.processes:
            return None
        return 0 if self.world.has_scarcity(instance, "disk") else NORMAL_ROOM_BYTES

    def _set(self, identity: Identity, what: Scarcity, means: Means) -> None:
        name = self.world.find(identity)
        if name is None:
            raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")
        self.world.set_scarcity(name, what, str(means["by"]), means)

    def _clear(self, identity: Identity, what: Scarcity, means: Means) -> None:
        name = self.world.find(identity)
        if name is not None:
            self.world.clear_scarcity(name, what, str(means["by"]))

    def _get(self, identity: Identity, what: Scarcity, means: Means) -> Means | None:
        name = self.world.find(identity)
        return None if name is None else self.world.processes[name].scarcities[what].get(str(means["by"]))
