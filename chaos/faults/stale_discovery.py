"""stale_discovery: who asks which instances exist is told which existed when the fault began."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.capabilities import CanSpoilDiscovery
from chaos.model.discovery import HasDiscovery, list_of
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class StaleDiscovery(Struct, frozen=True, kw_only=True):
    """Has the list of instances that a region's services read stand still: who dies stays on it, who comes is not.

    With `behind` it is the list as it was that long before, as a replica that lags would tell it. Seen as active when
    the list is older than it ever gets while all is well, so not before some seconds have passed; as over when it is
    renewed again.
    """

    behind_seconds: Annotated[float, Meta(ge=0, le=60)] = 0.0

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanSpoilDiscovery

    def prepare(self, environment: HasDiscovery, target: Target, lease: Lease) -> Undo:
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: HasDiscovery, undo: Undo) -> None:
        holder, until = undo.lease.holder, undo.lease.expires_at
        environment.spoil_discovery(undo.target, holder, "stale", until, self.behind_seconds)

    def revert(self, environment: HasDiscovery, undo: Undo) -> None:
        environment.restore_discovery(undo.target, undo.lease.holder)

    def active(self, environment: HasDiscovery, undo: Undo) -> Observation:
        listed = list_of(environment, undo.target)
        if isinstance(listed, Observation):
            return listed
        usual = f"{listed.usual_seconds:g} s at most while all is well"
        said = f"the list of instances of {undo.target} is {listed.age_seconds:.1f} s old, {usual}"
        if listed.age_seconds > listed.usual_seconds:
            return Observation(Active.YES, said)
        held = environment.is_spoilt(undo.target, undo.lease.holder)
        return Observation(Active.UNKNOWN if held else Active.NO, said)
