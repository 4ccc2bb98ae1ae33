"""EKS node groups with fewer nodes: CanSetNodes. EKS drains them, as long as pods' disruption budgets allow it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanSetNodes, Seen, Values

_ACTIONS = ("eks:DescribeNodegroup", "eks:UpdateNodegroupConfig")
_TAGS = ("eks:ListTagsForResource", "eks:TagResource", "eks:UntagResource")


class Nodes:
    """In effect when the Auto Scaling groups that EKS made for it have so many machines in service."""

    name = "nodes"
    kind = "nodes"
    capability = CanSetNodes
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:eks:*:{account}:nodegroup/*",), armed=True),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = self._nodes(account, thing)
        scaling = found["scalingConfig"]
        names = [each["name"] for each in found.get("resources", {}).get("autoScalingGroups", ())]
        given = {"AutoScalingGroupNames": names}
        operation, key = "describe_auto_scaling_groups", "AutoScalingGroups"
        groups = list(account.pages("autoscaling", thing.region, operation, key, **given)) if names else []
        serves = sum(each["LifecycleState"] == "InService" for group in groups for each in group["Instances"])
        words = f"{serves} in service, the group is {found['status']}"
        settled = serves == scaling["desiredSize"] and found["status"] in ("ACTIVE", "DEGRADED")
        return Seen({"nodes": scaling["desiredSize"], "smallest": scaling["minSize"]}, settled, words)

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        names = {"nodes": "desiredSize", "smallest": "minSize"}
        cluster, _, group = thing.name.partition("/")
        scaling = {names[key]: value for key, value in values.items()}
        given = {"clusterName": cluster, "nodegroupName": group, "scalingConfig": scaling}
        account.call("eks", thing.region, "update_nodegroup_config", **given)

    def _nodes(self, account: Account, thing: Thing) -> dict[str, Any]:
        cluster, _, group = thing.name.partition("/")
        given = {"clusterName": cluster, "nodegroupName": group}
        found: dict[str, Any] = account.call("eks", thing.region, "describe_nodegroup", **given)["nodegroup"]
        return found
