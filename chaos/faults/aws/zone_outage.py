"""aws/zone_outage: the system's subnets in one zone are cut off from everything."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws import CanCutZone
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class ZoneOutage(Struct, frozen=True, kw_only=True):
    """Cuts the system's subnets in `zone` of a region off by a network ACL that allows nothing; machines go on running.

    Within one subnet they reach each other still. Seen as active when every such subnet has an ACL without a rule that
    allows; as over when none has. Which ACLs were there before stands in tags; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanCutZone
    stacks: ClassVar[bool] = False
    zone: str

    def prepare(self, environment: CanCutZone, target: Target, lease: Lease) -> Undo:
        states = environment.subnets(target.name, self.zone)
        if not states:
            raise ActionFailed(f"the system has no machine in {self.zone} of {target.name}", took_effect="no")
        if all(state.cut for state in states):
            raise ActionFailed(f"{self.zone} is cut off already, so nothing would change", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"acls": {state.subnet: state.acl for state in states}})

    def inject(self, environment: CanCutZone, undo: Undo) -> None:
        environment.cut(undo.target, self.zone, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanCutZone, undo: Undo) -> None:
        environment.mend(undo.target, undo.lease.holder)

    def active(self, environment: CanCutZone, undo: Undo) -> Observation:
        states = environment.subnets(undo.target, self.zone)
        cut = [state for state in states if state.cut]
        said = f"{len(cut)} of {len(states)} subnets in {self.zone} let nothing pass"
        if not cut:
            return Observation(Active.NO, said)
        return Observation(Active.YES if len(cut) == len(states) else Active.UNKNOWN, said)
