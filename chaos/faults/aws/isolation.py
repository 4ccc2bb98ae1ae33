"""aws/isolation: a machine may open no connection and take none."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws import CanIsolateMachine
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class Isolation(Struct, frozen=True, kw_only=True):
    """Gives an EC2 instance a security group that allows nothing; it goes on running.

    Connections that are open then may go on until they are idle: AWS remembers them.

    Seen as active when no group of the machine allows anything, as over when one does, or the machine is gone. Which
    groups it had stands in a tag of the machine; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanIsolateMachine
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanIsolateMachine, target: Target, lease: Lease) -> Undo:
        found = environment.machine_network(target.name)
        if found is None or not found.passes:
            said = "does not exist" if found is None else "is cut off already"
            raise ActionFailed(f"{target.name} {said}, so nothing would change", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"groups": list(found.groups)})

    def inject(self, environment: CanIsolateMachine, undo: Undo) -> None:
        environment.isolate_machine(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanIsolateMachine, undo: Undo) -> None:
        environment.rejoin_machine(undo.target, undo.lease.holder)

    def active(self, environment: CanIsolateMachine, undo: Undo) -> Observation:
        found = environment.machine_network(undo.target)
        if found is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        words = "lets something pass" if found.passes else "lets nothing pass"
        return Observation(Active.NO if found.passes else Active.YES, f"{'+'.join(found.groups)} {words}")
