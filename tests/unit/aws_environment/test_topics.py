"""Delivery policies of SNS topics, as people and consoles write them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chaos.environments.aws.account import Account
from chaos.environments.aws.aspects.topics import Deliveries
from chaos.environments.aws.things import Thing

TOPIC = Thing(kind="topic", name="news", region="eu-west-1", arn="arn:aws:sns:eu-west-1:123456789012:news", tags={})


class OneTopic(Account):
    """Has a topic with that delivery policy; remembers what was written."""

    def __init__(self, policy: str) -> None:
        self.policy = policy

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        if operation == "set_topic_attributes":
            self.policy = given["AttributeValue"]
        return {"Attributes": {"DeliveryPolicy": self.policy}}


@pytest.mark.parametrize(
    "policy",
    ['{"http":{"defaultHealthyRetryPolicy":null,"defaultThrottlePolicy":null}}', '{"http":null}', "{}", '{"http":{}}'],
)
def test_a_rate_that_is_not_set_may_be_written_as_null(policy: str) -> None:
    account, aspect = OneTopic(policy), Deliveries()
    before = aspect.read(account, TOPIC).values
    assert before == {"per_second": None, "policy": True}
    aspect.write(account, TOPIC, {"per_second": 5})
    assert msgspec.json.decode(account.policy)["http"]["defaultThrottlePolicy"] == {"maxReceivesPerSecond": 5}
    aspect.write(account, TOPIC, before)
    assert aspect.read(account, TOPIC).values == before
