"""kubernetes/drain: a node is emptied as for maintenance."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanDrain, open_node
from chaos.model.system import Target


class Drain(Struct, frozen=True, kw_only=True):
    """Cordons a node and evicts the system's pods from it, those of DaemonSets excepted, as disruption budgets allow.

    Evictions that a budget refuses are asked for again for 30 s. Seen as active when the node takes no new pods and has
    none of the system's left; as over when it takes pods again: those that left do not come back by themselves. A
    detached process ends the lease.
    """

    target_kind: ClassVar[Literal["node"]] = "node"
    needs: ClassVar[type] = CanDrain
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanDrain, target: Target, lease: Lease) -> Undo:
        state = open_node(environment, target.name)
        return Undo(target=target.name, lease=lease, data={"pods": state.pods})

    def inject(self, environment: CanDrain, undo: Undo) -> None:
        environment.drain(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanDrain, undo: Undo) -> None:
        environment.release_node(undo.target, undo.lease.holder)

    def active(self, environment: CanDrain, undo: Undo) -> Observation:
        state = environment.node_state(undo.target)
        if state is None:
            return Observation(Active.NO, f"node {undo.target} does not exist any more")
        taken = "takes no new pods" if state.unschedulable else "takes new pods"
        said = f"node {undo.target} {taken} and has {state.pods} of the {undo.data['pods']} from before"
        if not state.unschedulable:
            return Observation(Active.NO, said)
        return Observation(Active.UNKNOWN if state.pods else Active.YES, said)
