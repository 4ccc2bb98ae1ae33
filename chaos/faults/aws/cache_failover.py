"""aws/cache_failover: another node of a cache's shard becomes its primary."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws_acts import CanFailOverCache
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class CacheFailover(Struct, frozen=True, kw_only=True):
    """Has ElastiCache fail over a `shard` of a replication group, for which automatic failover must be on.

    Strikes once: the node that was primary is replaced by AWS. Seen as active while the shard has no primary, as
    passed when it is another node. AWS allows that for fifteen shards a day.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanFailOverCache
    stacks: ClassVar[bool] = False
    shard: str = "0001"

    def prepare(self, environment: CanFailOverCache, target: Target, lease: Lease) -> Undo:
        if target.labels.get("kind") != "cache":
            hint = "choose by the label `kind: cache`"
            raise ActionFailed(f"{target.name} is no replication group", hint, took_effect="no")
        primary = environment.primary(target.name, self.shard)
        if primary is None:
            raise ActionFailed(f"{target.name} has no shard {self.shard} with a primary", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"primary": primary})

    def inject(self, environment: CanFailOverCache, undo: Undo) -> None:
        if environment.primary(undo.target, self.shard) == undo.data["primary"]:
            environment.fail_over_cache(undo.target, self.shard)

    def revert(self, environment: CanFailOverCache, undo: Undo) -> None:
        """Nothing to do: which node is primary makes no difference."""

    def active(self, environment: CanFailOverCache, undo: Undo) -> Observation:
        primary = environment.primary(undo.target, self.shard)
        if primary is None:
            return Observation(Active.YES, f"shard {self.shard} of {undo.target} has no primary")
        said = f"{primary} is primary of {undo.target}, before it was {undo.data['primary']}"
        return Observation(Active.NO if primary == undo.data["primary"] else Active.PASSED, said)
