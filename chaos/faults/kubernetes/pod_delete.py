"""kubernetes/pod_delete: a pod is deleted, with or without grace, and its workload makes another one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.kubernetes import CanDeletePod, seen_ending
from chaos.model.system import Target


class PodDelete(Struct, frozen=True, kw_only=True):
    """Deletes a pod once: its processes have `grace` to end after SIGTERM; with 0s it is forced (SIGKILL at once).

    Strikes once: nothing is held and nothing taken back. Seen as active while the pod of that uid is ending,
    as passed when it is gone.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanDeletePod
    stacks: ClassVar[bool] = False
    grace_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30.0

    def prepare(self, environment: CanDeletePod, target: Target, lease: Lease) -> Undo:
        identity = environment.live_identity(target.name)
        if identity is None:
            raise ActionFailed(f"{target.name} does not run, so it cannot be deleted", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identity": {**identity}})

    def inject(self, environment: CanDeletePod, undo: Undo) -> None:
        environment.delete_pod(cast(Identity, undo.data["identity"]), self.grace_seconds)

    def revert(self, environment: CanDeletePod, undo: Undo) -> None:
        """Nothing to do: a new pod is the workload's part."""

    def active(self, environment: CanDeletePod, undo: Undo) -> Observation:
        return seen_ending(environment, undo)
