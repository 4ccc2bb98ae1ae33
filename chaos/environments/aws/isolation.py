"""Machines cut off by a security group that allows nothing: CanIsolateMachine.

Security groups remember connections: what is open when a group is exchanged may go on until it is idle.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chaos.environments.aws.answers import NotNow, NotThere, after_a_change
from chaos.environments.aws.looking import Machine
from chaos.environments.aws.records import Hold, key_of, tag_of
from chaos.environments.aws.traffic import Traffic
from chaos.model.aws import MachineNetwork
from chaos.model.errors import ActionFailed

ISOLATED = "isolate"
_DESCRIBE = "describe_security_groups"


class Isolation(Traffic):
    """Each injection has a group of its own, named after its holder; which were there before stands in a tag."""

    def isolate_machine(self, instance: str, holder: str, until: float) -> None:
        machine = self.machine_now(instance)
        if machine is None:
            raise ActionFailed(f"there is no machine {instance}", took_effect="no")
        others = [name for name, hold in machine.holds.items() if hold.what == ISOLATED and name != holder]
        if others:
            raise ActionFailed(f"another fault ({others[0]}) has cut off {instance}", took_effect="no")
        if holder not in machine.holds:
            was = "+".join(machine.groups)
            tag = tag_of(holder, Hold(what=ISOLATED, until=until, was=was))
            self.account.call("ec2", machine.region, "create_tags", Resources=[machine.id], Tags=[tag])
        with after_a_change():
            group = self._group(machine.region, _name(holder)) or self._group_for(machine, holder)
            self.once_known(lambda: self._give(machine, [group["GroupId"]]))
        self.changed()

    def rejoin_machine(self, instance: str, holder: str) -> None:
        machine = self.machine_held(instance, holder)
        if machine is not None:
            with suppress(NotThere):  # terminated meanwhile: there is nothing left to put right
                self._give(machine, machine.holds[holder].was.split("+"))
        region, _, id = instance.partition("/")
        name, was_held = _name(holder), machine is not None
        self.until_settled(lambda: self._deleted(region, name, was_held), f"security group {name} is still in use")
        if machine is not None and holder in machine.holds:
            self.account.call("ec2", region, "delete_tags", Resources=[id], Tags=[{"Key": key_of(holder)}])
        self.changed()

    def machine_network(self, instance: str) -> MachineNetwork | None:
        machine = self.machine(instance)
        if machine is None:
            return None
        given = {"GroupIds": list(machine.groups)}

        def look() -> list[dict[str, Any]]:
            return list(
                self.account.pages("ec2", machine.region, "describe_security_groups", "SecurityGroups", **given)
            )

        found = self.recent(f"security groups {machine.groups}", look)
        passes = any(each.get("IpPermissions") or each.get("IpPermissionsEgress") for each in found)
        return MachineNetwork(machine.groups, passes)

    def _group(self, region: str, name: str) -> dict[str, Any] | None:
        wanted = [{"Name": "group-name", "Values": [name]}]
        found = self.account.pages("ec2", region, _DESCRIBE, "SecurityGroups", Filters=wanted)
        return next(iter(found), None)

    def _deleted(self, region: str, name: str, exists: bool) -> bool:
        """Not while AWS believes that the machine still has it."""
        group = self.once_shown(lambda: self._group(region, name), lambda seen: seen is not None or not exists)
        try:
            if group is not None:
                self.account.call("ec2", region, "delete_security_group", GroupId=group["GroupId"])
        except NotThere:
            return True
        except NotNow:
            return False
        return True

    def _group_for(self, machine: Machine, holder: str) -> dict[str, Any]:
        """A new group allows everything that goes out, until that is taken off."""
        words = "lets nothing pass, while a fault of Steadfast's lasts"
        given = {"GroupName": _name(holder), "Description": words, "VpcId": machine.vpc}
        made = self.account.call("ec2", machine.region, "create_security_group", **given)
        all_out = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        revoked = {"GroupId": made["GroupId"], "IpPermissions": all_out}
        self.once_known(lambda: self.account.call("ec2", machine.region, "revoke_security_group_egress", **revoked))
        return made

    def _give(self, machine: Machine, groups: list[str]) -> None:
        given = {"InstanceId": machine.id, "Groups": groups}
        self.account.call("ec2", machine.region, "modify_instance_attribute", **given)


def _name(holder: str) -> str:
    return f"steadfast {holder}".replace("/", " ")
