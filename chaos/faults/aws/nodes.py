"""aws/nodes: an EKS node group has fewer nodes, or none."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanSetNodes, Changing, Values
from chaos.model.errors import ActionFailed


class Nodes(Changing, frozen=True, kw_only=True):
    """Leaves an EKS node group `nodes` (0 by default; never more than it has), and back when it ends.

    EKS drains nodes before it terminates them. Seen as active when the group is to have that many and so many machines
    are in service, as over when it is to have another number and has it. A cluster autoscaler may ask for more
    meanwhile. What was before stands in a tag of the node group; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSetNodes
    nodes: Annotated[int, Meta(ge=0)] = 0

    def wanted(self, now: Values) -> Values:
        if int(now["nodes"] or 0) < self.nodes:
            raise ActionFailed(f"the group has {now['nodes']} nodes, and more would cost more", took_effect="no")
        return {"nodes": self.nodes, "smallest": min(self.nodes, int(now["smallest"] or 0))}
