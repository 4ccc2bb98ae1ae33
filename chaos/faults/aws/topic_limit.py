"""aws/topic_limit: an SNS topic hands out so many messages a second only."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanThrottleTopic, Changing, Values


class TopicLimit(Changing, frozen=True, kw_only=True):
    """Has an SNS topic deliver `perSecond` messages (1 by default) to each HTTP endpoint; the others wait for theirs.

    Queues, functions and all that is no HTTP endpoint get theirs as before, and so do endpoints with a policy of their
    own. Seen as active when SNS says so of the topic. What was before stands in a tag of the topic; a detached process
    ends the lease.
    """

    needs: ClassVar[type] = CanThrottleTopic
    per_second: Annotated[int, Meta(ge=1)] = 1

    def wanted(self, now: Values) -> Values:
        return {"per_second": self.per_second, "policy": True}
