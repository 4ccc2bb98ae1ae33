"""freeze: an instance stands still with everything it has forked, as a machine that is moved or has no I/O."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import CanFreeze, Identity, Means
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class Freeze(Struct, frozen=True, kw_only=True):
    """Freezes all processes of an instance (cgroup freezer, SIGSTOP where no cgroup can be made, ptrace in a pod).

    They keep memory and connections, accept, and answer nothing; unlike `pause` they cannot notice it by a signal, and
    what they fork is caught, too. A whole group is frozen by a selector with `amount: all`. Seen as active when the
    operating system shows each process as standing still; as over when they run or are gone. A detached process ends
    the lease, in a pod the agent that holds them.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanFreeze
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanFreeze, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so it cannot be frozen", took_effect="no")
        means = environment.means_to_freeze(target.identity, f"{lease.run}-{lease.injection}")
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}, "means": {**means}})

    def inject(self, environment: CanFreeze, undo: Undo) -> None:
        environment.freeze(*_of(undo), undo.lease.expires_at)

    def revert(self, environment: CanFreeze, undo: Undo) -> None:
        environment.thaw(*_of(undo))

    def active(self, environment: CanFreeze, undo: Undo) -> Observation:
        still, there = environment.standing_still(*_of(undo))
        if not there:
            return Observation(Active.NO, f"{undo.target} as it was is gone")
        active = Active.YES if still == there else Active.UNKNOWN if still else Active.NO
        return Observation(active, f"{still} of {there} processes of {undo.target} stand still")


def _of(undo: Undo) -> tuple[Identity, Means]:
    return cast(Identity, undo.data["identity"]), cast(Means, undo.data["means"])
