"""Zones and regions cut off by network ACLs: CanCutZone, CanFailRegion.

For each VPC one ACL of ours that allows nothing takes the place of those that the system's subnets have; which subnet
had which stands in its tags. An ACL judges what crosses the border of a subnet: machines in one reach each other
still. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from chaos.environments.aws.answers import NotNow, NotThere, after_a_change, in_each
from chaos.environments.aws.looking import Machine
from chaos.environments.aws.machines import Machines
from chaos.environments.aws.records import Hold, holds_in, tag_of, tags_in
from chaos.model.aws import SubnetState
from chaos.model.errors import ActionFailed
from chaos.model.system import Instance

_WAS = "steadfast:was:"
_MOST_SUBNETS = 40
"""A resource has room for fifty tags."""


class _Acl(Struct, frozen=True, kw_only=True):
    id: str
    vpc: str
    is_default: bool
    passes: bool
    tags: dict[str, str]
    associations: dict[str, str]
    """By subnet; an association is what is replaced, and has another name afterwards."""


class Networks(Machines):
    """A subnet is the system's when one of its machines is in it."""

    def cut(self, region: str, zone: str, holder: str, until: float) -> None:
        self.forget()
        wanted = self._subnets_with_machines(region, zone)
        if not wanted:
            raise ActionFailed(f"no machine of the system is in {zone or region}", took_effect="no")
        acls = self._acls(region)
        self._refuse_others(region, acls, wanted, holder)
        ours = {acl.vpc: acl.id for acl in acls if holder in holds_in(acl.tags)}
        before = {
            vpc: _before(acls, vpc, wanted, holder)
            for vpc in sorted({acl.vpc for acl in acls if wanted & acl.associations.keys()})
        }
        for vpc, had in before.items():
            if len(had) > _MOST_SUBNETS:
                said = f"{vpc} has {len(had)} subnets to cut off, and one ACL can remember {_MOST_SUBNETS}"
                raise ActionFailed(said, "cut off one zone after the other", took_effect="no")

        def cut_in(vpc: str) -> None:
            deny = ours.get(vpc) or self._made(region, vpc, before[vpc], (holder, until))
            with after_a_change():
                for subnet, acl in before[vpc].items():
                    self.once_known(partial(self._replace, region, acl.associations[subnet], deny))

        in_each(list(before), cut_in)
        self.changed()

    def mend(self, region: str, holder: str) -> None:
        """Each subnet gets the ACL it had, or its VPC's own when that was deleted meanwhile."""
        self.account.verify()
        self.until_settled(lambda: self._mended(region, holder), f"subnets of {region} still have an ACL of ours")
        self.changed()

    def _mended(self, region: str, holder: str) -> bool:
        """Not when AWS shows ours without a subnet that has it, or with one that has it no more: look again then."""
        shows: Callable[[list[_Acl]], bool] = lambda seen: any(holder in holds_in(acl.tags) for acl in seen)  # noqa: E731
        acls = self.once_shown(lambda: self._acls(region), shows)
        try:
            for ours in (acl for acl in acls if holder in holds_in(acl.tags)):
                there = {acl.id: acl for acl in acls if acl.vpc == ours.vpc}
                default = next(acl.id for acl in there.values() if acl.is_default)
                for subnet, association in ours.associations.items():
                    was = ours.tags.get(_WAS + subnet, "")
                    self._replace(region, association, was if was in there else default)
                self.account.call("ec2", region, "delete_network_acl", NetworkAclId=ours.id)
        except (NotThere, NotNow):
            return False
        return True

    def subnets(self, region: str, zone: str) -> tuple[SubnetState, ...]:
        wanted = self._subnets_with_machines(region, zone)
        return tuple(
            SubnetState(subnet, acl.id, not acl.passes)
            for acl in self.recent(f"acls of {region}", lambda: self._acls(region))
            for subnet in sorted(wanted & acl.associations.keys())
        )

    def cuts(self, region: str) -> dict[str, Hold]:
        """What ACLs of ours are there, by holder."""
        return {holder: hold for acl in self._acls(region) for holder, hold in holds_in(acl.tags).items()}

    def fail_region(self, region: str, holder: str, until: float) -> None:
        self.cut(region, "", holder, until)

    def restore_region(self, region: str, holder: str) -> None:
        self.mend(region, holder)

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        """Up is what runs in a subnet that lets something pass."""
        cut = {state.subnet for state in self.subnets(region, "") if state.cut}
        return tuple(
            self.instance_of(machine, reachable=machine.subnet not in cut) for machine in self.machines(region)
        )

    def instance_of(self, machine: Machine, reachable: bool = True) -> Instance:
        return Instance(
            name=machine.name,
            service=machine.tags.get(self.settings.tags.service, ""),
            region=machine.region,
            labels={"zone": machine.zone, "state": machine.state, "subnet": machine.subnet},
            identity=machine.identity if reachable else None,
        )

    def _subnets_with_machines(self, region: str, zone: str) -> set[str]:
        return {machine.subnet for machine in self.machines(region) if machine.subnet and zone in ("", machine.zone)}

    def _refuse_others(self, region: str, acls: list[_Acl], wanted: set[str], holder: str) -> None:
        """What another fault has cut could not be given back rightly by both."""
        for acl in acls:
            held = wanted & acl.associations.keys()
            others = [name for name in holds_in(acl.tags) if name != holder]
            if held and others:
                said = f"another fault ({others[0]}) has cut off {', '.join(sorted(held))} in {region}"
                raise ActionFailed(said, "wait for its end, or `chaos rollback --scan`", took_effect="no")

    # parameters: where, what each subnet had, and the lease
    def _made(self, region: str, vpc: str, before: Mapping[str, _Acl], lease: tuple[str, float]) -> str:
        """A new ACL allows nothing: its only rule is the last one, which denies all."""
        holder, until = lease
        tags = [
            {"Key": "Name", "Value": "steadfast: lets nothing pass"},
            tag_of(holder, Hold(what="cut", until=until)),
            *({"Key": _WAS + subnet, "Value": acl.id} for subnet, acl in before.items()),
        ]
        given = [{"ResourceType": "network-acl", "Tags": tags}]
        made = self.account.call("ec2", region, "create_network_acl", VpcId=vpc, TagSpecifications=given)
        return str(made["NetworkAcl"]["NetworkAclId"])

    def _replace(self, region: str, association: str, acl: str) -> None:
        given = {"AssociationId": association, "NetworkAclId": acl}
        self.account.call("ec2", region, "replace_network_acl_association", **given)

    def _acls(self, region: str) -> list[_Acl]:
        found = self.account.pages("ec2", region, "describe_network_acls", "NetworkAcls")
        return [_acl(each) for each in found]


def _before(acls: list[_Acl], vpc: str, wanted: set[str], holder: str) -> dict[str, _Acl]:
    """Which ACL each subnet to cut off has; not those that have ours already."""
    return {
        subnet: acl
        for acl in acls
        if acl.vpc == vpc and holder not in holds_in(acl.tags)
        for subnet in sorted(wanted & acl.associations.keys())
    }


def _acl(found: Mapping[str, Any]) -> _Acl:
    return _Acl(
        id=found["NetworkAclId"],
        vpc=found["VpcId"],
        is_default=bool(found.get("IsDefault")),
        passes=any(entry.get("RuleAction") == "allow" for entry in found.get("Entries", ())),
        tags=tags_in(found.get("Tags", ())),
        associations={each["SubnetId"]: each["NetworkAclAssociationId"] for each in found.get("Associations", ())},
    )
