"""Attributes of an SQS queue: CanSetQueue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing, queue_url
from chaos.model.aws_changes import CanSetQueue, Seen, Values

_ACTIONS = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SetQueueAttributes")
_TAGS = ("sqs:ListQueueTags", "sqs:TagQueue", "sqs:UntagQueue")


class Attributes:
    """A change takes up to a minute to be seen everywhere."""

    name = "attributes"
    kind = "queue"
    capability = CanSetQueue
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:sqs:*:{account}:*",), armed=True),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        given = {"QueueUrl": queue_url(account, thing), "AttributeNames": ["All"]}
        found = account.call("sqs", thing.region, "get_queue_attributes", **given)
        return Seen({**found.get("Attributes", {})})

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        attributes = {key: str(value) for key, value in values.items() if value is not None}
        given = {"QueueUrl": queue_url(account, thing), "Attributes": attributes}
        account.call("sqs", thing.region, "set_queue_attributes", **given)
