"""What the account holds of the system under test: a few lists per region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from chaos.environments.aws.account import Account
from chaos.environments.aws.records import Hold, holds_in, tags_in
from chaos.environments.aws.things import Thing

RUNNING = ("pending", "running")
ALONE = "db/"
"""In names, before that of a database instance in no cluster."""

_GONE = ("terminated", "shutting-down")

Listed_co = TypeVar("Listed_co", covariant=True)


class Lists(Protocol[Listed_co]):
    """A list of one kind in one region, of what bears the selector's tags. Raises ApiFailed."""

    def __call__(self, account: Account, region: str, selector: Mapping[str, str], /) -> tuple[Listed_co, ...]: ...


class Machine(Struct, frozen=True, kw_only=True):
    """An EC2 instance that is not terminated."""

    id: str
    region: str
    zone: str
    state: str
    subnet: str
    vpc: str
    groups: tuple[str, ...]
    launched: str
    address: str
    tags: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.region}/{self.id}"

    @property
    def bare_name(self) -> str:
        return self.id

    @property
    def holds(self) -> dict[str, Hold]:
        return holds_in(self.tags)

    @property
    def identity(self) -> dict[str, str | int] | None:
        """None while it does not run. A machine that was stopped and started again is the same id, launched later."""
        return {"region": self.region, "id": self.id, "launched": self.launched} if self.state in RUNNING else None


class Group(Struct, frozen=True, kw_only=True):
    """An Auto Scaling group; `in_service` of its machines work."""

    name: str
    region: str
    smallest: int
    wanted: int
    largest: int
    in_service: int
    present: int
    suspended: tuple[str, ...]
    tags: dict[str, str]

    @property
    def bare_name(self) -> str:
        return self.name

    @property
    def holds(self) -> dict[str, Hold]:
        return holds_in(self.tags)


class Database(Struct, frozen=True, kw_only=True):
    """An RDS or Aurora cluster, and which of its instances takes writes (empty: none now).

    Or an instance in no cluster, `alone`, which writes where it is, and may have a standby in another zone; without
    one it counts as having no writer, as nobody could take over.
    """

    name: str
    region: str
    writer: str
    tags: dict[str, str]
    alone: bool = False

    @property
    def bare_name(self) -> str:
        return f"{ALONE}{self.name}" if self.alone else self.name


class Look(Struct, frozen=True, kw_only=True):
    """One region."""

    region: str
    machines: tuple[Machine, ...]
    groups: tuple[Group, ...]
    databases: tuple[Database, ...]
    things: tuple[Thing, ...]


# parameters: which machines of which region
def machines_of(
    account: Account, region: str, selector: Mapping[str, str], ids: Sequence[str] = ()
) -> tuple[Machine, ...]:
    """Of `ids` those that are there."""
    chosen = [*filters_of(selector), *([{"Name": "instance-id", "Values": list(ids)}] if ids else [])]
    found = account.pages("ec2", region, "describe_instances", "Reservations", Filters=chosen)
    machines = [_machine(each, region) for reservation in found for each in reservation["Instances"]]
    return tuple(each for each in machines if each.state not in _GONE)


def groups_of(account: Account, region: str, selector: Mapping[str, str]) -> tuple[Group, ...]:
    operation, key = "describe_auto_scaling_groups", "AutoScalingGroups"
    found = account.pages("autoscaling", region, operation, key, Filters=filters_of(selector))
    return tuple(_group(each, region) for each in found)


def databases_of(account: Account, region: str, selector: Mapping[str, str]) -> tuple[Database, ...]:
    """RDS does not select by tags."""
    clusters = account.pages("rds", region, "describe_db_clusters", "DBClusters")
    instances = account.pages("rds", region, "describe_db_instances", "DBInstances")
    databases = [
        *(_database(each, region) for each in clusters),
        *(_instance(each, region) for each in instances if not each.get("DBClusterIdentifier")),
    ]
    return tuple(each for each in databases if selector.items() <= each.tags.items())


def filters_of(selector: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in selector.items()]


def _machine(found: Mapping[str, Any], region: str) -> Machine:
    launched = found["LaunchTime"]
    return Machine(
        id=found["InstanceId"],
        region=region,
        zone=found.get("Placement", {}).get("AvailabilityZone", ""),
        state=found["State"]["Name"],
        subnet=found.get("SubnetId", ""),
        vpc=found.get("VpcId", ""),
        groups=tuple(sorted(each["GroupId"] for each in found.get("SecurityGroups", ()))),
        launched=launched.isoformat() if isinstance(launched, datetime) else str(launched),
        address=found.get("PrivateIpAddress", ""),
        tags=tags_in(found.get("Tags", ())),
    )


def _database(found: Mapping[str, Any], region: str) -> Database:
    writers = (
        each["DBInstanceIdentifier"] for each in found.get("DBClusterMembers", ()) if each.get("IsClusterWriter")
    )
    tags = tags_in(found.get("TagList", ()))
    return Database(name=found["DBClusterIdentifier"], region=region, writer=next(writers, ""), tags=tags)


def _instance(found: Mapping[str, Any], region: str) -> Database:
    """While it is on its way from one zone to the other, it is not "available"."""
    writes = found.get("MultiAZ") and found.get("DBInstanceStatus") == "available"
    writer = f"the instance in {found.get('AvailabilityZone')}" if writes else ""
    tags = tags_in(found.get("TagList", ()))
    return Database(name=found["DBInstanceIdentifier"], region=region, writer=writer, tags=tags, alone=True)


def _group(found: Mapping[str, Any], region: str) -> Group:
    instances = found.get("Instances", ())
    return Group(
        name=found["AutoScalingGroupName"],
        region=region,
        smallest=found["MinSize"],
        wanted=found["DesiredCapacity"],
        largest=found["MaxSize"],
        in_service=sum(each.get("LifecycleState") == "InService" for each in instances),
        present=len(instances),
        suspended=tuple(sorted(each["ProcessName"] for each in found.get("SuspendedProcesses", ()))),
        tags=tags_in(found.get("Tags", ())),
    )
