"""aws/capacity: an Auto Scaling group has fewer machines, and gets no new ones meanwhile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws import CanSetCapacity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class Capacity(Struct, frozen=True, kw_only=True):
    """Asks an Auto Scaling group for `machines` (0 by default; never for more than it has), and back when it ends.

    The machines are terminated: those that come afterwards are new ones. Seen as active when the group has that many,
    all in service; as over when as many as before are asked for and in service. What was asked for before stands in a
    tag of the group; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanSetCapacity
    stacks: ClassVar[bool] = False
    machines: Annotated[int, Meta(ge=0)] = 0

    def prepare(self, environment: CanSetCapacity, target: Target, lease: Lease) -> Undo:
        found = environment.capacity(target.name)
        if found is None or found.wanted <= self.machines:
            said = "does not exist" if found is None else f"is asked for {found.wanted} machines"
            raise ActionFailed(f"{target.name} {said}, so {self.machines} would not be fewer", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"wanted": found.wanted})

    def inject(self, environment: CanSetCapacity, undo: Undo) -> None:
        environment.set_capacity(undo.target, undo.lease.holder, self.machines, undo.lease.expires_at)

    def revert(self, environment: CanSetCapacity, undo: Undo) -> None:
        environment.restore_capacity(undo.target, undo.lease.holder)

    def active(self, environment: CanSetCapacity, undo: Undo) -> Observation:
        found = environment.capacity(undo.target)
        if found is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        said = f"{undo.target} {found.words}"
        if not found.held and found.wanted != self.machines:
            return Observation(Active.NO if found.in_service >= found.wanted else Active.UNKNOWN, said)
        reached = found.wanted == found.present == found.in_service == self.machines
        return Observation(Active.YES if reached else Active.UNKNOWN, said)
