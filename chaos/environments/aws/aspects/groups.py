"""Auto Scaling groups that do not scale, or leave a zone: CanSuspendScaling, CanLeaveZone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import NotThere
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import RUNS, SUSPENDED, CanLeaveZone, CanSuspendScaling, Process, Seen, Values

_ARNS = ("arn:aws:autoscaling:*:{account}:autoScalingGroup:*:autoScalingGroupName/*",)
_TAGS = ("autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags")
_LOOK = Need(("autoscaling:DescribeTags",), ("*",))


class Processes:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html"""

    name = "processes"
    kind = "group"
    capability = CanSuspendScaling
    needs = (Need(("autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses", *_TAGS), _ARNS, armed=True), _LOOK)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = _group(account, thing)
        serves = sum(each["LifecycleState"] == "InService" for each in found["Instances"])
        words = f"{serves} of {found['DesiredCapacity']} machines in service"
        suspended = {str(each["ProcessName"]) for each in found.get("SuspendedProcesses", ())}
        return Seen({name: SUSPENDED if name in suspended else RUNS for name in get_args(Process)}, words=words)

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        for operation, wanted in (("suspend_processes", True), ("resume_processes", False)):
            names = [key for key, value in values.items() if (value == SUSPENDED) is wanted]
            if names:
                given = {"AutoScalingGroupName": thing.name, "ScalingProcesses": names}
                account.call("autoscaling", thing.region, operation, **given)


class Zones:
    """A group in subnets is told those, one without them its zones. In effect when no machine of it is there."""

    name = "zones"
    kind = "group"
    capability = CanLeaveZone
    needs = (
        Need(("autoscaling:UpdateAutoScalingGroup", *_TAGS), _ARNS, armed=True),
        _LOOK,
        Need(("ec2:DescribeSubnets",), ("*",)),
    )

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = _group(account, thing)
        there = self._subnets(account, thing, found)
        values: Values = {zone: "+".join(subnets) for zone, subnets in there.items()}
        leaving = [each for each in found["Instances"] if each["AvailabilityZone"] not in there]
        serves = sum(each["LifecycleState"] == "InService" for each in found["Instances"])
        words = f"{serves} of {found['DesiredCapacity']} machines in service, {len(leaving)} in zones it has left"
        return Seen(values, not leaving, words)

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        found = _group(account, thing)
        there = self._subnets(account, thing, found)
        for zone, subnets in values.items():
            there.pop(zone, None)
            if subnets is not None:
                there[zone] = [each for each in str(subnets).split("+") if each]
        given: dict[str, Any] = {"AvailabilityZones": sorted(there)}
        if found.get("VPCZoneIdentifier"):
            given = {"VPCZoneIdentifier": ",".join(sorted(each for subnets in there.values() for each in subnets))}
        account.call("autoscaling", thing.region, "update_auto_scaling_group", AutoScalingGroupName=thing.name, **given)

    def _subnets(self, account: Account, thing: Thing, found: dict[str, Any]) -> dict[str, list[str]]:
        """By zone; none in each of the zones when the group is not told subnets."""
        if not found.get("VPCZoneIdentifier"):
            return {zone: [] for zone in found["AvailabilityZones"]}
        ids = found["VPCZoneIdentifier"].split(",")
        by_zone: dict[str, list[str]] = {}
        for subnet in account.pages("ec2", thing.region, "describe_subnets", "Subnets", SubnetIds=ids):
            by_zone.setdefault(subnet["AvailabilityZone"], []).append(subnet["SubnetId"])
        return {zone: sorted(subnets) for zone, subnets in by_zone.items()}


def _group(account: Account, thing: Thing) -> dict[str, Any]:
    operation, key = "describe_auto_scaling_groups", "AutoScalingGroups"
    found = account.pages("autoscaling", thing.region, operation, key, AutoScalingGroupNames=[thing.name])
    group = next(iter(found), None)
    if group is None:
        raise NotThere(f"there is no group {thing.name} in {thing.region}", took_effect="no")
    return group
