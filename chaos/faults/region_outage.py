"""region_outage: a whole region is lost at once."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanFailRegion, Identity
from chaos.model.environment import Environment, is_there
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import JSON, Region, Target


class _Place(CanFailRegion, Environment, Protocol):
    """An environment that can fail a region."""


class RegionOutage(Struct, frozen=True, kw_only=True):
    """Takes every instance of a region down at once, without grace, and keeps them all down for the duration.

    Seen as active when no instance of the region is up; as over when each one that was up before is again. Up is what
    runs and, where processes are not seen themselves, is in reach.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanFailRegion

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Region), "the selector's kind is target_kind"
        instances = environment.region_instances(target.name)
        identities: dict[str, JSON] = {each.name: {**each.identity} for each in instances if each.identity}
        if not identities:
            raise ActionFailed(f"nothing runs in {target.name}, so it cannot fail", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identities": identities})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.fail_region(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_region(undo.target, undo.lease.holder)

    def active(self, environment: _Place, undo: Undo) -> Observation:
        if not is_there(environment, "region", undo.target):
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        before = cast(dict[str, Identity], undo.data["identities"])
        instances = environment.region_instances(undo.target)
        wanted = [each for each in instances if each.name in before]
        alive = [each for each in instances if each.identity is not None]
        back = [each for each in wanted if each.identity is not None]
        said = f"{len(alive)} of {len(instances)} instances of {undo.target} are up"
        if len(back) == len(wanted):
            return Observation(Active.NO, said)
        return Observation(Active.UNKNOWN if alive else Active.YES, said)
