"""memory_stress: an instance has hardly any memory left to take."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import CanLimitMemory, Identity, Means
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class MemoryStress(Struct, frozen=True, kw_only=True):
    """Leaves all processes of an instance together only `headroom` more memory than they have (a cgroup's limit).

    When they take more the kernel first takes back file cache and then kills one of them; its successor starts without
    the limit. Seen by letting another process ask for more than that inside the same limit: active when the kernel
    kills it for that; over when the instance is under no such limit, or gone. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanLimitMemory
    stacks: ClassVar[bool] = False

    headroom_bytes: Annotated[int, Meta(ge=4 * 2**20, le=256 * 2**20, examples=["16MiB"])]
    """Less kills at once; more would have to be taken from the machine to see whether it is refused."""

    def prepare(self, environment: CanLimitMemory, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so no memory can be kept from it", took_effect="no")
        means = environment.means_to_limit_memory(target.identity, f"{lease.run}-{lease.injection}")
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}, "means": {**means}})

    def inject(self, environment: CanLimitMemory, undo: Undo) -> None:
        environment.limit_memory(*_of(undo), self.headroom_bytes)

    def revert(self, environment: CanLimitMemory, undo: Undo) -> None:
        environment.lift_memory_limit(*_of(undo))

    def active(self, environment: CanLimitMemory, undo: Undo) -> Observation:
        refused = environment.memory_refused(*_of(undo), self.headroom_bytes)
        if refused is None:
            return Observation(Active.NO, f"{undo.target} as it was is under no such limit, or gone")
        mebibytes = self.headroom_bytes / 2**20
        said = f"a process that asked for more than {mebibytes:g} MiB beside {undo.target}"
        if refused:
            return Observation(Active.YES, f"{said} was killed for want of memory")
        return Observation(Active.UNKNOWN, f"{said} got it")


def _of(undo: Undo) -> tuple[Identity, Means]:
    return cast(Identity, undo.data["identity"]), cast(Means, undo.data["means"])
