"""limit_processes: an instance cannot start any more processes or threads."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import CanLimitProcesses, Identity, Means
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class LimitProcesses(Struct, frozen=True, kw_only=True):
    """Lets an instance have only `more` processes and threads than it has now (a cgroup's pids.max).

    What is beyond fails as it does on a machine that is full of processes (EAGAIN). Seen by forking inside the same
    limit: active when that is refused; over when the instance is under no such limit, or gone. A detached process
    ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanLimitProcesses
    stacks: ClassVar[bool] = False

    more: Annotated[int, Meta(ge=0, le=64)] = 0
    """As many are started to see whether they are refused."""

    def prepare(self, environment: CanLimitProcesses, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so its processes cannot be limited", took_effect="no")
        means = environment.means_to_limit_processes(target.identity, f"{lease.run}-{lease.injection}")
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}, "means": {**means}})

    def inject(self, environment: CanLimitProcesses, undo: Undo) -> None:
        environment.limit_processes(*_of(undo), self.more)

    def revert(self, environment: CanLimitProcesses, undo: Undo) -> None:
        environment.lift_process_limit(*_of(undo))

    def active(self, environment: CanLimitProcesses, undo: Undo) -> Observation:
        refused = environment.fork_refused(*_of(undo), self.more)
        if refused is None:
            return Observation(Active.NO, f"{undo.target} as it was is under no such limit, or gone")
        said = f"beside {undo.target} {self.more + 1} more processes were {'refused' if refused else 'started'}"
        return Observation(Active.YES if refused else Active.UNKNOWN, said)


def _of(undo: Undo) -> tuple[Identity, Means]:
    return cast(Identity, undo.data["identity"]), cast(Means, undo.data["means"])
