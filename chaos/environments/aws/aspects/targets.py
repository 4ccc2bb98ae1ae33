"""Targets of load balancers, deregistered and registered again: CanDeregister. Open connections are drained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanDeregister, Seen, Values

_ACTIONS = ("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets")
_TAGS = ("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
_LOOK = ("elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags")
_ARNS = ("arn:aws:elasticloadbalancing:*:{account}:targetgroup/*",)
_DRAINING = "draining"
_ANYWHERE = "any zone"
"""Where an address is, AWS does not say."""


class Targets:
    """One that is being drained still gets what is open. In effect when it is not in the list any more."""

    name = "targets"
    kind = "targets"
    capability = CanDeregister
    needs = (Need((*_ACTIONS, *_TAGS), _ARNS, armed=True), Need(_LOOK, ("*",)))

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        states = _states(account, thing)
        draining = [key for key, state in states.items() if state == _DRAINING]
        asked = [key for key in settings if key not in states]
        zones = _zones(account, thing.region, [_target(key) for key in (*states, *asked)])
        there: Values = {key: zones.get(key, _ANYWHERE) for key in states if key not in draining}
        healthy = sum(state == "healthy" for state in states.values())
        words = f"{healthy} targets are healthy, {len(draining)} are being drained"
        gone = tuple(key for key in asked if _is_machine(key) and key not in zones)
        return Seen(there, not draining, words, gone)

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        states = _states(account, thing)
        zones = _zones(account, thing.region, [_target(key) for key in values])
        out = [key for key, value in values.items() if value is None and states.get(key, _DRAINING) != _DRAINING]
        there = [key for key, value in values.items() if value is not None and (key in zones or not _is_machine(key))]
        for operation, keys in (("deregister_targets", out), ("register_targets", there)):
            if keys:
                targets = [_target(key) for key in keys]
                account.call("elbv2", thing.region, operation, TargetGroupArn=thing.arn, Targets=targets)


def _states(account: Account, thing: Thing) -> dict[str, str]:
    given = {"TargetGroupArn": thing.arn}
    found = account.call("elbv2", thing.region, "describe_target_health", **given)["TargetHealthDescriptions"]
    return {_key(each["Target"]): str(each["TargetHealth"]["State"]) for each in found}


def _zones(account: Account, region: str, targets: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Of those targets that are machines, and not terminated."""
    ids = sorted({str(each["Id"]) for each in targets if _is_machine(each["Id"])})
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    given = {"Filters": [{"Name": "instance-id", "Values": ids}, states]}
    listed = account.pages("ec2", region, "describe_instances", "Reservations", **given) if ids else ()
    machines = [each for reservation in listed for each in reservation["Instances"]]
    of = {each["InstanceId"]: str(each["Placement"]["AvailabilityZone"]) for each in machines}
    return {_key(each): of[each["Id"]] for each in targets if each["Id"] in of}


def _is_machine(key: str) -> bool:
    return key.startswith("i-")


def _key(target: dict[str, Any]) -> str:
    """A Lambda function has no port, and the address of one may have colons."""
    return f"{target['Id']}:{target['Port']}" if "Port" in target else str(target["Id"])


def _target(key: str) -> dict[str, Any]:
    id, _, port = key.rpartition(":")
    return {"Id": key} if key.startswith("arn:") else {"Id": id, "Port": int(port)}
