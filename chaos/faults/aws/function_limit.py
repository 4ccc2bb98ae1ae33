"""aws/function_limit: a Lambda function may run only so many times at once, or not at all."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws import CanLimitFunction
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class FunctionLimit(Struct, frozen=True, kw_only=True):
    """Reserves a concurrency of `atOnce` for a function (0 by default: every call is throttled), and what it was after.

    Seen as active when that is what is reserved, as over when it is something else. What was reserved before stands in
    a tag of the function; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanLimitFunction
    stacks: ClassVar[bool] = False
    at_once: Annotated[int, Meta(ge=0)] = 0

    def prepare(self, environment: CanLimitFunction, target: Target, lease: Lease) -> Undo:
        before = environment.function_limit(target.name)
        if before == self.at_once:
            raise ActionFailed(f"{target.name} is limited to {before} already", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"limit": before})

    def inject(self, environment: CanLimitFunction, undo: Undo) -> None:
        environment.limit_function(undo.target, undo.lease.holder, self.at_once, undo.lease.expires_at)

    def revert(self, environment: CanLimitFunction, undo: Undo) -> None:
        environment.unlimit_function(undo.target, undo.lease.holder)

    def active(self, environment: CanLimitFunction, undo: Undo) -> Observation:
        now = environment.function_limit(undo.target)
        words = "no limit of its own" if now is None else f"a limit of {now} at once"
        return Observation(Active.YES if now == self.at_once else Active.NO, f"{undo.target} has {words}")
