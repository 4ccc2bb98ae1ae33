"""kubernetes/zone_isolation: a region, or one of its zones, is cut off from the rest."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.kubernetes import CanIsolatePods
from chaos.model.system import JSON, Region, Target


class ZoneIsolation(Struct, frozen=True, kw_only=True):
    """Cuts the pods of a region, or of one `zone` of it, off from all others by NetworkPolicies; inside, all goes on.

    Seen as active when they run and none answers the API server's knock; as over when all that are left answer. Pods
    that start meanwhile are not cut off. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanIsolatePods
    zone: str = ""

    def prepare(self, environment: CanIsolatePods, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Region), "the selector's kind is target_kind"
        pods = environment.pods_in(target.name, self.zone)
        where = f"zone {self.zone} of {target.name}" if self.zone else target.name
        if not pods or environment.reach(pods).answered == 0:
            raise ActionFailed(f"no pod of {where} answers, so an isolation could not be seen", took_effect="no")
        written: list[JSON] = [{**identity} for identity in pods]
        return Undo(target=target.name, lease=lease, data={"pods": written})

    def inject(self, environment: CanIsolatePods, undo: Undo) -> None:
        environment.isolate(_pods(undo), undo.lease.holder, True, undo.lease.expires_at)

    def revert(self, environment: CanIsolatePods, undo: Undo) -> None:
        environment.rejoin(undo.lease.holder)

    def active(self, environment: CanIsolatePods, undo: Undo) -> Observation:
        seen = environment.reach(_pods(undo))
        said = f"{seen.answered} of {seen.asked} pods of {undo.target} answer, {seen.running} are ready"
        if seen.answered == seen.asked:
            return Observation(Active.NO, said)
        return Observation(Active.UNKNOWN if seen.answered or not seen.running else Active.YES, said)


def _pods(undo: Undo) -> list[Identity]:
    return cast(list[Identity], undo.data["pods"])
