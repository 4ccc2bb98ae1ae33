"""kubernetes/evict: a pod is evicted as by a drain, if its disruption budget allows that."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.kubernetes import CanEvict, seen_ending
from chaos.model.system import Target


class Evict(Struct, frozen=True, kw_only=True):
    """Evicts a pod once, with the grace period that it asks for. What a PodDisruptionBudget refuses is not injected.

    Strikes once: nothing is held and nothing taken back. Seen as active while the pod of that uid is ending,
    as passed when it is gone.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanEvict
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanEvict, target: Target, lease: Lease) -> Undo:
        identity = environment.live_identity(target.name)
        if identity is None:
            raise ActionFailed(f"{target.name} does not run, so it cannot be evicted", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identity": {**identity}})

    def inject(self, environment: CanEvict, undo: Undo) -> None:
        environment.evict(cast(Identity, undo.data["identity"]))

    def revert(self, environment: CanEvict, undo: Undo) -> None:
        """Nothing to do: a new pod is the workload's part."""

    def active(self, environment: CanEvict, undo: Undo) -> Observation:
        return seen_ending(environment, undo)
