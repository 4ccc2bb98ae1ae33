"""empty_discovery: who asks which instances exist is told that there are none."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanSpoilDiscovery
from chaos.model.discovery import HasDiscovery, list_of
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class EmptyDiscovery(Struct, frozen=True, kw_only=True):
    """Has discovery name no instance at all to the services of a region, while all of them run.

    Seen as active when the list that those services read names nobody; as over when it names somebody.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanSpoilDiscovery

    def prepare(self, environment: HasDiscovery, target: Target, lease: Lease) -> Undo:
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: HasDiscovery, undo: Undo) -> None:
        environment.spoil_discovery(undo.target, undo.lease.holder, "empty", undo.lease.expires_at)

    def revert(self, environment: HasDiscovery, undo: Undo) -> None:
        environment.restore_discovery(undo.target, undo.lease.holder)

    def active(self, environment: HasDiscovery, undo: Undo) -> Observation:
        listed = list_of(environment, undo.target)
        if isinstance(listed, Observation):
            return listed
        said = f"discovery of {undo.target} names {listed.instances} instances, {listed.age_seconds:.1f} s ago"
        return Observation(Active.NO if listed.instances else Active.YES, said)
