"""How many shards a Kinesis stream has, which is how much it takes: CanSetShards.

Kinesis changes the number to half and to double at most, ten times a day, and needs minutes for it.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import ApiFailed
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanSetShards, Seen, Values

_ACTIONS = ("kinesis:DescribeStreamSummary", "kinesis:UpdateShardCount")
_UNCHANGED = ("InvalidArgumentException", "ValidationException")
_TAGS = ("kinesis:ListTagsForStream", "kinesis:AddTagsToStream", "kinesis:RemoveTagsFromStream")


class Shards:
    """A stream that sizes itself ("on demand") has no number that could be changed."""

    name = "shards"
    kind = "stream"
    capability = CanSetShards
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:kinesis:*:{account}:stream/*",), armed=True),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        answer = account.call("kinesis", thing.region, "describe_stream_summary", StreamARN=thing.arn)
        found = answer["StreamDescriptionSummary"]
        sized = found.get("StreamModeDetails", {}).get("StreamMode") != "ON_DEMAND"
        shards = int(found["OpenShardCount"]) if sized else None
        return Seen({"shards": shards}, found["StreamStatus"] == "ACTIVE", f"the stream is {found['StreamStatus']}")

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        given = {"StreamARN": thing.arn, "TargetShardCount": values["shards"], "ScalingType": "UNIFORM_SCALING"}
        try:
            account.call("kinesis", thing.region, "update_shard_count", **given)
        except ApiFailed as error:
            # It has that number already. It is told all the same, as what it shows may be what was before.
            if error.code not in _UNCHANGED or self.read(account, thing).values != values:
                raise
