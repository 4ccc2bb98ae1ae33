"""aws/resource_deny: a bucket, a table, a queue, a topic or a stream refuses some actions, whoever asks."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws_acts import CanDenyUse
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target

_AS = 'an action is written "dynamodb:PutItem":'
Action = Annotated[str, Meta(pattern=r"^[a-z0-9-]+:[A-Za-z*]+$", description=_AS, examples=["dynamodb:PutItem"])]


class ResourceDeny(Struct, frozen=True, kw_only=True):
    """Forbids everybody `actions`, such as ["s3:GetObject"] or ["kinesis:PutRecord*"], on one resource, by its policy.

    To callers a queue, a stream or a table then is as one whose limits are reached: they get errors. The statement ends
    the fault by itself: its condition holds the lease's expiry. Seen as active when the policy has that statement and
    it has not ended; AWS takes some seconds to act on it, which nobody sees from outside. Actions that would shut us
    out as well are refused.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanDenyUse
    actions: Annotated[tuple[Action, ...], Meta(min_length=1)]

    def prepare(self, environment: CanDenyUse, target: Target, lease: Lease) -> Undo:
        needed = environment.needed_for_undo(target.name)
        service = needed[0].partition(":")[0]
        for action in self.actions:
            if not action.startswith(f"{service}:"):
                hint = f'write it like "{service}:..."'
                raise ActionFailed(f"{action} is no action on {target.name}", hint, took_effect="no")
            ours = [each for each in needed if fnmatchcase(each.lower(), action.lower())]
            if ours:
                said = f"{action} would deny us {ours[0]} as well, which takes the policy off again"
                raise ActionFailed(said, "name the actions that the system uses", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanDenyUse, undo: Undo) -> None:
        environment.deny_use(undo.target, undo.lease.holder, self.actions, undo.lease.expires_at)

    def revert(self, environment: CanDenyUse, undo: Undo) -> None:
        environment.allow_use(undo.target, undo.lease.holder)

    def active(self, environment: CanDenyUse, undo: Undo) -> Observation:
        until = environment.use_denied_until(undo.target, undo.lease.holder)
        if until is None:
            return Observation(Active.NO, f"the policy of {undo.target} has no statement of this fault")
        left = until - time.time()
        words = f"denies for {left:.0f} s more" if left > 0 else "has ended by itself"
        return Observation(
            Active.YES if left > 0 else Active.NO, f"the statement in the policy of {undo.target} {words}"
        )
