"""cpu_stress: an instance gets hardly any CPU, as on a machine that is overbooked."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import CanLimitCpu, Identity, Means
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class CpuStress(Struct, frozen=True, kw_only=True):
    """Leaves all processes of an instance only `left` of one core, and a busy process beside them that wants it too.

    By a cgroup's CPU quota: once it is used up, nobody runs until the next tenth of a second. Seen by letting a
    further process burn CPU inside the same limit for a quarter of a second: active when it gets clearly less than a
    core; over when the instance is under no such limit, or gone. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanLimitCpu
    stacks: ClassVar[bool] = False

    left_share: Annotated[float, Meta(ge=0.01, le=0.5, examples=["5%"])]
    """The kernel knows no smaller quota, and what is above half a core cannot be told from a busy machine."""

    def prepare(self, environment: CanLimitCpu, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so no CPU can be taken from it", took_effect="no")
        means = environment.means_to_limit_cpu(target.identity, f"{lease.run}-{lease.injection}")
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}, "means": {**means}})

    def inject(self, environment: CanLimitCpu, undo: Undo) -> None:
        environment.limit_cpu(*_of(undo), self.left_share, undo.lease.expires_at)

    def revert(self, environment: CanLimitCpu, undo: Undo) -> None:
        environment.lift_cpu_limit(*_of(undo))

    def active(self, environment: CanLimitCpu, undo: Undo) -> Observation:
        had = environment.cpu_had_share(*_of(undo))
        if had is None:
            return Observation(Active.NO, f"{undo.target} as it was is under no such limit, or gone")
        # Half as much again as is left: a quarter of a second holds two or three of the kernel's periods.
        active = Active.YES if had <= self.left_share * 1.5 + 0.05 else Active.UNKNOWN
        said = f"a process that wanted a whole core beside {undo.target} got {had:.1%} of it"
        return Observation(active, said)


def _of(undo: Undo) -> tuple[Identity, Means]:
    return cast(Identity, undo.data["identity"]), cast(Means, undo.data["means"])
