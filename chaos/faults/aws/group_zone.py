"""aws/group_zone: an Auto Scaling group leaves a zone, and has to find room in the others."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.aws_changes import CanLeaveZone, Changing, Values
from chaos.model.errors import ActionFailed


class GroupZone(Changing, frozen=True, kw_only=True):
    """Takes `zone` from the zones of an Auto Scaling group: its machines there are replaced by new ones elsewhere.

    Seen as active when the group has no machine there and will start none, as over when it may again; machines go back
    when the group balances its zones. Which subnets it had there stands in a tag of the group; a detached process ends
    the lease.
    """

    needs: ClassVar[type] = CanLeaveZone
    zone: str

    def wanted(self, now: Values) -> Values:
        if now.get(self.zone) is None or len(now) == 1:
            words = "is the only zone of the group" if self.zone in now else f"is none of {', '.join(sorted(now))}"
            raise ActionFailed(f"{self.zone} {words}, so the group cannot leave it", took_effect="no")
        return {self.zone: None}
