"""A fault that changes several places: what goes wrong in a later one must not look as if nothing had been changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.answers import ApiFailed
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.system import JSON

_CHANGING = ("change_tags_for_resource", "create_network_acl", "change_resource_record_sets")


class Account:
    """Two zones with weighted records, and two VPCs with a machine in each subnet. Refuses `denied` operations."""

    def __init__(self, records: dict[str, int], subnets: dict[str, int], denied: dict[str, str]) -> None:
        self.records, self.subnets, self.denied = records, subnets, denied
        self.changes: list[str] = []

    def verify(self) -> None:
        """It is the right one."""

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        if given.get("ResourceId", given.get("VpcId")) == self.denied.get(operation, "nowhere"):
            raise ApiFailed("not today", took_effect="no", code="LimitExceeded")
        if operation in _CHANGING:
            self.changes.append(operation)
        return {"ResourceTagSet": {"Tags": []}, "NetworkAcl": {"NetworkAclId": "acl-ours"}}

    def pages(self, service: str, region: str, operation: str, key: str, /, **given: Any) -> Iterator[dict[str, Any]]:
        if operation == "list_resource_record_sets":
            for number in range(self.records[given["HostedZoneId"]]):
                yield {"Name": f"{number}.shop", "Type": "A", "SetIdentifier": "eu-west-1", "Weight": 100}
        elif operation == "describe_network_acls":
            for vpc, subnets in self.subnets.items():
                there = [{"SubnetId": f"{vpc}-{at}", "NetworkAclAssociationId": f"a-{at}"} for at in range(subnets)]
                yield {"NetworkAclId": f"acl-{vpc}", "VpcId": vpc, "Associations": there}
        elif operation == "describe_instances":
            yield {
                "Instances": [_machine(f"{vpc}-{at}") for vpc, subnets in self.subnets.items() for at in range(subnets)]
            }


def _machine(subnet: str) -> dict[str, Any]:
    return {"InstanceId": f"i-{subnet}", "LaunchTime": "now", "State": {"Name": "running"}, "SubnetId": subnet}


def acted(account: Account, fault: str) -> ActionFailed:
    """How the fault failed."""
    given: dict[str, JSON] = {"account": "123456789012", "regions": ["eu-west-1"], "hosted_zones": ["A", "B"]}
    environment = AwsEnvironment(EnvironmentRef(kind="aws", name="shop", settings=given))
    environment.account = account  # type: ignore[assignment]  # a stand-in
    cut = partial(environment.cut, "eu-west-1", "", "run/1.1", 600.0)
    act = cut if fault == "cut" else partial(environment.shift, "eu-west-1", "run/1.1", 0, 600.0)
    with pytest.raises(ActionFailed) as failed:
        act()
    return failed.value


@pytest.mark.parametrize(
    ("fault", "operation", "place"),
    [
        ("shift", "change_tags_for_resource", "B"),
        ("shift", "list_tags_for_resource", "B"),
        ("cut", "create_network_acl", "v"),
    ],
)
def test_what_is_refused_after_a_place_was_changed_has_taken_effect(fault: str, operation: str, place: str) -> None:
    account = Account({"A": 1, "B": 1}, {"u": 1, "v": 1}, {operation: place})
    assert acted(account, fault).took_effect == "unknown"
    assert account.changes, "the first place was changed"


@pytest.mark.parametrize(
    ("fault", "words"), [("shift", "13 records of B lead to eu-west-1"), ("cut", "v has 41 subnets")]
)
def test_what_could_not_be_remembered_of_any_place_is_refused_before_the_first_is_changed(
    fault: str, words: str
) -> None:
    account = Account({"A": 1, "B": 13}, {"u": 1, "v": 41}, {})
    failed = acted(account, fault)
    assert words in failed.message
    assert (failed.took_effect, account.changes) == ("no", [])


@pytest.mark.parametrize(
    ("fault", "operation", "place"), [("shift", "change_tags_for_resource", "A"), ("cut", "create_network_acl", "u")]
)
def test_what_is_refused_in_the_first_place_has_changed_nothing(fault: str, operation: str, place: str) -> None:
    account = Account({"A": 1, "B": 1}, {"u": 1, "v": 1}, {operation: place})
    assert acted(account, fault).took_effect == "no"
    assert account.changes == []
