"""aws/targets_out: a load balancer sends nothing to some of its targets any more."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.aws_changes import CanDeregister, Changing, Values
from chaos.model.errors import ActionFailed


class TargetsOut(Changing, frozen=True, kw_only=True):
    """Deregisters the targets of a target group that are in `zone` (without one: all), and registers them afterwards.

    What is open is drained for as long as the target group says. Seen as active when none of them is in the list any
    more, as over when all are; machines that are terminated meanwhile do not count. Which they were stands in tags of
    the target group; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanDeregister
    zone: str = ""

    def wanted(self, now: Values) -> Values:
        found: Values = {target: None for target, zone in now.items() if self.zone in ("", zone)}
        if not found:
            where = f" in {self.zone}" if self.zone else ""
            raise ActionFailed(f"the target group has no target{where}", took_effect="no")
        return found
