"""kubernetes/network_isolation: a pod reaches nobody and is reached by nobody."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanIsolatePods
from chaos.model.system import Instance, Target


class NetworkIsolation(Struct, frozen=True, kw_only=True):
    """Cuts a pod off from everything by a NetworkPolicy; its processes go on, and its node still asks for its health.

    Seen as active when the pod runs and does not answer the API server's knock at its port; as over when it answers, or
    is gone. It needs a network plug-in that enforces policies. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanIsolatePods

    def prepare(self, environment: CanIsolatePods, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None or environment.reach([target.identity]).answered == 0:
            raise ActionFailed(f"{target.name} does not answer, so an isolation could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}})

    def inject(self, environment: CanIsolatePods, undo: Undo) -> None:
        environment.isolate([_identity(undo)], undo.lease.holder, False, undo.lease.expires_at)

    def revert(self, environment: CanIsolatePods, undo: Undo) -> None:
        environment.rejoin(undo.lease.holder)

    def active(self, environment: CanIsolatePods, undo: Undo) -> Observation:
        seen = environment.reach([_identity(undo)])
        if not seen.asked:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        if seen.answered:
            return Observation(Active.NO, f"{undo.target} answers")
        words = "runs" if seen.running else "is not ready"
        return Observation(Active.YES if seen.running else Active.UNKNOWN, f"{undo.target} {words} and does not answer")


def _identity(undo: Undo) -> Identity:
    return cast(Identity, undo.data["identity"])
