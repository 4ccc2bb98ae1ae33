"""aws/zonal_shift: a load balancer sends nothing to one zone."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws_acts import CanShiftZone
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class ZonalShift(Struct, frozen=True, kw_only=True):
    """Starts a zonal shift of a load balancer away from `zone`, as operators do when a zone is bad.

    The balancer must be allowed zonal shifts. AWS ends the shift by itself, up to a minute after the lease. Seen as
    active when the balancer itself says that the shift is applied, as over when it is not.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanShiftZone
    stacks: ClassVar[bool] = False
    zone: str

    def prepare(self, environment: CanShiftZone, target: Target, lease: Lease) -> Undo:
        if target.labels.get("kind") != "balancer":
            hint = "choose by the label `kind: balancer`"
            raise ActionFailed(f"{target.name} is no load balancer", hint, took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanShiftZone, undo: Undo) -> None:
        environment.shift_zone(undo.target, undo.lease.holder, self.zone, undo.lease.expires_at)

    def revert(self, environment: CanShiftZone, undo: Undo) -> None:
        environment.unshift_zone(undo.target, undo.lease.holder)

    def active(self, environment: CanShiftZone, undo: Undo) -> Observation:
        until = environment.zone_shifted_until(undo.target, undo.lease.holder)
        if until is None:
            return Observation(Active.NO, f"AWS applies no shift of this fault to {undo.target}")
        left = until - time.time()
        return Observation(Active.YES, f"{undo.target} is shifted away from {self.zone} for {left:.0f} s more")
