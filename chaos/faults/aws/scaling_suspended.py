"""aws/scaling_suspended: an Auto Scaling group does not do some of what it does by itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import SUSPENDED, CanSuspendScaling, Changing, Process, Values


class ScalingSuspended(Changing, frozen=True, kw_only=True):
    """Suspends `processes` of an Auto Scaling group, by default Launch: what dies meanwhile is not replaced.

    Breaks nothing by itself: it goes together with `kill` or `aws/terminate`. Seen as active when the group says that
    all of them are suspended, as over when none is. Those suspended before stay so. What was before stands in a tag of
    the group; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSuspendScaling
    processes: Annotated[tuple[Process, ...], Meta(min_length=1)] = ("Launch",)

    def wanted(self, now: Values) -> Values:
        return dict.fromkeys(self.processes, SUSPENDED)
