"""aws/deny: a role of the system may not do some things on AWS, e.g. use S3 or DynamoDB."""

from __future__ import annotations

import time
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws import CanDeny
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target

_AS = 'an action is written "s3:GetObject":'
Action = Annotated[str, Meta(pattern=r"^[a-z0-9-]+:[A-Za-z*]+$", description=_AS, examples=["s3:GetObject"])]


class Deny(Struct, frozen=True, kw_only=True):
    """Forbids an IAM role `actions`, such as ["s3:*", "dynamodb:GetItem"], by a policy of the role.

    The policy ends the fault by itself: its condition holds the lease's expiry. Seen as active when the role has that
    policy and it has not ended; IAM takes some seconds to act on it, which nobody sees from outside.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanDeny
    actions: Annotated[tuple[Action, ...], Meta(min_length=1)]

    def prepare(self, environment: CanDeny, target: Target, lease: Lease) -> Undo:
        if target.labels.get("kind") != "role":
            raise ActionFailed(f"{target.name} is no role", "see `roles` in the environment file", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanDeny, undo: Undo) -> None:
        environment.deny(undo.target, undo.lease.holder, self.actions, undo.lease.expires_at)

    def revert(self, environment: CanDeny, undo: Undo) -> None:
        environment.allow_again(undo.target, undo.lease.holder)

    def active(self, environment: CanDeny, undo: Undo) -> Observation:
        until = environment.denied_until(undo.target, undo.lease.holder)
        if until is None:
            return Observation(Active.NO, f"{undo.target} has no policy of this fault")
        left = until - time.time()
        words = f"denies for {left:.0f} s more" if left > 0 else "has ended by itself"
        return Observation(Active.YES if left > 0 else Active.NO, f"the policy of {undo.target} {words}")
