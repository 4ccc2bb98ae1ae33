"""kubernetes/taint: a node repels pods that do not tolerate it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanTaint
from chaos.model.system import Target

_PATTERN = r"^[A-Za-z0-9./_-]+(=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$"


class Taint(Struct, frozen=True, kw_only=True):
    """Puts a taint on a node: with the effect NoExecute pods that do not tolerate it are driven out.

    Seen as active when the node bears the taint, as over when it does not. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["node"]] = "node"
    needs: ClassVar[type] = CanTaint
    stacks: ClassVar[bool] = False
    taint: Annotated[
        str,
        Meta(pattern=_PATTERN, description="key=value:effect with NoSchedule, PreferNoSchedule or NoExecute"),
    ] = "steadfast.dev/chaos=true:NoSchedule"

    def prepare(self, environment: CanTaint, target: Target, lease: Lease) -> Undo:
        state = environment.node_state(target.name)
        if state is None or self.taint in state.taints:
            said = "does not exist" if state is None else f"bears {self.taint} already"
            raise ActionFailed(f"{target.name} {said}, so nothing would change", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanTaint, undo: Undo) -> None:
        environment.taint(undo.target, undo.lease.holder, self.taint, undo.lease.expires_at)

    def revert(self, environment: CanTaint, undo: Undo) -> None:
        environment.release_node(undo.target, undo.lease.holder)

    def active(self, environment: CanTaint, undo: Undo) -> Observation:
        state = environment.node_state(undo.target)
        if state is None:
            return Observation(Active.NO, f"node {undo.target} does not exist any more")
        said = f"node {undo.target} bears {', '.join(state.taints) or 'no taint'}"
        return Observation(Active.YES if self.taint in state.taints else Active.NO, said)
