"""What a plan refuses of a database, from what AWS says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.account import Account
from chaos.model.aws import CanFailOver
from chaos.model.environment import EnvironmentRef


class OneDatabase(Account):
    """An instance in no cluster, and nothing else."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def verify(self) -> None:
        """It is the right one."""

    def pages(self, service: str, region: str, operation: str, key: str, /, **given: Any) -> Iterator[dict[str, Any]]:
        if operation == "describe_db_instances":
            tags = [{"Key": "steadfast:armed", "Value": "true"}]
            yield {"DBInstanceIdentifier": "ledger", "AvailabilityZone": "eu-west-1a", "TagList": tags, **self.found}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"MultiAZ": True, "DBInstanceStatus": "available"}, ""),
        ({"MultiAZ": False, "DBInstanceStatus": "available"}, "has no standby"),
        ({"MultiAZ": True, "DBInstanceStatus": "rebooting"}, "or no writer now"),
        ({"MultiAZ": True, "DBInstanceStatus": "available", "TagList": []}, "does not bear the tag"),
    ],
)
def test_a_database_that_nobody_could_take_over_from_is_refused_before_anything_is_touched(
    found: dict[str, Any], words: str
) -> None:
    opened = AwsEnvironment(
        EnvironmentRef(kind="aws", name="shop", settings={"account": "123456789012", "regions": ["eu-west-1"]})
    )
    opened.account = OneDatabase(found)
    said = opened.refusal(CanFailOver, "eu-west-1/db/ledger")
    assert words in said
    assert bool(said) is bool(words)
    assert opened.refusal(CanFailOver, "eu-west-1/db/other") == ""
