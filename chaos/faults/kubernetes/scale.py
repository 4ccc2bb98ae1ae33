"""kubernetes/scale: a workload is asked for another number of pods, and back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanScale
from chaos.model.system import Target


class Scale(Struct, frozen=True, kw_only=True):
    """Asks a Deployment, StatefulSet or ReplicaSet for `replicas` pods (0 by default), and back when it ends.

    Seen as active when the cluster wants that number and has it, all ready; as over when it wants as many as before.
    What was asked for before stands in an annotation of the workload; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanScale
    stacks: ClassVar[bool] = False
    replicas: Annotated[int, Meta(ge=0, le=10_000)] = 0

    def prepare(self, environment: CanScale, target: Target, lease: Lease) -> Undo:
        found = environment.scale_of(target.name)
        if found is None or found.wanted == self.replicas:
            said = "does not exist" if found is None else f"is asked for {self.replicas} pods already"
            raise ActionFailed(f"{target.name} {said}, so nothing would change", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"wanted": found.wanted})

    def inject(self, environment: CanScale, undo: Undo) -> None:
        environment.scale(undo.target, undo.lease.holder, self.replicas, undo.lease.expires_at)

    def revert(self, environment: CanScale, undo: Undo) -> None:
        environment.unscale(undo.target, undo.lease.holder)

    def active(self, environment: CanScale, undo: Undo) -> Observation:
        found = environment.scale_of(undo.target)
        if found is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        said = f"{undo.target} is to have {found.wanted} pods, has {found.present}, {found.ready} of them ready"
        if not found.held and found.wanted != self.replicas:
            return Observation(Active.NO, said)
        reached = found.wanted == found.present == found.ready == self.replicas
        return Observation(Active.YES if reached else Active.UNKNOWN, said)
