"""aws/database_failover: another instance of a database becomes its writer."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws import CanFailOver
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class DatabaseFailover(Struct, frozen=True, kw_only=True):
    """Has an RDS or Aurora cluster fail over, or an RDS instance with a standby in another zone, which is rebooted for
    that: writes fail for the time that takes, and then go elsewhere.

    Strikes once: nothing is held, and nothing is taken back, as the new writer is as good as the old one. Seen as
    active while there is no writer, as passed when another instance is the writer.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanFailOver
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanFailOver, target: Target, lease: Lease) -> Undo:
        writer = environment.writer(target.name)
        if writer is None:
            said = f"{target.name} is no database with a writer that another could take over from"
            raise ActionFailed(said, "choose a cluster, or an instance that is Multi-AZ", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"writer": writer})

    def inject(self, environment: CanFailOver, undo: Undo) -> None:
        if environment.writer(undo.target) == undo.data["writer"]:
            environment.fail_over(undo.target)

    def revert(self, environment: CanFailOver, undo: Undo) -> None:
        """Nothing to do: who writes is the cluster's choice."""

    def active(self, environment: CanFailOver, undo: Undo) -> Observation:
        writer = environment.writer(undo.target)
        if writer is None:
            return Observation(Active.YES, f"{undo.target} has no writer")
        said = f"{writer} is the writer of {undo.target}, before it was {undo.data['writer']}"
        return Observation(Active.NO if writer == undo.data["writer"] else Active.PASSED, said)
