"""How fast an SNS topic hands messages to HTTP endpoints: CanThrottleTopic, by its delivery policy.

https://docs.aws.amazon.com/sns/latest/dg/set-topic-attributes-delivery-policy-json.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanThrottleTopic, Seen, Values

_ACTIONS = ("sns:GetTopicAttributes", "sns:SetTopicAttributes")
_TAGS = ("sns:ListTagsForResource", "sns:TagResource", "sns:UntagResource")
_THROTTLE, _RATE = "defaultThrottlePolicy", "maxReceivesPerSecond"


class Deliveries:
    """A topic without a policy of its own has one in effect all the same, and is left without one again."""

    name = "deliveries"
    kind = "topic"
    capability = CanThrottleTopic
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:sns:*:{account}:*",), armed=True),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = self._attributes(account, thing)
        rate = (_http(found).get(_THROTTLE) or {}).get(_RATE)
        return Seen({"per_second": rate, "policy": bool(found.get("DeliveryPolicy"))})

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        written = ""
        if values.get("policy", True):
            http = _http(self._attributes(account, thing))
            http.pop(_THROTTLE, None)
            if values["per_second"] is not None:
                http[_THROTTLE] = {_RATE: values["per_second"]}
            written = msgspec.json.encode({"http": http}).decode()
        given = {"TopicArn": thing.arn, "AttributeName": "DeliveryPolicy", "AttributeValue": written}
        account.call("sns", thing.region, "set_topic_attributes", **given)

    def _attributes(self, account: Account, thing: Thing) -> dict[str, str]:
        return dict(account.call("sns", thing.region, "get_topic_attributes", TopicArn=thing.arn)["Attributes"])


def _http(attributes: dict[str, str]) -> dict[str, Any]:
    """Whole, also where the topic has none: SNS takes none in parts. What is not set may be written as null."""
    policy = attributes.get("DeliveryPolicy") or attributes.get("EffectiveDeliveryPolicy") or "{}"
    return dict(msgspec.json.decode(policy, type=dict[str, Any]).get("http") or {})
