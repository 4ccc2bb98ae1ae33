"""disk_full: nothing more can be written to an instance's data directory."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import CanFillDisk, Means
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class DiskFull(Struct, frozen=True, kw_only=True):
    """Fills the file system of an instance's data directory with a file, so that every write there fails (ENOSPC).

    Only where the data directory is a small file system of its own (`data_limit_bytes` in the launcher's file); never
    the machine's disk. Seen by writing: active when not one block can be written; over when it can, or the directory
    is gone. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanFillDisk
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanFillDisk, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        means = environment.means_to_fill(target.name, f"{lease.run}-{lease.injection}")
        return Undo(target=target.name, lease=lease, data={"means": {**means}})

    def inject(self, environment: CanFillDisk, undo: Undo) -> None:
        environment.fill_disk(_means(undo))

    def revert(self, environment: CanFillDisk, undo: Undo) -> None:
        environment.empty_disk(_means(undo))

    def active(self, environment: CanFillDisk, undo: Undo) -> Observation:
        room = environment.room_bytes(_means(undo))
        if room is None:
            return Observation(Active.NO, f"{undo.target} has no such data directory any more")
        if room == 0:
            return Observation(Active.YES, f"not one block could be written to the data of {undo.target}")
        return Observation(Active.NO, f"{room} bytes could be written to the data of {undo.target}")


def _means(undo: Undo) -> Means:
    return cast(Means, undo.data["means"])
