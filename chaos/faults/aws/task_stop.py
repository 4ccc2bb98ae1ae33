"""aws/task_stop: tasks of an ECS service are stopped, and not started again meanwhile."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanSetTasks, Changing, Values
from chaos.model.errors import ActionFailed


class TaskStop(Changing, frozen=True, kw_only=True):
    """Leaves an ECS service `tasks` (0 by default; never more than it has): the others are stopped at once.

    Seen as active when the service is to have that many and so many run, as over when it is to have another number and
    has it. A scaling policy of the service may ask for more meanwhile. What it was asked for before stands in a tag of
    the service; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSetTasks
    tasks: Annotated[int, Meta(ge=0)] = 0

    def wanted(self, now: Values) -> Values:
        if int(now["tasks"] or 0) < self.tasks:
            raise ActionFailed(f"the service has {now['tasks']} tasks, and more would cost more", took_effect="no")
        return {"tasks": self.tasks}
