"""Auto Scaling groups with fewer machines or more, and database clusters with another writer.

CanSetCapacity, CanAddMachines, CanFailOver.
"""

from __future__ import annotations

from chaos.environments.aws.answers import after_a_change
from chaos.environments.aws.looking import ALONE, Group
from chaos.environments.aws.networks import Networks
from chaos.environments.aws.records import Hold, key_of, reading_before, tag_of
from chaos.model.aws import Capacity
from chaos.model.errors import ActionFailed

_SUSPENDED = ("AZRebalance", "AlarmNotification", "ScheduledActions")
"""What would ask the group for another number meanwhile."""


class Groups(Networks):
    """What a group was asked for before stands in its tag: smallest, wanted, the processes that we suspended, and
    largest, where that was changed as well."""

    def set_capacity(self, group: str, holder: str, wanted: int, until: float) -> None:
        found = self._existing(group)
        if holder not in found.holds:
            suspending = [each for each in _SUSPENDED if each not in found.suspended]
            was = f"{found.smallest},{found.wanted},{'+'.join(suspending)}"
            self._tag(found.region, found.name, tag_of(holder, Hold(what="capacity", until=until, was=was)))
            with after_a_change():
                self._processes("suspend_processes", found.region, found.name, suspending)
        with after_a_change():
            self._ask(found.region, found.name, min(found.smallest, wanted), wanted)
        self.changed()

    def add_machines(self, group: str, holder: str, wanted: int, until: float) -> None:
        """It may go on to scale, but not below that."""
        found = self._existing(group)
        if holder not in found.holds:
            was = f"{found.smallest},{found.wanted},,{found.largest}"
            self._tag(found.region, found.name, tag_of(holder, Hold(what="capacity", until=until, was=was)))
        with after_a_change():
            self._ask(found.region, found.name, wanted, max(found.wanted, wanted), max(found.largest, wanted))
        self.changed()

    def restore_capacity(self, group: str, holder: str) -> None:
        self.forget()
        found = self.once_shown(lambda: self.group(group), lambda seen: seen is not None and holder in seen.holds)
        if found is None or holder not in found.holds:
            return
        sizes, suspended = _before(found.holds[holder], group)
        self._ask(found.region, found.name, *sizes)
        self._processes("resume_processes", found.region, found.name, suspended)
        gone = {"ResourceId": found.name, "ResourceType": "auto-scaling-group", "Key": key_of(holder)}
        self.account.call("autoscaling", found.region, "delete_tags", Tags=[gone])
        self.changed()

    def capacity(self, group: str) -> Capacity | None:
        found = self.group(group)
        return Capacity(found.wanted, found.present, found.in_service, bool(found.holds)) if found else None

    def fail_over(self, cluster: str) -> None:
        region, _, name = cluster.partition("/")
        if name.startswith(ALONE):
            given = {"DBInstanceIdentifier": name.removeprefix(ALONE), "ForceFailover": True}
            self.account.call("rds", region, "reboot_db_instance", **given)
        else:
            self.account.call("rds", region, "failover_db_cluster", DBClusterIdentifier=name)
        self.struck()

    def writer(self, cluster: str) -> str | None:
        found = self.database(cluster)
        return found.writer if found and found.writer else None

    def _existing(self, name: str) -> Group:
        """As it is now, for what is about to be changed."""
        self.forget()
        found = self.group(name)
        if found is None:
            raise ActionFailed(f"there is no group {name}", took_effect="no")
        return found

    # parameters: a group, and its sizes
    def _ask(self, region: str, name: str, smallest: int, wanted: int, largest: int | None = None) -> None:
        given: dict[str, str | int] = {"AutoScalingGroupName": name, "MinSize": smallest, "DesiredCapacity": wanted}
        if largest is not None:
            given["MaxSize"] = largest
        self.account.call("autoscaling", region, "update_auto_scaling_group", **given)

    def _tag(self, region: str, name: str, tag: dict[str, str]) -> None:
        whole = {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False, **tag}
        self.account.call("autoscaling", region, "create_or_update_tags", Tags=[whole])

    def _processes(self, operation: str, region: str, name: str, processes: list[str]) -> None:
        if processes:
            given = {"AutoScalingGroupName": name, "ScalingProcesses": processes}
            self.account.call("autoscaling", region, operation, **given)


def _before(hold: Hold, group: str) -> tuple[list[int], list[str]]:
    """Smallest, wanted and, where it was changed, largest; and the processes that we suspended."""
    with reading_before(group):
        smallest, wanted, suspended, largest = [*hold.was.split(","), ""][:4]
        sizes = [int(each) for each in (smallest, wanted, *filter(None, [largest]))]
    return sizes, [each for each in suspended.split("+") if each]
