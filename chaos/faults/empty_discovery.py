"""empty_discovery: who asks which instances exist is told that there are none."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from msgspec import Struct

from chaos.model.capabilities import CanSpoilDiscovery
from chaos.model.environment import Environment, is_there
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class _Place(CanSpoilDiscovery, Environment, Protocol):
    """An environment whose discovery can be spoilt."""


class EmptyDiscovery(Struct, frozen=True, kw_only=True):
    """Has discovery name no instance at all to the services of a region, while all of them run.

    Seen as active when the list that those services read names nobody; as over when it names somebody.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanSpoilDiscovery

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.spoil_discovery(undo.target, undo.lease.holder, "empty", undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_discovery(undo.target, undo.lease.holder)

    def active(self, environment: _Place, undo: Undo) -> Observation:
        if not is_there(environment, "region", undo.target):
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        listed = environment.what_is_listed(undo.target)
        if listed is None:
            return Observation(Active.UNKNOWN, f"the list of instances of {undo.target} cannot be read")
        said = f"discovery of {undo.target} names {listed.instances} instances, {listed.age_seconds:.1f} s ago"
        return Observation(Active.NO if listed.instances else Active.YES, said)
