"""aws/traffic_shift: DNS sends users away from a region."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.aws import CanShiftTraffic
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class TrafficShift(Struct, frozen=True, kw_only=True):
    """Gives the weighted Route 53 records that lead to a region `weight` (0 by default), and what they had afterwards.

    A record leads to a region when its set identifier is the region's name, alone or before a "/". Seen as active when
    all of them have that weight; as over when all have the one they had, or one from before a shift around this one.
    Resolvers keep answers for their time to live. What was before stands in a tag of the hosted zone; a detached
    process ends the lease. One shift may lie within another of the same region, so that users leave, and come back,
    in steps.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanShiftTraffic
    stacks: ClassVar[bool] = False
    nests: ClassVar[bool] = True
    weight: Annotated[int, Meta(ge=0, le=255)] = 0

    def prepare(self, environment: CanShiftTraffic, target: Target, lease: Lease) -> Undo:
        before = environment.weights(target.name)
        if all(each.weight == self.weight for each in before):
            said = f"have weight {self.weight} already" if before else "do not exist"
            raise ActionFailed(f"weighted records that lead to {target.name} {said}", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"weights": {each.record: each.weight for each in before}})

    def inject(self, environment: CanShiftTraffic, undo: Undo) -> None:
        environment.shift(undo.target, undo.lease.holder, self.weight, undo.lease.expires_at)

    def revert(self, environment: CanShiftTraffic, undo: Undo) -> None:
        environment.shift_back(undo.target, undo.lease.holder)

    def active(self, environment: CanShiftTraffic, undo: Undo) -> Observation:
        before = cast(dict[str, int], undo.data["weights"])
        now = [each for each in environment.weights(undo.target) if each.record in before]
        said = ", ".join(f"{each.record} has weight {each.weight}" for each in now) or "the records are gone"
        if all(each.weight == before[each.record] for each in now):
            return Observation(Active.NO, said)
        if all(each.weight == self.weight for each in now):
            return Observation(Active.YES, said)
        if any(each.weight == self.weight for each in now) or environment.is_shifted(undo.target, undo.lease.holder):
            return Observation(Active.UNKNOWN, said)
        return Observation(Active.NO, f"{said}, as from before another shift around this one")
