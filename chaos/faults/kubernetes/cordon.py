"""kubernetes/cordon: no new pods come to a node."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanCordon, open_node
from chaos.model.system import Target


class Cordon(Struct, frozen=True, kw_only=True):
    """Marks a node as unschedulable: its pods stay, new ones go elsewhere or wait.

    Seen as active when the node says so, as over when it does not. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["node"]] = "node"
    needs: ClassVar[type] = CanCordon
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanCordon, target: Target, lease: Lease) -> Undo:
        open_node(environment, target.name)
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanCordon, undo: Undo) -> None:
        environment.cordon(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanCordon, undo: Undo) -> None:
        environment.release_node(undo.target, undo.lease.holder)

    def active(self, environment: CanCordon, undo: Undo) -> Observation:
        state = environment.node_state(undo.target)
        if state is None:
            return Observation(Active.NO, f"node {undo.target} does not exist any more")
        said = f"node {undo.target} {'takes no new pods' if state.unschedulable else 'takes new pods'}"
        return Observation(Active.YES if state.unschedulable else Active.NO, said)
