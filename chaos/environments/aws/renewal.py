"""What strikes once: machines rebooted or terminated, groups refreshed, caches that fail over.

CanReboot, CanTerminate, CanRefresh, CanFailOverCache. A reboot and a refresh leave a mark while they last: a tag.
"""

from __future__ import annotations

import hashlib
from typing import Any

from chaos.environments.aws import things
from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.denials import Denials
from chaos.environments.aws.looking import RUNNING
from chaos.environments.aws.records import Hold, holds_in, key_of, tag_of
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_acts import Boot, CanFailOverCache, CanReboot, CanRefresh, CanTerminate, Membership, Refresh
from chaos.model.errors import ActionFailed

REBOOT, REFRESH = "reboot", "refresh"
_REPLACING = ("Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy")
_MACHINES = ("arn:aws:ec2:*:{account}:instance/*",)
_GROUPS = ("arn:aws:autoscaling:*:{account}:autoScalingGroup:*:autoScalingGroupName/*",)
_STATUS = "describe_instance_status"
NEEDS: dict[type, tuple[Need, ...]] = {
    CanReboot: (
        Need(
            ("ec2:RebootInstances", "ec2:GetConsoleOutput", "ec2:CreateTags", "ec2:DeleteTags"), _MACHINES, armed=True
        ),
        Need(("ec2:DescribeInstanceStatus",), ("*",)),
    ),
    CanTerminate: (
        Need(("autoscaling:DescribeAutoScalingInstances",), ("*",)),
        Need(("autoscaling:TerminateInstanceInAutoScalingGroup",), _GROUPS, armed=True),
    ),
    CanRefresh: (
        Need(("autoscaling:DescribeInstanceRefreshes", "autoscaling:DescribeTags"), ("*",)),
        Need(("autoscaling:StartInstanceRefresh", "autoscaling:CancelInstanceRefresh"), _GROUPS, armed=True),
        Need(("autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags"), _GROUPS, armed=True),
    ),
    CanFailOverCache: (
        Need(("elasticache:DescribeReplicationGroups",), ("*",)),
        Need(("elasticache:TestFailover",), ("arn:aws:elasticache:*:{account}:replicationgroup:*",), armed=True),
    ),
}


class Renewal(Denials):
    """What was struck comes back by itself."""

    def reboot(self, instance: str, holder: str, until: float) -> None:
        machine = self.machine_now(instance)
        if machine is None:
            raise ActionFailed(f"there is no machine {instance}", took_effect="no")
        if holder in machine.holds:
            return
        tag = tag_of(holder, Hold(what=REBOOT, until=until))
        self.account.call("ec2", machine.region, "create_tags", Resources=[machine.id], Tags=[tag])
        with after_a_change():
            self.account.call("ec2", machine.region, "reboot_instances", InstanceIds=[machine.id])
        self.struck()

    def rebooted(self, instance: str, holder: str) -> None:
        machine = self.machine_held(instance, holder)
        if machine is not None:
            gone = [{"Key": key_of(holder)}]
            self.account.call("ec2", machine.region, "delete_tags", Resources=[machine.id], Tags=gone)
            self.changed()

    def boot(self, instance: str) -> Boot | None:
        machine = self.machine(instance)
        if machine is None or machine.state not in RUNNING:
            return None

        def look() -> Boot:
            console = self.account.call("ec2", machine.region, "get_console_output", InstanceId=machine.id)
            said = str(console.get("Output", ""))
            ids = {"InstanceIds": [machine.id]}
            found = list(self.account.pages("ec2", machine.region, _STATUS, "InstanceStatuses", **ids))
            status = found[0]["InstanceStatus"]["Status"] if found else "not running"
            return Boot(hashlib.sha256(said.encode()).hexdigest()[:16], str(status))

        return self.recent(f"boot of {instance}", look)

    def terminate(self, instance: str) -> None:
        region, _, id = instance.partition("/")
        member = self._member(instance)
        if member and not member["LifecycleState"].startswith("Terminat"):
            given = {"InstanceId": id, "ShouldDecrementDesiredCapacity": False}
            self.account.call("autoscaling", region, "terminate_instance_in_auto_scaling_group", **given)
        self.struck()

    def is_up(self, instance: str) -> bool:
        machine = self.machine(instance)
        return machine is not None and machine.state in RUNNING

    def membership(self, instance: str) -> Membership | None:
        member = self._member(instance)
        return self.replaced(instance.partition("/")[0], str(member["AutoScalingGroupName"])) if member else None

    def replaced(self, region: str, group: str) -> Membership | None:
        """Only groups that bear the system's tags are known."""
        found = self.group(f"{region}/{group}")
        if found is None:
            return None
        suspended = [each for each in found.suspended if each in _REPLACING]
        words = f"its {', '.join(suspended)} is suspended" if suspended else ""
        return Membership(f"{region}/{group}", found.wanted, found.in_service, words)

    def refresh(self, group: str, holder: str, healthy_percent: int, until: float) -> None:
        thing = self.thing_of("group", group)
        if thing is None:
            raise ActionFailed(f"there is no group {group}", took_effect="no")
        if holder not in holds_in(things.tags_now(self.account, thing)):
            last = self._last(thing)
            hold = Hold(what=REFRESH, until=until, was=last.id if last else "")
            things.hold(self.account, thing, holder, hold)
            # At most as many machines as it is asked for: none is paid for besides them.
            preferences = {"MinHealthyPercentage": healthy_percent, "MaxHealthyPercentage": 100, "SkipMatching": False}
            given = {"AutoScalingGroupName": thing.name, "Preferences": preferences}
            with after_a_change():
                self.account.call("autoscaling", thing.region, "start_instance_refresh", **given)
        self.changed()

    def stop_refresh(self, group: str, holder: str) -> None:
        thing = self.thing_of("group", group)
        if thing is None:
            return
        tags = self.tags_once_shown(thing, holder)
        hold = holds_in(tags).get(holder)
        if hold is None:
            return
        last = self.once_shown(lambda: self._last(thing), lambda seen: seen is not None and seen.id != hold.was)
        if last is not None and last.id != hold.was and last.goes_on and last.status != "Cancelling":
            given = {"AutoScalingGroupName": thing.name}
            self.account.call("autoscaling", thing.region, "cancel_instance_refresh", **given)
        things.release(self.account, thing, holder, tags)
        self.changed()

    def last_refresh(self, group: str) -> Refresh | None:
        thing = self.thing_of("group", group)
        return None if thing is None else self.recent(f"refresh of {group}", lambda: self._last(thing))

    def fail_over_cache(self, cache: str, shard: str) -> None:
        region, _, name = cache.partition("/cache/")
        given = {"ReplicationGroupId": name, "NodeGroupId": shard}
        self.account.call("elasticache", region, "test_failover", **given)
        self.struck()

    def primary(self, cache: str, shard: str) -> str | None:
        region, _, name = cache.partition("/cache/")
        given = {"ReplicationGroupId": name}
        operation, key = "describe_replication_groups", "ReplicationGroups"

        def look() -> list[dict[str, Any]]:
            return list(self.account.pages("elasticache", region, operation, key, **given))

        try:
            found = self.recent(f"cache {cache}", look)
        except NotThere:
            return None
        shards = [each for group in found for each in group["NodeGroups"] if each["NodeGroupId"] == shard]
        nodes = [node for each in shards for node in each["NodeGroupMembers"] if node.get("CurrentRole") == "primary"]
        return str(nodes[0]["CacheClusterId"]) if nodes else None

    def _member(self, instance: str) -> dict[str, Any] | None:
        """What Auto Scaling knows of a machine."""
        region, _, id = instance.partition("/")
        operation, key = "describe_auto_scaling_instances", "AutoScalingInstances"
        return next(self.account.pages("autoscaling", region, operation, key, InstanceIds=[id]), None)

    def _last(self, thing: Thing) -> Refresh | None:
        """AWS lists the newest first."""
        given = {"AutoScalingGroupName": thing.name, "MaxRecords": 1}
        found = self.account.call("autoscaling", thing.region, "describe_instance_refreshes", **given)
        for each in found.get("InstanceRefreshes", ()):
            done = int(each.get("PercentageComplete", 0))
            return Refresh(each["InstanceRefreshId"], each["Status"], done, each.get("StatusReason", ""))
        return None
