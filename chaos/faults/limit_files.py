"""limit_files: an instance cannot open any more files or connections."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

from msgspec import Meta, Struct

from chaos.model.capabilities import CanLimitFiles, Identity, Means
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class LimitFiles(Struct, frozen=True, kw_only=True):
    """Lets an instance open only `more` files and connections beyond those it has (RLIMIT_NOFILE of what runs).

    What it has stays open; beyond that it can neither open nor connect nor accept (EMFILE). Seen as active when the
    operating system shows the limit and at most `more` places free below it; as over when it shows another limit, or
    the process is gone. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanLimitFiles
    stacks: ClassVar[bool] = False

    more: Annotated[int, Meta(ge=0, le=10_000)] = 0

    def prepare(self, environment: CanLimitFiles, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so its files cannot be limited", took_effect="no")
        means = environment.means_to_limit_files(target.identity, self.more)
        return Undo(target=target.name, lease=lease, data={"identity": {**target.identity}, "means": {**means}})

    def inject(self, environment: CanLimitFiles, undo: Undo) -> None:
        environment.limit_files(*_of(undo))

    def revert(self, environment: CanLimitFiles, undo: Undo) -> None:
        environment.lift_file_limit(*_of(undo))

    def active(self, environment: CanLimitFiles, undo: Undo) -> Observation:
        identity, means = _of(undo)
        now = environment.file_limit(identity)
        if now is None:
            return Observation(Active.NO, f"{undo.target} as it was is gone")
        said = f"{undo.target} may have files up to number {now.limit}, which leaves {now.free} more"
        return Observation(Active.YES if now.limit == means["limit"] else Active.NO, said)


def _of(undo: Undo) -> tuple[Identity, Means]:
    return cast(Identity, undo.data["identity"]), cast(Means, undo.data["means"])
