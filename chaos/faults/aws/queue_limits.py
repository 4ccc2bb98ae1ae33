"""aws/queue_limits: what is sent to a queue arrives late, may be small only, or is handed out for another time."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from chaos.model.aws_changes import CanSetQueue, Changing, Values


class QueueLimits(Changing, frozen=True, kw_only=True):
    """Gives an SQS queue other attributes: what is sent can be had only after `delay`, may have at most `largest`
    bytes, or is `hidden` so long from others once it was handed out (0s: two workers do the same work).

    Seen as active when SQS says so of the queue, as over when it says otherwise; SQS needs up to a minute to act on it.
    What was before stands in a tag of the queue; a detached process ends the lease.
    """

    needs: ClassVar[type] = CanSetQueue
    delay_seconds: Annotated[int, Meta(ge=0, le=900)] | None = None
    largest_bytes: Annotated[int, Meta(ge=1024, le=1024 * 1024)] | None = None
    hidden_seconds: Annotated[int, Meta(ge=0, le=43200)] | None = None

    def __post_init__(self) -> None:
        if not self.wanted({}):
            raise ValueError("say at least one of delay, largest, hidden")

    def wanted(self, now: Values) -> Values:
        asked = {
            "DelaySeconds": self.delay_seconds,
            "MaximumMessageSize": self.largest_bytes,
            "VisibilityTimeout": self.hidden_seconds,
        }
        return {key: str(value) for key, value in asked.items() if value is not None}
