"""aws/instance_refresh: an Auto Scaling group replaces all of its machines, some at a time."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws_acts import CanRefresh
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class InstanceRefresh(Struct, frozen=True, kw_only=True):
    """Starts an instance refresh of an Auto Scaling group, and cancels it when the time is over.

    `healthyPercent` of its machines stay in service meanwhile (90 by default), and there are never more than it wants.
    What has been replaced by then stays so. Seen as active while AWS says that it is going on, as passed when it has
    ended. A tag of the group bears run and expiry; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanRefresh
    stacks: ClassVar[bool] = False
    healthy_percent: Annotated[int, Meta(ge=0, le=100)] = 90

    def prepare(self, environment: CanRefresh, target: Target, lease: Lease) -> Undo:
        if target.labels.get("kind") != "group":
            hint = "choose by the label `kind: group`"
            raise ActionFailed(f"{target.name} is no Auto Scaling group", hint, took_effect="no")
        last = environment.last_refresh(target.name)
        if last is not None and last.goes_on:
            raise ActionFailed(f"{target.name} is being refreshed already ({last.status})", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"before": last.id if last else ""})

    def inject(self, environment: CanRefresh, undo: Undo) -> None:
        environment.refresh(undo.target, undo.lease.holder, self.healthy_percent, undo.lease.expires_at)

    def revert(self, environment: CanRefresh, undo: Undo) -> None:
        environment.stop_refresh(undo.target, undo.lease.holder)

    def active(self, environment: CanRefresh, undo: Undo) -> Observation:
        last = environment.last_refresh(undo.target)
        if last is None or last.id == undo.data["before"]:
            return Observation(Active.NO, f"{undo.target} has not been refreshed since")
        said = f"the refresh of {undo.target} is {last.status}, {last.done_percent} % done; {last.reason}".rstrip("; ")
        if last.goes_on:
            return Observation(Active.UNKNOWN if last.status == "Pending" else Active.YES, said)
        return Observation(Active.PASSED if last.done_percent else Active.NO, said)
