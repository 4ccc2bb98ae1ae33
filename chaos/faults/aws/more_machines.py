"""aws/more_machines: an Auto Scaling group has more machines, as before users of another region come."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws import CanAddMachines
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class MoreMachines(Struct, frozen=True, kw_only=True):
    """Asks an Auto Scaling group for `machines`, more than it has, and for as many as before when it ends.

    Nothing is broken: it is the room that what stands under `meanwhile` needs. While it lasts the group may scale, but
    not below that. AWS bills the machines, so it needs `mayBill`. Seen as active when that many are in service; as over
    when the group has no more than it is asked for. What was asked for before stands in a tag of the group; a detached
    process ends the lease.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanAddMachines
    stacks: ClassVar[bool] = False
    machines: Annotated[int, Meta(ge=1)]

    def prepare(self, environment: CanAddMachines, target: Target, lease: Lease) -> Undo:
        found = environment.capacity(target.name)
        if found is None or found.wanted >= self.machines:
            said = "does not exist" if found is None else f"is asked for {found.wanted} machines"
            raise ActionFailed(f"{target.name} {said}, so {self.machines} would not be more", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"wanted": found.wanted})

    def inject(self, environment: CanAddMachines, undo: Undo) -> None:
        environment.add_machines(undo.target, undo.lease.holder, self.machines, undo.lease.expires_at)

    def revert(self, environment: CanAddMachines, undo: Undo) -> None:
        environment.restore_capacity(undo.target, undo.lease.holder)

    def active(self, environment: CanAddMachines, undo: Undo) -> Observation:
        found = environment.capacity(undo.target)
        if found is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        said = f"{undo.target} {found.words}"
        if not found.held or found.wanted < self.machines:
            return Observation(Active.NO if found.present <= found.wanted else Active.UNKNOWN, said)
        return Observation(Active.YES if found.in_service >= self.machines else Active.UNKNOWN, said)
