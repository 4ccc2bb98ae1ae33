"""Tags of ours that somebody has edited: they are said, and nothing is done by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.account import Account
from chaos.environments.aws.records import Hold, tag_of
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.residue import Residue
from chaos.model.system import JSON

HOLDER = "run/1.1"


class Asked(Account):
    """Every group, function and hosted zone bears `tags`; what is changed is remembered."""

    def __init__(self, tags: dict[str, list[dict[str, str]]]) -> None:
        self.tags = tags
        self.changes: list[tuple[str, str]] = []

    def verify(self) -> None:
        """It is the right one."""

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        where = given.get("HostedZoneId", given.get("ResourceId", given.get("AutoScalingGroupName", "")))
        if not operation.startswith("list"):
            self.changes.append((operation, where))
        return {"ResourceTagSet": {"Tags": self.tags.get(where, [])}}

    def pages(self, service: str, region: str, operation: str, key: str, /, **given: Any) -> Iterator[dict[str, Any]]:
        sizes = {"MinSize": 1, "DesiredCapacity": 1, "MaxSize": 3}
        if operation == "describe_auto_scaling_groups":
            yield {"AutoScalingGroupName": "web", "Tags": self.tags.get("web", []), **sizes}


def environment(tags: dict[str, list[dict[str, str]]]) -> tuple[AwsEnvironment, Asked]:
    given: dict[str, JSON] = {
        "account": "123456789012",
        "regions": ["eu-west-1"],
        "hosted_zones": ["A", "B"],
        "consistent_within_seconds": 0.0,
    }
    opened = AwsEnvironment(EnvironmentRef(kind="aws", name="shop", settings=given))
    opened.account = asked = Asked(tags)
    return opened, asked


def held(what: str, was: str) -> list[dict[str, str]]:
    return [tag_of(HOLDER, Hold(what=what, until=1.0, was=was))]


@pytest.mark.parametrize("was", ["edited", "1,two,", "1,2", ""])
def test_a_group_whose_sizes_cannot_be_read_is_left_alone(was: str) -> None:
    opened, asked = environment({"web": held("capacity", was)})
    with pytest.raises(ActionFailed, match="what eu-west-1/web had before cannot be read") as failed:
        opened.clear_residue(Residue(target="group/eu-west-1/web", holder=HOLDER, what="capacity", until=1.0))
    assert failed.value.took_effect == "no"
    assert asked.changes == []


@pytest.mark.parametrize("was", ["edited", "soon 1a=100", "1.0 1a=many", "1.0 1a=1=2", ""])
def test_a_zone_whose_weights_cannot_be_read_is_left_alone_and_the_other_is_put_right(was: str) -> None:
    what = "weights of eu-west-1"
    opened, asked = environment({"A": held(what, was), "B": held(what, "1.0 1a=100")})
    with pytest.raises(ActionFailed, match="what hosted zone A had before cannot be read"):
        opened.clear_residue(Residue(target="weights/A/eu-west-1", holder=HOLDER, what=what, until=1.0))
    assert asked.changes == [("change_resource_record_sets", "B"), ("change_tags_for_resource", "B")]


@pytest.mark.parametrize(("was", "sizes"), [("1,2,", [1, 2]), ("1,2,AZRebalance", [1, 2]), ("1,2,,5", [1, 2, 5])])
def test_what_we_have_written_is_asked_for_again(was: str, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    opened, asked = environment({"web": held("capacity", was)})
    wanted: list[int] = []
    ask: Callable[..., None] = lambda region, name, *sizes: wanted.extend(sizes)  # noqa: E731
    monkeypatch.setattr(opened, "_ask", ask)
    opened.restore_capacity("eu-west-1/web", HOLDER)
    assert wanted == sizes
    assert ("resume_processes" in dict(asked.changes)) is ("AZRebalance" in was)
